"""Writes ``docs/spec/statements.md``: ``python -m poju.scenario.spec PACKAGE FILE``; a test compares the two."""

from __future__ import annotations

import sys
from pathlib import Path

from poju.scenario.package import load
from poju.scenario.summary import statements_table

PREAMBLE = """# Statement kinds

<!-- Generated from statements/*.toml by `python -m poju.scenario.spec`; change the TOML, not this file. -->

A statement is a COSE_Sign1 (RFC 9052) over a CBOR map of its kind's fields (RFC 8949 §4.2.1); RFC 9943 describes its
place. Its headers and limits stand in `src/poju/ledger/statement.py`. This page lists every kind with its fields.

**By** names capabilities: the package says which role has which. **Class** says who may see a field: everybody, or
the members whose role and package allow it. What no table lists is refused: an unknown field, a missing field, another
type, a value outside its range.

## Types

| Type | CBOR | Validation |
|---|---|---|
| bool | true, false | |
| int | integer | within ±(2^62 − 1) |
| count, fen, ppm | integer | from 0 to 2^62 − 1; ppm to 1,000,000 |
| duration, time | integer | from 0, below 2^40; seconds; time counts from 1970-01-01T00:00:00Z |
| bytes, digest, key, signed | byte string | bytes: the stated length; digest, key: 32; signed: 1 to 2,048 |
| code | text | letters, digits, `.`, `_`, `:`, `-`; at most 48; where the package closes the list, one of it |
| text-enum | text | one of the stated values |
| member | text | a member's name: lower-case letters, digits, `.`, `-`; at most 64 |
| role | text | a role of the package |
| handle | text | 32 lower-case hexadecimal digits |
| subject | text | a statement subject; at most 128 |
| origin | text | a log's name: a host and a path of at most 128 characters, such as `health.example/log` |
| label | text | one line of at most 80 letters, digits and everyday punctuation; for names of public things only |
| list-of-… | array | at most the stated number of different items |
| map-of-… | map | keys are codes; at most the stated number of entries |

There is no type for free text. Refusals: `field.missing`, `field.unknown`, `field.type`, `field.range`.

## The identity index's assertion

Inside `access-request` travels a COSE_Sign1 of its own: content type `application/vnd.poju.assertion+cbor`, `kid` of a
member with the capability identity, empty unprotected header, and as payload exactly this map.

| Name | Type | Description | Validation |
|---|---|---|---|
| `requester` | text | the member that asks | equals the request's issuer |
| `pointer` | text | the record's pointer | equals the request's pointer |
| `handle` | text | the person's handle at the requester | 32 lower-case hexadecimal digits |
| `until` | integer | when the assertion ends | not before the block's time |

"""


def page(package_folder: Path) -> str:
    """Return the whole page for the package in ``package_folder``."""
    return PREAMBLE + statements_table(load(package_folder))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1])), encoding="utf-8")
