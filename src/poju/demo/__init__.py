"""The demonstration: the whole loop on one machine, each step one module, every component the real one."""
