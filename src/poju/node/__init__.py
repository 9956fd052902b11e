"""One organisation's process: keys, the composed rule book, HTTP API, outbox, replica."""
