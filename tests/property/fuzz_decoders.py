"""Every decoder of bytes that a stranger may send, with seeds that it accepts; no network, no fixed path."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import support_ledger as support
import support_light
from fuzz_run import Decoder
from fuzz_servers import custodian_part, server_part
from support_rules import HEALTHCARE, key_of

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import codec, genesis, light, light_verify
from poju.engine.cometbft.application import Application
from poju.engine.cometbft.dispatcher import Dispatcher
from poju.exchange import assertion
from poju.exchange.custodian import AccessProof
from poju.ledger import cbor, checkpoint, cose, cosignature, keys, leaf, merkle, receipt, refusal, statement, tiles
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.log_keys import LogKey, LogKeys
from poju.ledger.replay import replay
from poju.ledger.store import Store
from poju.node import client, limits, signatures
from poju.node.institution_api import AccessWanted
from poju.node.replica import Replica
from poju.scenario import package, toml
from poju.solution import manifest
from poju.units import Seconds
from poju.verify import policy

LOG, ORIGIN = support.LOG, support.ORIGIN
WITNESS = support.STRANGER
LIGHT_NOW = Seconds(1_793_500_000)


def small_log(count: int = 300) -> list[bytes]:
    kinds = ["ask" if n % 9 == 0 else "erase" if n % 11 == 0 else "note" for n in range(count)]
    raws = [support.signed(n, kind, key=support.MEMBER) for n, kind in enumerate(kinds)]
    return support.run([raws[at : at + 40] for at in range(0, count, 40)])[0]


def about_members(kind: str) -> bytes:
    """A statement of a kind that a replica folds, with every field that it reads."""
    key = key_of("hospital-a").public.raw
    return statement.sign(
        support.MEMBER,
        kind,
        issuer="hospital-a",
        subject="member/hospital-a",
        issued_at=support.TIME,
        identifier=support.identifier(8),
        fields={"key": key, "log_key": key, "grantee": "hospital-b"},
    )


LEAVES = small_log()
SIZE = len(LEAVES)
FIRST_BLOCK = next(at for at, item in enumerate(LEAVES, 1) if item.startswith(bytes.fromhex("da706f6a02")))
HASHES = tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in LEAVES])
NODES = tiles.node_source(lambda level, number: HASHES.get((level, number), b""))
ROOT = merkle.root(SIZE, NODES)
SIGNED = receipt.sign_root(LOG, ORIGIN, SIZE, ROOT)
NOTE = Checkpoint(ORIGIN, SIZE, ROOT).sign(LOG)
COSIGNED = cosignature.cosign(NOTE, "witness.example", WITNESS, support.TIME)
RECEIPTS = tuple(SIGNED.receipt(at, merkle.inclusion_proof(at, SIZE, NODES)) for at in (0, 5, SIZE - 1))
GROWTH = SIGNED.consistency(200, merkle.consistency_proof(200, SIZE, NODES))
STATEMENTS = (
    *LEAVES[:3],
    support.signed(7, "note", list=[1, b"x" * 40, ["a", {"b": None}]], text="示範", big=(1 << 63) - 1, low=-(1 << 63)),
    *(about_members(kind) for kind in ("ledger-open", "member-apply", "key-rotate", "consent-grant", "member-admit")),
)
LOG_KEYS = LogKeys(ORIGIN, [LogKey("log", LOG.public)], 1, {"witness.example": WITNESS.public}, 1)


def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """Decode as the callers do who take a note from a network."""
    return lambda data: read(data.decode(errors="replace"))


def in_file(read: Callable[[Path], object], folder: Path, name: str) -> Callable[[bytes], object]:
    def write_and_read(data: bytes) -> object:
        (folder / name).write_bytes(data)
        return read(folder / name)

    return write_and_read


def page(note: str, entries: list[tuple[int, bytes]], size: int, nodes: merkle.NodeSource) -> bytes:
    told = [[index, raw, merkle.inclusion_proof(index, size, nodes)] for index, raw in entries]
    return cbor.encode([note, [], told, False])


def replica() -> Replica:
    return Replica(ORIGIN, LOG.public, "hospital-a", key_of("hospital-a"))


def told_by_a_log(data: bytes) -> object:
    """``data`` as the one entry of a log whose operator signs whatever it likes."""
    hashes = tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(data)])
    nodes = tiles.node_source(lambda level, number: hashes.get((level, number), b""))
    return replica().take(page(Checkpoint(ORIGIN, 1, merkle.leaf_hash(data)).sign(LOG), [(0, data)], 1, nodes))


def followed(data: bytes) -> bytes:
    """Hash tiles of a served log, one of them replaced."""
    return CheckedTiles(SIZE, lambda level, number: HASHES[level, number] if level or number else data).root


def replayed(data: bytes) -> int:
    return sum(len(outcome.leaves) for outcome, _state in replay(support.TinyRules(), tiles.unbundle(data)))


def ledger_part() -> Iterator[Decoder]:
    """The formats of the log itself."""
    values = tuple(cbor.encode(value) for value in ({"a": [1, -1, b"x", None, True]}, [[[]]], "text", {1: 2, -1: "示"}))
    yield Decoder("cbor", cbor.decode, (*values, *STATEMENTS))
    yield Decoder("cose", cose.decode, (*STATEMENTS, *RECEIPTS))
    yield Decoder("statement", statement.decode, STATEMENTS)
    others = tuple(item for item in LEAVES if not leaf.is_statement(item))[:6]
    yield Decoder("leaf", leaf.decode, others)
    yield Decoder("receipt", lambda data: receipt.verify(data, LEAVES[5], LOG.public), (RECEIPTS[1], *RECEIPTS))
    old = merkle.root(200, NODES)
    yield Decoder("growth", lambda data: receipt.verify_consistency(data, 200, old, LOG.public), (GROWTH, RECEIPTS[0]))
    refusals = tuple(
        refusal.Refusal(bytes(32), "test.forbidden", 3, support.TIME, at).sign(LOG, ORIGIN) for at in (None, 0, 2)
    )
    yield Decoder("refusal", lambda data: refusal.verify(data, LOG.public, ORIGIN), refusals)
    yield Decoder(
        "bundle", replayed, (tiles.bundle(LEAVES[:FIRST_BLOCK]), tiles.bundle(LEAVES[: 2 * FIRST_BLOCK])), factor=3
    )
    yield Decoder("tile", followed, (HASHES[0, 0], HASHES[0, 1]), factor=2)
    paths = (b"000", b"x001/234", b"001.p/17", b"x123/x456/789.p/255", b"255")
    yield Decoder("tile-path", text(tiles.parse_path), paths)


def note_part() -> Iterator[Decoder]:
    """Checkpoints, cosignatures, keys: text."""
    notes = (NOTE.encode(), COSIGNED.encode())
    yield Decoder("checkpoint", text(lambda note: checkpoint.open_note(note, ORIGIN, LOG.public)), notes[:1])
    yield Decoder("note-text", text(checkpoint.read_text), (Checkpoint(ORIGIN, SIZE, ROOT).text().encode(),))
    yield Decoder("note-line", text(checkpoint.read_line), (NOTE.split("\n")[4].encode(),))
    witnesses = {"witness.example": WITNESS.public}
    opened = text(lambda note: cosignature.open_cosigned(note, ORIGIN, LOG.public, witnesses))
    yield Decoder("cosigned", opened, notes)
    yield Decoder("log-keys", text(LOG_KEYS.open), notes)
    yield Decoder("vkey", text(keys.parse_vkey), (LOG.public.vkey(ORIGIN).encode(),))
    witness = cosignature.vkey("witness.example", WITNESS.public).encode()
    yield Decoder("cosigner-vkey", text(cosignature.parse_vkey), (witness,))


def file_part(folder: Path) -> Iterator[Decoder]:
    """Files that somebody hands over: policies, limits, packages, a light client's file, a genesis."""
    vkeys = [key.public.vkey(ORIGIN) for key in (LOG, WITNESS)]
    rows = "".join(f'[[keys]]\nname = "k{n}"\nkey = "{key}"\nfirst = {n}\n' for n, key in enumerate(vkeys))
    policies = (f'origin = "{ORIGIN}"\nthreshold = 1\n{rows}'.encode(),)
    yield Decoder("policy", in_file(policy.load, folder, "policy.toml"), policies, factor=4)
    rates = b"body_seconds = 5\n[member]\nper_second = 1\nburst = 2\n"
    yield Decoder("limits", in_file(limits.load, folder, "limits.toml"), (rates,), factor=4)
    files = sorted(HEALTHCARE.rglob("*.toml"))
    yield Decoder("toml", lambda data: toml.parse(data, "x.toml"), tuple(path.read_bytes() for path in files), factor=4)
    copy = Path(shutil.copytree(HEALTHCARE, folder / "package"))
    load = in_file(lambda _path: package.load(copy), copy, "scenario.toml")
    yield Decoder("package", load, ((HEALTHCARE / "scenario.toml").read_bytes(),), factor=4)
    manifests = (b'id = "x"\nversion = 1\ntrack = "mutual-recognition"\n', b"capabilities = ['a', 'b']\nentry = 'x'\n")
    yield Decoder("manifest", manifest.parse_manifest, manifests, factor=4)
    blocks = [support_light.block(1, "abcd", "abcd"), support_light.block(2, "abcd", "abce", signing="abc")]
    file = support_light.file(blocks)
    log_keys = {name: support_light.log_key(name).public for name in "abcd"}
    trusted = light_verify.from_genesis(support_light.genesis("abcd"))

    def proved(data: bytes) -> object:
        return light_verify.verify(light.read(data), trusted, log_keys, 3, LIGHT_NOW)

    yield Decoder("light", proved, (file.encode(), support_light.file(blocks[:1]).encode()), factor=2)
    start = genesis.Genesis(ORIGIN, bytes(32), {"v0": LOG.public, "v1": WITNESS.public}, 1, 5, bytes(range(32)))
    states = tuple(json.dumps(start.describe(), indent=space).encode() for space in (None, 1))
    yield Decoder("genesis", genesis.read, states)


