"""What the rules run on. ``scenario-open`` pins it, so that a replay uses the same (LOG-4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from types import MappingProxyType

RULES_VERSION = "1"
LIBRARIES = ("cbor2", "cedarpy", "pynacl")


@cache
def describe() -> Mapping[str, str]:
    """Return ``{"rules": …, "cbor2": …, "cedarpy": …, "pynacl": …}``: versions of what decides at registration."""
    return MappingProxyType({"rules": RULES_VERSION, **{name: version(name) for name in LIBRARIES}})
