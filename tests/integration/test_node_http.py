"""The ledger's and an institution's HTTP addresses against real processes; wrong input of their commands."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from support_rules import HEALTHCARE, key_of

from poju.errors import PojuError
from poju.ledger import cbor, leaf, merkle, receipt, refusal, statement, tiles
from poju.ledger.checkpoint import open_note
from poju.ledger.keys import PublicKey, parse_vkey
from poju.node.client import LedgerClient, Refused, Registered
from poju.units import Seconds

pytestmark = pytest.mark.network

ORIGIN = "test.example/log"
PROBLEM = "application/concise-problem-details+cbor"
LARGE = 1 << 30


@dataclass(frozen=True)
class Served:
    """A ledger in a process of its own."""

    url: str
    folder: Path
    key: PublicKey
    opening: bytes


def start(*arguments: str | Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    command = [sys.executable, "-m", "poju", *map(str, arguments), "--attached"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def signed(kind: str, subject: str, fields: dict[str, cbor.Value], signer: str = "commission") -> bytes:
    return statement.sign(
        key_of(signer),
        kind,
        issuer=signer,
        subject=subject,
        issued_at=Seconds(int(time.time())),
        identifier=statement.new_identifier(),
        fields=fields,
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("authority")
    process, facts = start("ledger", "serve", folder, "--package", HEALTHCARE, "--origin", ORIGIN)
    _origin, key = parse_vkey((folder / "log.vkey").read_text())
    fields = {
        "key": key_of("commission").public.raw,
        "origin": "test.invalid",
        "log_key": key.raw,
        "demonstration": True,
    }
    yield Served(facts["url"], folder, key, signed("ledger-open", "ledger", fields))
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.fixture
def ledger(served: Served) -> Iterator[LedgerClient]:
    client = LedgerClient(served.url)
    assert isinstance(client.register(served.opening), Registered)
    yield client
    client.close()


def problem(response: httpx.Response, status: int) -> dict[int, str]:
    """The one envelope of failures (RFC 9290), and no traceback in it."""
    assert response.status_code == status, response.content
    assert response.headers["content-type"] == PROBLEM
    assert b"Traceback" not in response.content
    body = cbor.decode(response.content)
    assert isinstance(body, dict)
    assert isinstance(body[-1], str)
    return body


def test_log_1_a_statement_is_registered_once(served: Served, ledger: LedgerClient) -> None:
    first, again = ledger.register(served.opening), ledger.register(served.opening)
    assert isinstance(first, Registered)
    assert isinstance(again, Registered)
    assert first.index == again.index == 0
    assert receipt.verify(first.receipt, served.opening, served.key).index == 0
    assert receipt.verify(httpx.get(f"{served.url}/entries/0").content, served.opening, served.key).index == 0


def test_rule_2_a_refusal_is_signed_and_changes_nothing(served: Served, ledger: LedgerClient) -> None:
    before = ledger.get("/checkpoint")
    fields = {"scenario": "x", "region": "520000", "evidence": [], "missing": [], "rank_common": 1}
    stranger = signed("selection", "selection/x", fields, "stranger")
    response = httpx.post(served.url + "/entries", content=stranger)
    body = problem(response, 403)
    found = refusal.verify(body["urn:poju:refusal"]["raw"], served.key)  # type: ignore[index]  # the signed refusal
    assert (found.statement, found.code) == (hashlib.sha256(stranger).digest(), body[-1])
    answer = ledger.register(stranger)
    assert isinstance(answer, Refused)
    assert answer.code == found.code
    assert ledger.get("/checkpoint") == before


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"garbage", b"\xd2\x84", b"\xff" * 999, b"\xd2" * 60_000, b"{}", b"[" * 999]
)
def test_garbage_is_refused_in_the_one_envelope(served: Served, body: bytes) -> None:
    assert problem(httpx.post(served.url + "/entries", content=body), 400)[-1].endswith(".malformed")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(served: Served) -> None:
    assert problem(httpx.post(served.url + "/entries", content=bytes(70_000)), 413)[-1] == "http.too-large"
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    connection.putrequest("POST", "/entries")
    connection.putheader("content-length", str(LARGE))
    connection.endheaders()
    connection.send(bytes(1 << 17))  # of a gigabyte that was announced
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/entries/999999", 404),
        ("GET", "/entries/-1", 404),
        ("GET", "/entries/x", 404),
        ("GET", "/entries/999999/proof", 404),
        ("GET", "/entries/" + "9" * 400, 404),
        ("GET", "/tile/0/999", 404),
        ("GET", "/tile/9/000", 404),
        ("GET", "/tile/0/000.p/0", 404),
        ("GET", "/tile/0/000.p/256", 404),
        ("GET", "/tile/0/x000/000", 404),
        ("GET", "/tile/-1/000", 404),
        ("GET", "/tile/entries/000", 403),
        ("GET", "/tile/0/..%2f..%2flog.private", 404),
        ("GET", "/feed/0/0", 403),
        ("GET", "/feed/x/y", 404),
        ("GET", "/docs", 404),
        ("DELETE", "/entries", 405),
        ("PUT", "/checkpoint", 405),
    ],
)
def test_unknown_addresses_answer_in_the_one_envelope(served: Served, method: str, path: str, status: int) -> None:
    problem(httpx.request(method, served.url + path), status)


def test_log_2_checkpoint_tiles_and_keys_verify(served: Served, ledger: LedgerClient) -> None:
    head = open_note(ledger.get("/checkpoint").decode(), ORIGIN, served.key)
    assert ledger.get("/.well-known/scitt-keys") == cbor.encode([served.key.cose_key])

    def tile(level: int, number: int) -> bytes:
        widths = {(at, which): width for at, which, width in tiles.tile_names(head.size)}
        return ledger.get("/" + tiles.path(str(level), number, widths[level, number]))

    assert merkle.root(head.size, tiles.node_source(tile)) == head.root
    assert tile(0, 0)[:32] == merkle.leaf_hash(served.opening)


def test_log_3_the_log_proves_its_growth(served: Served, ledger: LedgerClient) -> None:
    head = open_note(ledger.get("/checkpoint").decode(), ORIGIN, served.key)
    proved = receipt.verify_consistency(ledger.get(f"/growth/{head.size}"), head.size, head.root, served.key)
    assert (proved.size, proved.root) == (head.size, head.root)
    for wrong in (0, -1, head.size + 1):
        problem(httpx.get(f"{served.url}/growth/{wrong}"), 404)


def test_priv_1_the_feed_is_for_admitted_members(served: Served, ledger: LedgerClient) -> None:
    page = cbor.decode(ledger.get("/feed/0/0", key_of("commission")), 1 << 20)
    assert served.opening in [entry[1] for entry in page[2]]
    with pytest.raises(PojuError) as caught:
        ledger.get("/feed/0/0", key_of("stranger"))
    assert "403" in str(caught.value)


def test_priv_1_no_entry_is_served_as_bytes(served: Served, ledger: LedgerClient) -> None:
    raw, decision, decision_receipt = ledger.proof(0)
    assert decision is decision_receipt is None
    assert receipt.verify(raw, served.opening, served.key)
    assert leaf.is_statement(served.opening)
    for path in ("/entries/0", "/entries/0/proof", "/tile/0/000.p/2"):
        assert served.opening not in ledger.get(path)


def test_priv_1_entry_bundles_are_for_auditors(ledger: LedgerClient) -> None:
    """Not even the authority, which runs the ledger's process, reads entries in bundles over HTTP."""
    for name in ("commission", "stranger"):
        with pytest.raises(PojuError) as caught:
            ledger.get("/tile/entries/000.p/2", key_of(name))
        assert ("404" if name == "commission" else "403") in str(caught.value)


