"""The seeded generator of a region. It is frozen: ``poju.exchange.formats.fhir.digest`` names its bytes."""
