"""PRIV-1 and PRIV-4 over everything that the demonstration wrote outside the institutions' own stores."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support_demo import SEED, Run

from poju.demo.cohorts import secret
from poju.exchange.formats.fhir import generate
from poju.exchange.pointer import HANDLE_BYTES
from poju.ledger import leaf, statement

pytestmark = pytest.mark.network

WINDOW = 8
LEAST_BYTES = 5
PRIVATE_FIELDS = ("handle", "pointer")


def words(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every text inside a Patient that says something about the person."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in {
                "resourceType",
                "system",
                "use",
                "gender",
                "district",
                "city",
                "managingOrganization",
                "type",
            }:
                yield from words(item)
    elif isinstance(value, list):
        for item in value:
            yield from words(item)
    elif isinstance(value, str):
        yield value


def of_patient(resource: dict[str, Any]) -> Iterator[str]:
    yield from words(resource)
    for name in resource.get("name", []):
        given = name.get("given", [])
        for joint in ("", " "):
            yield joint.join([name["family"], *given])
            yield joint.join([*given, name["family"]])
    born = resource["birthDate"]
    yield born.replace("-", "")
    yield born.replace("-", "/")


def identifiers(resource: Any) -> Iterator[bytes]:  # noqa: ANN401 - JSON
    """Every id of a record or of something in it, and the patient that it refers to."""
    if isinstance(resource, dict):
        for key, item in resource.items():
            if key == "id":
                yield str(item).encode()
            elif key == "subject":
                yield from (text.encode() for text in words(item))
            else:
                yield from identifiers(item)
    elif isinstance(resource, list):
        for item in resource:
            yield from identifiers(item)


def rows(path: Path, sql: str) -> list[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def secrets(demo: Run) -> set[bytes]:
    """Names, identifiers, birth dates, addresses and record bytes, from the institutions' own stores and copies."""
    found: set[bytes] = set()
    patients = json.loads((demo.folder / "report.json").read_text(encoding="utf-8"))["run"]["patients"]
    for copy in generate(secret(SEED, "region"), patients=patients).patients():
        found.add(copy.record_bytes)
        found |= {text.encode() for text in of_patient(json.loads(copy.record_bytes))}
    stores = sorted((demo.folder / "private" / "nodes").glob("*/records.sqlite"))
    assert len(stores) == 7
    for path in stores:
        for (data,) in rows(path, "SELECT data FROM record"):
            found |= {data, *identifiers(json.loads(data))}
        found |= {str(local).encode() for (local,) in rows(path, "SELECT local FROM patient")}
    for identifier, name, born in rows(
        demo.folder / "private" / "nodes" / "index" / "identity.sqlite", "SELECT identifier, name, born FROM traits"
    ):
        found |= {str(text).encode() for text in (identifier, name, born) if text}
    assert len(found) > 1_000
    return {item for item in found if len(item) >= LEAST_BYTES}


def forms(item: bytes) -> Iterator[bytes]:
    """The plain form and every unsalted one in which it could slip through."""
    yield item
    yield item.hex().encode()
    yield item.hex().upper().encode()
    for lead in range(3):  # base64 at each alignment, without the characters that neighbours change
        encoded = base64.b64encode(b"\0" * lead + item).rstrip(b"=")
        yield encoded[(0, 2, 3)[lead] : len(encoded) - 1]
    try:
        text = item.decode()
    except UnicodeDecodeError:
        text = ""
    if text:
        yield text.encode("utf-16-le")
        yield text.encode("utf-16-be")
        yield json.dumps(text)[1:-1].encode()
    for name in ("sha256", "sha1", "md5"):
        digest = hashlib.new(name, item, usedforsecurity=False).digest()
        yield digest
        yield digest.hex().encode()
        yield digest.hex().upper().encode()
        yield base64.b64encode(digest).rstrip(b"=")
        yield base64.urlsafe_b64encode(digest).rstrip(b"=")


