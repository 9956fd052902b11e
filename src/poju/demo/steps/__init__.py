"""The nine steps of the loop, each with ``run(session)``."""
