"""The console: what a demonstration recorded, as pages that an official can read; read only, over one file.

``report`` reads and writes, ``shape`` checks, ``figures`` words, ``matrix``, ``story`` and ``charts`` prepare, ``page``
renders, ``app`` and ``serve`` answer on loopback.
"""