def found_in(data: bytes, needles: list[bytes]) -> list[bytes]:
    """Which needles ``data`` holds: by their first eight bytes at every place at once, then each candidate exactly."""
    short = [needle for needle in needles if len(needle) < WINDOW and needle in data]
    long = [needle for needle in needles if len(needle) >= WINDOW]
    wanted = np.unique(np.frombuffer(b"".join(needle[:WINDOW] for needle in long), dtype="<u8"))
    here: set[int] = set()
    for shift in range(WINDOW):
        usable = (len(data) - shift) // WINDOW * WINDOW
        windows = np.frombuffer(data, dtype="<u8", offset=shift, count=usable // WINDOW) if usable > 0 else wanted[:0]
        here |= set(np.intersect1d(windows, wanted).tolist())
    return short + [n for n in long if int.from_bytes(n[:WINDOW], "little") in here and n in data]


def searched(demo: Run) -> dict[str, bytes]:
    """Everything outside the institutions' own stores, and what the processes said."""
    found = {"stdout": demo.stdout.encode(), "stderr": demo.stderr.encode()}
    private = demo.folder / "private"
    own = {"identity.sqlite", "records.sqlite"}
    for path in sorted(demo.folder.rglob("*")):
        of_a_store = path.is_relative_to(private) and path.name.startswith(tuple(own))
        if path.is_file() and not of_a_store and not path.is_relative_to(demo.folder / "guest"):
            found[str(path.relative_to(demo.folder))] = path.read_bytes()
    for index, raw in enumerate(demo.leaves):
        found[f"entry {index}"] = raw
    return found


def test_priv_1_the_search_finds_what_is_there(demo: Run, secrets: set[bytes]) -> None:
    """The attack works: in an institution's own store it finds records, names and dates at once."""
    needles = [form for item in secrets for form in forms(item)]
    store = (demo.folder / "private" / "nodes" / "index" / "identity.sqlite").read_bytes()
    assert len(found_in(store, needles)) > 100
    name = max(secrets, key=lambda item: item.startswith("測".encode()))
    for form in forms(name):
        assert form in found_in(b"before " + form + b" after", needles)


def test_priv_1_nothing_of_a_person_or_record_is_outside_the_stores(demo: Run, secrets: set[bytes]) -> None:
    needles = sorted({form for item in secrets for form in forms(item) if len(form) >= LEAST_BYTES})
    haystacks = searched(demo)
    for wanted in (
        "public/checkpoint",
        "report.json",
        "report.html",
        "landscape.json",
        "private/authority/ledger.sqlite",
    ):
        assert wanted in haystacks
    assert any(name.startswith("private/logs/") for name in haystacks)
    leaks = {name: hits for name, data in _grouped(haystacks).items() if (hits := found_in(data, needles))}
    assert not {name: [hit[:60] for hit in hits[:5]] for name, hits in leaks.items()}


def _grouped(haystacks: dict[str, bytes]) -> dict[str, bytes]:
    """Put the many small ones together, apart from one another by a byte that no needle has in it twice."""
    grouped: dict[str, bytes] = {}
    small: list[bytes] = []
    for name, data in haystacks.items():
        if name.startswith("entry ") or len(data) < 1 << 16:
            small.append(data)
        else:
            grouped[name] = data
    grouped["entries and small files"] = (b"\0" * 64).join(small)
    return grouped


def test_priv_1_only_their_owner_may_read_the_private_stores(demo: Run) -> None:
    stores = sorted((demo.folder / "private").rglob("*.sqlite*"))
    keys = [*(demo.folder / "private").rglob("*.key"), demo.folder / "private" / "authority" / "log.private"]
    own = [path for path in stores if path.name.startswith(("records", "identity", "outbox"))]
    assert own
    assert not [str(path) for path in (*own, *keys) if path.stat().st_mode & 0o077]


def test_priv_4_public_holds_no_handle_and_no_pointer(demo: Run) -> None:
    names: set[bytes] = set()
    for raw in demo.leaves:
        if leaf.is_statement(raw):
            item = statement.decode(raw)
            names |= {
                str(item.fields[field]).removeprefix("pointer/").encode()
                for field in PRIVATE_FIELDS
                if field in item.fields
            }
            if item.subject.startswith(("pointer/", "consent/", "access/", "order/")):
                names.add(item.subject.split("/", 1)[1].encode())
    assert len(names) > 500
    needles = sorted({form for name in names for form in (name, bytes(name).upper(), *_raw(name))})
    files = {str(path.relative_to(demo.public)): path.read_bytes() for path in demo.public.rglob("*") if path.is_file()}
    slipped = {
        name: hits[:3]
        for name, data in sorted(files.items())
        if (hits := [needle for needle in found_in(data, needles) if _alone(data, needle)])
    }
    assert not slipped


def test_priv_4_a_case_id_counts_unless_it_is_a_digest_by_chance() -> None:
    assert _alone(b"order/c000058 was placed", b"c000058")
    assert not _alone(b"9fc000058a1d", b"c000058"), "seven hexadecimal digits stand in some digest sooner or later"


def _alone(data: bytes, needle: bytes) -> bool:
    """Tell a name from a run of hexadecimal digits that holds it: only names as long as a handle never do by chance."""
    if len(needle) >= HANDLE_BYTES:
        return True
    return re.search(rb"(?<![0-9a-fA-F])" + re.escape(needle) + rb"(?![0-9a-fA-F])", data) is not None


def _raw(name: bytes) -> Iterator[bytes]:
    try:
        yield bytes.fromhex(name.decode())
    except ValueError:
        return