def test_priv_2_an_institution_answers_strangers_with_a_rule(served: Served, tmp_path: Path) -> None:
    arguments = ["--member", "h9", "--ledger", served.url, "--log-key", served.folder / "log.vkey"]
    process, facts = start("node", "run", tmp_path / "h9", *arguments, "--package", HEALTHCARE)
    url = facts["url"]
    try:
        for path in ("/records", "/request", "/collect", "/refresh"):
            assert problem(httpx.post(url + path, content=b"x"), 403)[-1] == "http.signature"
            stranger = LedgerClient(url)
            assert problem(stranger.post(path, b"x", key_of("stranger")), 403)[-1] == "http.signature"
            stranger.close()
        problem(httpx.post(url + "/records", content=bytes(1 << 19)), 413)
        problem(httpx.get(url + "/records"), 405)
        problem(httpx.get(url + "/records.sqlite"), 404)
        own = LedgerClient(url)
        key = key_of("x").load(tmp_path / "h9" / "member.key")
        for path, body in (("/request", []), ("/request", [1, 2, 3, 4, 5]), ("/collect", {}), ("/collect", [b"", 1])):
            assert problem(own.post(path, cbor.encode(body), key), 400)[-1] == "node.malformed"
        assert problem(own.post("/request", b"garbage", key), 400)[-1] == "cbor.malformed"
        unknown = cbor.encode(["access/" + "1" * 32, url, bytes(32)])
        assert problem(own.post("/collect", unknown, key), 403)[-1] == "access.not-granted"
        own.close()
    finally:
        process.communicate(timeout=20)


