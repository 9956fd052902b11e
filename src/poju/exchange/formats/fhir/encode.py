"""Exact JSON: the same value gives the same bytes, and decimals keep their digits (FHIR R4, section 2.6.2)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | Decimal | list[Json] | dict[str, Json] | None"


def encode(value: Json) -> bytes:
    """Return ``value`` as UTF-8 JSON without white space, members in the order given.

    There are no floats: a number with a fraction is a :class:`~decimal.Decimal` and is written with its own digits.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode()


def _write(value: Json, parts: list[str]) -> None:
    if isinstance(value, dict):
        _write_object(value, parts)
    elif isinstance(value, list):
        _write_array(value, parts)
    elif isinstance(value, Decimal):
        parts.append(format(value, "f"))
    else:
        parts.append(json.dumps(value, ensure_ascii=False))


def _write_object(value: dict[str, Json], parts: list[str]) -> None:
    separator = "{"
    for name, member in value.items():
        parts.append(separator + json.dumps(name, ensure_ascii=False) + ":")
        _write(member, parts)
        separator = ","
    parts.append("}" if value else "{}")


def _write_array(value: list[Json], parts: list[str]) -> None:
    separator = "["
    for member in value:
        parts.append(separator)
        _write(member, parts)
        separator = ","
    parts.append("]" if value else "[]")
