"""Who takes part in the demonstration. Synthetic organisations; no real one is meant."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORITY = "health-commission"
IDENTITY_INDEX = "identity-index"
RUNNERS = ("university", "institute")
AUDITOR = "auditor"
PROVIDERS = ("qingyan", "lianyi")
CUSTODIANS = ("h1", "h2", "h3", "h4", "c1", "c2", "l1")
WITH_PROCESSES = ("h1", "h2")


@dataclass(frozen=True)
class Member:
    """A member's name in the ledger, its roles in the healthcare package, its display name."""

    id: str
    roles: tuple[str, ...]
    name: str


MEMBERS = (
    Member("h1", ("hospital",), "First Hospital (synthetic)"),
    Member("h2", ("hospital",), "Second Hospital (synthetic)"),
    Member("h3", ("hospital",), "Third Hospital (synthetic)"),
    Member("h4", ("hospital",), "Fourth Hospital (synthetic)"),
    Member("c1", ("clinic",), "East Clinic (synthetic)"),
    Member("c2", ("clinic",), "West Clinic (synthetic)"),
    Member("l1", ("laboratory",), "Central Laboratory (synthetic)"),
    Member("p1", ("pharmacy",), "Pharmacy One (synthetic)"),
    Member("p2", ("pharmacy",), "Pharmacy Two (synthetic)"),
    Member("p3", ("pharmacy",), "Pharmacy Three (synthetic)"),
    Member("insurer", ("insurer",), "Regional Medical Insurer (synthetic)"),
    Member("disease-control", ("disease-control",), "Centre for Disease Control (synthetic)"),
    Member("university", ("university",), "University of the Region (synthetic)"),
    Member("institute", ("university",), "Institute of Health Statistics (synthetic)"),
    Member(IDENTITY_INDEX, ("identity-index",), "Identity Index (synthetic)"),
    Member("qingyan", ("provider",), "Qingyan (synthetic provider)"),
    Member("lianyi", ("provider",), "Lianyi (synthetic provider)"),
    Member("auditor", ("auditor",), "Regional Audit Office (synthetic)"),
)
