"""What the identity index may compare of a FHIR Patient: regional identifier, name words, birth date."""

from __future__ import annotations

import json
from typing import Any

from poju.exchange.identity import Traits

NATIONAL_IDENTIFIER = "http://hl7.org/fhir/sid/us-ssn"


def traits_of(patient: bytes) -> Traits:
    """Return the traits in a Patient resource's exact bytes; an institution's own record number is none of them."""
    resource: dict[str, Any] = json.loads(patient)
    names: list[dict[str, Any]] = resource.get("name", [])
    name = names[0] if names else {}
    words = (str(name.get("family", "")), *(str(part) for part in name.get("given", [])))
    return Traits(_identifier(resource), words, str(resource.get("birthDate", "")))


def _identifier(resource: dict[str, Any]) -> str | None:
    for identifier in resource.get("identifier", []):
        if identifier.get("use") == "official" or identifier.get("system") == NATIONAL_IDENTIFIER:
            return str(identifier["value"])
    return None
