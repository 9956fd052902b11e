"""FHIR R4 records: a seeded region of our own, and a reader for Synthea's bundles; both yield a ``Workload``."""
