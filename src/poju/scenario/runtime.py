"""What the rules run on. ``scenario-open`` pins it and votes change it, so that a replay uses the same (LOG-4)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version
from types import MappingProxyType

RULES_VERSION = "2"
LIBRARIES = ("cbor2", "cedarpy", "pynacl")


@cache
def describe() -> Mapping[str, str]:
    """Return ``{"rules": …, "cbor2": …, "cedarpy": …, "pynacl": …}``: versions of what decides at registration."""
    return MappingProxyType({"rules": RULES_VERSION, **{name: version(name) for name in LIBRARIES}})


@cache
def known() -> tuple[Mapping[str, str], ...]:
    """Return the runtimes whose every answer this one gives too: its own, and those in ``runtimes.toml``."""
    table = tomllib.loads(resources.files("poju.scenario").joinpath("runtimes.toml").read_text("utf-8"))
    return (describe(), *(MappingProxyType(dict(entry)) for entry in table.get("runtime", [])))


def reproduces(pinned: Mapping[str, object]) -> bool:
    """Return whether rules that ran under the pinned runtime answer the same here; it may name more than rules need."""
    return any(all(pinned.get(name) == found for name, found in one.items()) for one in known())