def wrong(tmp_path: Path) -> dict[str, list[str | Path]]:
    """Commands with something wrong about them; each must say so in one message."""
    (tmp_path / "garbage").write_bytes(b"\xff\x00garbage")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "log.private").write_bytes(b"short")
    serve: list[str | Path] = ["ledger", "serve", tmp_path / "new", "--attached"]
    node: list[str | Path] = ["node", "run", tmp_path / "n", "--member", "h9", "--package", HEALTHCARE, "--attached"]
    package: list[str | Path] = ["--package", HEALTHCARE]
    return {
        "rebuild nothing": ["ledger", "rebuild", tmp_path / "full", *package],
        "export nothing": ["ledger", "export", tmp_path / "full", tmp_path / "out", *package],
        "no package": [*serve, "--origin", ORIGIN, "--package", tmp_path / "full"],
        "bad origin": [*serve, "--origin", "two words\n", *package],
        "bad port": [*serve, "--origin", ORIGIN, *package, "--port", "99999"],
        "bad host": [*serve, "--origin", ORIGIN, *package, "--host", "256.1.1.1"],
        "bad key": ["ledger", "serve", tmp_path / "damaged", "--attached", "--origin", ORIGIN, *package],
        "bad log key": [*node, "--ledger", "http://127.0.0.1:1", "--log-key", tmp_path / "garbage"],
        "bad ledger": [*node, "--ledger", "http://[", "--log-key", tmp_path / "log.vkey"],
        "demo over something": ["demo", "--no-serve", "--out", tmp_path / "full"],
        "nothing to resume": ["demo", "--no-serve", "--resume", "--out", tmp_path / "fresh"],
        "no policies": ["demo", "--no-serve", "--out", tmp_path / "a", "--policies", tmp_path / "none"],
        "binary policies": ["demo", "--no-serve", "--out", tmp_path / "b", "--policies", tmp_path / "garbage"],
        "no records": ["demo", "--no-serve", "--out", tmp_path / "c", "--fhir", tmp_path / "none"],
        "verify nothing": ["verify", tmp_path / "full"],
    }


def test_wrong_input_ends_in_one_clear_message(served: Served, tmp_path: Path) -> None:
    (tmp_path / "log.vkey").write_text((served.folder / "log.vkey").read_text())
    for name, arguments in wrong(tmp_path).items():
        command = [sys.executable, "-m", "poju", *map(str, arguments)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
        said = done.stderr.strip().splitlines()
        assert done.returncode in {1, 2}, (name, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (name, done.stderr)
        assert 1 <= len(said) <= 4, (name, said)
    assert (tmp_path / "full" / "note").read_text() == "mine"
    assert len(list((tmp_path / "full").iterdir())) == 1, "a wrong folder is left as it was"


def test_one_ledger_has_one_writer(served: Served) -> None:
    command = [sys.executable, "-m", "poju", "ledger", "serve", served.folder, "--package", HEALTHCARE, "--origin", "o"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "store.in-use" in done.stderr
