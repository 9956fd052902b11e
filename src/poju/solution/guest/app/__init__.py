"""The guest's own source: copied out and built by ``poju.solution.guest``, never imported here."""
