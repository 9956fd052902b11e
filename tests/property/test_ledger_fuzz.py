"""Hostile bytes for every decoder, the same ones on every machine; ``scripts/fuzz.py`` goes on for as long as asked."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest
import support_ledger as support
import support_light
from fuzz_decoders import LEAVES, corpus, replica, told_by_a_log
from fuzz_run import Decoder, Finding, accepts, inputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from poju.engine.cometbft import genesis, light
from poju.errors import PojuError
from poju.ledger import cbor, statement
from poju.ledger.checkpoint import Checkpoint
from poju.node import client, limits, log_download
from poju.node.entries import BATCH_BYTES, batch_of
from poju.node.items import few_items
from poju.node.replica import MAX_ITEMS
from poju.scenario import toml
from poju.solution import condition, manifest
from poju.verify import policy

NAMES = (
    "cbor", "cose", "statement", "leaf", "receipt", "growth", "refusal", "bundle", "tile", "tile-path", "checkpoint",
    "note-text", "note-line", "cosigned", "log-keys", "vkey", "cosigner-vkey", "policy", "limits", "toml", "package",
    "manifest", "light", "genesis", "abci", "feed", "feed-entry", "access-proof", "access-wanted", "assertion",
    "answer", "answers", "http-signature", "http", "custodian",
)  # fmt: skip
SLOW = {"package": 100, "http": 500, "toml": 500, "abci": 600, "light": 800, "feed": 800, "feed-entry": 800}
COUNT, MEASURED_EVERY = 1_500, 5


@pytest.fixture(scope="module")
def decoders() -> Iterator[dict[str, Decoder]]:
    with corpus() as found:
        yield found


def test_every_decoder_is_fuzzed_here(decoders: dict[str, Decoder]) -> None:
    assert set(decoders) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_accepted(decoders: dict[str, Decoder], name: str) -> None:
    """Else the mutants would all fail at the first step."""
    assert accepts(decoders[name], decoders[name].seeds[0])


@pytest.mark.parametrize("name", NAMES)
def test_hostile_bytes_end_in_one_error(decoders: dict[str, Decoder], name: str) -> None:
    decoder = decoders[name]
    for number, data in enumerate(islice(inputs(decoder, 0), SLOW.get(name, COUNT))):
        accepts(decoder, data, measure_memory=number % MEASURED_EVERY == 0)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SLOW])
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=some.one_of(some.binary(max_size=400), some.text(max_size=200).map(lambda text: text.encode())))
def test_bytes_from_nowhere_end_in_one_error(decoders: dict[str, Decoder], name: str, data: bytes) -> None:
    accepts(decoders[name], data, measure_memory=False)


# --- the harness itself ----------------------------------------------------------------------------------------------


def _loops(_data: bytes) -> None:
    while True:
        pass


def _allocates(data: bytes) -> int:
    return len(bytes(int.from_bytes(data[:4], "big")))


PLANTED = {
    "raises": (lambda data: data[9], b"short", "IndexError"),
    "allocates": (_allocates, b"\x04\x00\x00\x00", "memory"),
    "loops": (_loops, b"", "does not end"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    read, data, said = PLANTED[name]
    with pytest.raises(Finding, match=said):
        accepts(Decoder(name, read, (data,), factor=0.05 if name == "loops" else 1.0), data)


def test_the_same_seed_gives_the_same_inputs(decoders: dict[str, Decoder]) -> None:
    first, again, other = (list(islice(inputs(decoders["statement"], seed), 50)) for seed in (3, 3, 4))
    assert first == again != other


# --- what was found, and does not come back --------------------------------------------------------------------------

TOML = {
    "a key of many dots": ".".join("a" * 30_000) + " = 1",
    "a quoted key of many dots": ".".join(['"a b"'] * 5_000) + " = 1",
    "a header of many dots": "[" + " . ".join("a" * 30_000) + "]",
    "a number of many digits": "a = " + "9" * 5_000,
    "arrays in arrays": "a = " + "[" * 20_000,
    "tables in tables": "a = " + "{a=" * 20_000,
}


@pytest.mark.parametrize("name", TOML)
def test_a_toml_file_costs_no_more_than_its_length_bounds(tmp_path: Path, name: str) -> None:
    """A key of 200,000 dots took 160 GB; a long number and deep nesting ended in a traceback."""
    path = tmp_path / "x.toml"
    path.write_text(TOML[name])
    started = time.process_time()
    for read in (policy.load, limits.load):
        with pytest.raises(PojuError):
            read(path)
    for parse in (lambda data: toml.parse(data, "x.toml"), manifest.parse_manifest, condition.read_condition):
        with pytest.raises(PojuError):
            parse(path.read_bytes())
    assert time.process_time() - started < 2


def test_a_dotted_key_of_usual_length_is_read() -> None:
    assert toml.loads("a.b.'c d'.e = '1.2.3. One. Two.'\n[x.y.z]\n")["x"] == {"y": {"z": {}}}


STATE = genesis.Genesis(support.ORIGIN, bytes(32), {"v0": support.LOG.public}, 1).describe()


@pytest.mark.parametrize(
    "state", [b"[" * 100_000, *(json.dumps({**STATE, **change}).encode() for change in (
        {"acknowledge": float("inf")}, {"size": 1 << 64}, {"size": 10**4_000}, {"keys": [1]}))]
)  # fmt: skip
def test_a_genesis_that_cannot_be_is_refused(state: bytes) -> None:
    """Deep nesting and infinity ended in a traceback; a size above 64 bits failed only when it was hashed."""
    with pytest.raises(PojuError) as caught:
        genesis.read(state)
    assert caught.value.code == "network.genesis"


@pytest.mark.parametrize("place", ["checkpoint", "chain"])
def test_a_light_file_with_half_a_character_is_refused(place: str) -> None:
    """JSON can name half of a surrogate pair, which no UTF-8 can hold."""
    whole = json.loads(support_light.file([support_light.block(1, "abcd", "abcd")]).encode())
    whole[place] += "\ud800"
    with pytest.raises(PojuError) as caught:
        light.read(json.dumps(whole).encode())
    assert caught.value.code == "light.refused"


@pytest.mark.parametrize("kind", ["ledger-open", "member-apply", "key-rotate", "consent-grant", "consent-revoke"])
@pytest.mark.parametrize("fields", [{}, {"key": 1, "grantee": 1}, {"key": b"short", "grantee": b""}, {"key": [0] * 32}])
def test_log_1_a_feed_with_an_entry_that_no_rule_let_in_is_refused(kind: str, fields: dict[str, cbor.Value]) -> None:
    """An operator signs what it likes: the custodian's replica must refuse it, not end in a traceback."""
    raw = statement.sign(
        support.MEMBER,
        kind,
        issuer="hospital-a",
        subject="consent/x",
        issued_at=support.TIME,
        identifier=support.identifier(1),
        fields=fields,
    )
    with pytest.raises(PojuError) as caught:
        told_by_a_log(raw)
    assert caught.value.code == "replica.refused"


