"""FHIR R4 records: a seeded region of our own, and a reader for Synthea's bundles; both yield a ``Workload``."""

from poju.exchange.formats.fhir.digest import generator_digest
from poju.exchange.formats.fhir.generator.region import generate
from poju.exchange.formats.fhir.synthea.reader import read_synthea
from poju.exchange.formats.fhir.workload import OrderPlaced, PatientCopy, ResultRecorded, Workload

__all__ = ["OrderPlaced", "PatientCopy", "ResultRecorded", "Workload", "generate", "generator_digest", "read_synthea"]