def network_part() -> Iterator[Decoder]:
    """What comes over a wire: ABCI, a ledger's answers and feed, signed requests, proofs."""
    seeds = [abci.Request(check_tx=abci.CheckTxQuestion(tx=raw)) for raw in STATEMENTS[:3]]
    when = abci.Timestamp(seconds=support.TIME)
    seeds.append(abci.Request(process_proposal=abci.BlockQuestion(txs=LEAVES[:4], height=1, time=when)))
    seeds.append(abci.Request(finalize_block=abci.BlockQuestion(txs=LEAVES[:4], height=1, time=when)))
    seeds.append(abci.Request(prepare_proposal=abci.PrepareProposalQuestion(txs=LEAVES[:4], max_tx_bytes=1 << 20)))
    seeds.append(abci.Request(query=abci.StateQuestion(path="refusal", data=bytes(32))))
    start = genesis.Genesis(ORIGIN, bytes(32), {"v0": LOG.public}, 1)
    state = json.dumps(start.describe()).encode()
    seeds.append(abci.Request(init_chain=abci.InitChainQuestion(app_state_bytes=state, initial_height=1)))
    framed = tuple(codec.frame(item.SerializeToString()) for item in seeds)

    def conversed(data: bytes) -> int:
        application = Application(Store.memory(), support.TinyRules(), LOG, start)
        application.init_chain(state, 1)
        dispatcher, frames = Dispatcher(application), codec.Frames()
        try:
            frames.add(data)
            return sum(len(dispatcher.answer(message)) for message in frames.messages())
        finally:
            application.store.close()

    block = framed[4] + codec.frame(abci.Request(commit=abci.Empty()).SerializeToString())
    yield Decoder("abci", conversed, (*framed, block), factor=3)
    feed = page(NOTE, list(enumerate(LEAVES[:9])), SIZE, NODES)
    yield Decoder("feed", lambda data: replica().take(data), (feed,))
    yield Decoder("feed-entry", told_by_a_log, STATEMENTS)
    yield Decoder("access-proof", AccessProof.decode, (AccessProof(LEAVES[0], RECEIPTS[0], LEAVES[1], b"").encode(),))
    wanted = cbor.encode(["access/1", "pointer/1", "care", "consent", b"assertion"])
    yield Decoder("access-wanted", AccessWanted.decode, (wanted,))
    signed = assertion.sign(
        key_of("identity-index"),
        requester="hospital-b",
        pointer="pointer/" + "1" * 32,
        handle="a" * 32,
        until=support.TIME,
    )
    yield Decoder("assertion", assertion.decode, (signed,))
    details = cbor.encode({-1: "x", client.REFUSAL_KEY: {"code": "x", "raw": b"y"}})
    yield Decoder("answer", lambda data: client._answer(httpx.Response(403, content=data)), (details,))
    told = cbor.encode([["registered", 1, b"r", None], ["refused", "x", b"y"], ["failed", "x", "y"]])
    yield Decoder("answers", lambda data: client._answers(httpx.Response(200, content=data), 3), (told,))
    yield Decoder("http-signature", _signature, tuple(_headers(body) for body in (b"body", b"")))


