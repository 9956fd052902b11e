"""Everything that anyone can check, from public keys alone: no store, no engine, no network."""