@pytest.mark.parametrize("item", ["80", "a0", "40", "6180", "00"])
def test_a_page_of_tiny_items_is_refused_before_it_takes_memory(item: str) -> None:
    """32 MiB of empty arrays took 2.4 GB: each is one byte on the line."""
    count = (1 << 23) // len(bytes.fromhex(item))
    data = b"\x84\x60\x80\x9a" + count.to_bytes(4, "big") + bytes.fromhex(item) * count + b"\xf4"
    tracemalloc.start()
    with pytest.raises(PojuError) as caught:
        replica().take(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "replica.refused"
    assert peak < 1 << 20


@pytest.mark.parametrize("kind", ["get", "post"])
def test_an_answer_without_end_is_not_kept(kind: str) -> None:
    """A ledger that never stopped answering filled the memory of whoever asked it."""
    told = 0

    def endless() -> Iterator[bytes]:
        nonlocal told
        while True:
            told += 1 << 20
            yield bytes(1 << 20)

    asked = client.LedgerClient("http://log.example")
    answering = httpx.MockTransport(lambda _request: httpx.Response(200, content=endless()))
    asked._http = httpx.Client(base_url=asked.url, transport=answering)
    key = support.MEMBER
    with pytest.raises(PojuError) as caught:
        asked.get("/feed/0/0", key) if kind == "get" else asked.post("/records", b"", key)
    asked.close()
    assert caught.value.code == "ledger.answer"
    assert told <= client.MOST_BYTES + (2 << 20)


@pytest.mark.parametrize("item", ["80", "a0", "40"])
def test_a_batch_of_tiny_items_is_refused_before_it_takes_memory(item: str) -> None:
    """4 MiB of empty arrays, which anyone may send, took 640 MiB and held the server for two seconds."""
    count = (BATCH_BYTES - 16) // len(bytes.fromhex(item))
    data = b"\x9a" + count.to_bytes(4, "big") + bytes.fromhex(item) * count
    started = time.process_time()
    with pytest.raises(PojuError) as caught:
        batch_of(data)
    assert caught.value.code == "http.batch"
    assert time.process_time() - started < 0.2


def test_items_are_counted_as_they_are_encoded() -> None:
    value = [1, -70_000, b"x" * 300, "示範", {"a": [None, True]}, 1 << 40, []]
    raw = cbor.encode(value)
    assert few_items(raw, 12)
    assert not few_items(raw, 11)
    largest = cbor.encode(["note", [bytes(32)] * 63, [[n, b"raw", [bytes(32)] * 63] for n in range(512)], True])
    assert few_items(largest, MAX_ITEMS)


class Boast(log_download.Download):
    """A log that signs any size and serves no tile."""

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__("http://log.example", folder, None)
        self.size, self.asked = size, list[str]()

    def _once(self, path: str, limit: int) -> bytes:
        self.asked.append(path)
        if path == "log.vkey":
            return f"{support.LOG.public.vkey(support.ORIGIN)}\n".encode()
        if path == "checkpoint":
            return Checkpoint(support.ORIGIN, self.size, bytes(32)).sign(support.LOG).encode()
        assert limit
        raise self._strange(path, 404)


@pytest.mark.parametrize("size", [1 << 40, (1 << 63) - 1, 10**4_000])
def test_a_signed_size_costs_nothing_before_its_tiles_come(tmp_path: Path, size: int) -> None:
    """The names of all tiles of a signed size of 2^40 took all memory before the first was asked for."""
    boast = Boast(tmp_path / "log", size)
    started = time.process_time()
    with pytest.raises(PojuError) as caught:
        boast.run(support.LOG.public.fingerprint, lambda _done, _total: None)
    assert caught.value.code == "ledger.answer"
    assert boast.asked == ["checkpoint", "log.vkey", "tile/0/000"]
    assert time.process_time() - started < 1


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 65_537, 70_000])
def test_the_files_of_a_log_are_counted_without_naming_them(size: int) -> None:
    files = [path for path, _limit in log_download._files(size)]
    assert log_download._count(size) == len(files)
    assert set(log_download._partial(size)) == {path for path in files if ".p/" in path}


def test_the_log_of_the_seeds_has_every_kind_of_leaf() -> None:
    assert {leaf[0] for leaf in LEAVES} == {0xD2, 0xDA}