URL = "http://127.0.0.1:8600/records"


def _headers(body: bytes) -> bytes:
    request = httpx.Request("POST", URL, content=body)
    signatures.sign(request, key_of("hospital-a"), body)
    names = ("content-digest", "signature-input", "signature")
    return "\n".join(request.headers.get(name, "") for name in names).encode()


def _signature(data: bytes) -> object:
    """Three header values, one a line; latin-1 as a server hands them on."""
    values = [*data.decode("latin-1").split("\n"), "", "", ""][:3]
    names = ("content-digest", "signature-input", "signature")
    given = [(name.encode(), value.encode("latin-1")) for name, value in zip(names, values, strict=True) if value]
    request = httpx.Request("POST", URL, headers=given, content=b"body")
    public = key_of("hospital-a").public
    return signatures.verify(request, b"body", lambda mark: public if mark == public.thumbprint else None)


@contextmanager
def corpus() -> Iterator[dict[str, Decoder]]:
    """Yield every decoder by its name; their files and servers end with it."""
    folder = Path(tempfile.mkdtemp(prefix="poju-fuzz-"))
    parts = (ledger_part(), note_part(), file_part(folder), network_part(), server_part(), custodian_part())
    found = {item.name: item for part in parts for item in part}
    try:
        yield found
    finally:
        for item in found.values():
            item.close()
        shutil.rmtree(folder)
