"""A cosigner signs growth alone: it refuses another history, a smaller log, tiles that do not fit; a fork is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine.embedded import EmbeddedEngine
from poju.errors import PojuError
from poju.ledger import checkpoint, cosignature, merkle, tiles
from poju.ledger.store import Store
from poju.node.cosigner import Cosigner
from poju.units import Seconds

NAME = "university.example/cosigner"
NOW = Seconds(1_700_000_500)


class Log:
    """A log in memory as it answers over HTTP; ``said`` counts what was fetched."""

    def __init__(self) -> None:
        self.engine = EmbeddedEngine(
            Store.memory(), support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME
        )

    def grow(self, first: int, count: int) -> Log:
        for future in [self.engine.submit(support.signed(first + number)) for number in range(count)]:
            future.result(20)
        return self

    def grow_singly(self, first: int) -> Log:
        """Three statements in a block each: the size is the same for every history."""
        for number in range(3):
            self.engine.register(support.signed(first + number))
        return self

    def fetch(self, path: str) -> bytes:
        if path == "/checkpoint":
            return self.engine.checkpoint_at(self.engine.store.head().size).encode()
        level, _slash, rest = path.removeprefix("/tile/").partition("/")
        found = tiles.parse_path(rest)
        assert found is not None
        return self.engine.store.tile(int(level), found[0])[: found[1] * 32]


@pytest.fixture
def cosigner(tmp_path: Path) -> Cosigner:
    return Cosigner(tmp_path, NAME, support.ORIGIN, support.LOG.public)


def refused(step: Callable[[], object]) -> str:
    with pytest.raises(PojuError) as caught:
        step()
    assert caught.value.hint
    return caught.value.code


def test_growth_is_cosigned_again_and_again(cosigner: Cosigner) -> None:
    log = Log()
    for first, count in ((0, 1), (1, 300), (301, 0), (301, 5)):
        log.grow(first, count)
        found = cosigner.step(log.fetch, NOW)
        assert found.checkpoint.size == log.engine.store.head().size
        assert found.times == {NAME: NOW}
    again = Cosigner(cosigner.folder, NAME, support.ORIGIN, support.LOG.public)
    assert again.step(log.fetch, NOW).checkpoint == found.checkpoint


def test_log_3_a_fork_is_refused_and_its_proof_kept(cosigner: Cosigner) -> None:
    cosigner.step(Log().grow(0, 40).fetch, NOW)
    before = (cosigner.folder / "cosigned").read_text()
    fork = Log().grow(1_000, 90)
    assert refused(lambda: cosigner.step(fork.fetch, NOW)) == "cosign.fork"
    assert (cosigner.folder / "cosigned").read_text() == before
    (kept,) = cosigner.folder.glob("fork-*.json")
    told = json.loads(kept.read_text())
    old, new = (checkpoint.open_note(told[which], support.ORIGIN, support.LOG.public) for which in ("before", "after"))
    prefix, path = bytes.fromhex(told["prefix_root"]), [bytes.fromhex(item) for item in told["path"]]
    # anyone can check: the log signed `after`, whose first leaves have another root than `before`, which it signed too
    assert merkle.root_from_consistency(old.size, new.size, prefix, path) == new.root
    assert prefix != old.root


def test_log_3_the_same_size_with_another_root_is_a_fork(cosigner: Cosigner) -> None:
    log, fork = Log().grow_singly(0), Log().grow_singly(500)
    assert log.engine.store.head().size == fork.engine.store.head().size
    cosigner.step(log.fetch, NOW)
    assert refused(lambda: cosigner.step(fork.fetch, NOW)) == "cosign.fork"


def test_a_smaller_log_and_foreign_tiles_are_refused(cosigner: Cosigner) -> None:
    log = Log().grow(0, 20)
    old = log.fetch("/checkpoint")
    log.grow(20, 20)
    cosigner.step(log.fetch, NOW)
    shrunk: Callable[[str], bytes] = lambda path: old if path == "/checkpoint" else log.fetch(path)  # noqa: E731
    assert refused(lambda: cosigner.step(shrunk, NOW)) == "cosign.shrank"
    other = Log().grow(3_000, 60)
    mixed: Callable[[str], bytes] = lambda path: (log if path == "/checkpoint" else other).fetch(path)  # noqa: E731
    assert refused(lambda: cosigner.step(mixed, NOW)) == "cosign.tiles"
    short: Callable[[str], bytes] = lambda path: log.fetch(path)[: None if path == "/checkpoint" else 31]  # noqa: E731
    assert refused(lambda: cosigner.step(short, NOW)) == "tile.short"


def test_a_stranger_to_the_log_key_is_refused(tmp_path: Path) -> None:
    stranger = Cosigner(tmp_path, NAME, support.ORIGIN, support.STRANGER.public)
    assert refused(lambda: stranger.step(Log().grow(0, 2).fetch, NOW)) == "checkpoint.refused"


def cosigned(cosigner: Cosigner) -> tuple[str, dict[str, object]]:
    cosigner.step(Log().grow(0, 5).fetch, NOW)
    name, key = cosignature.parse_vkey((cosigner.folder / "cosigner.vkey").read_text())
    return (cosigner.folder / "cosigned").read_text(), {name: key}


def test_no_byte_of_a_cosigned_checkpoint_is_idle(cosigner: Cosigner) -> None:
    note, known = cosigned(cosigner)
    raw = note.encode()
    for position in range(len(raw)):
        altered = (raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]).decode(errors="replace")
        try:
            found = cosignature.open_cosigned(altered, support.ORIGIN, support.LOG.public, known)  # type: ignore[arg-type] # the fixture's own
        except PojuError:
            continue
        # another name is another cosigner, of whom nothing is known
        assert found.times == {}


def test_unknown_cosigners_say_nothing_and_known_ones_only_once(cosigner: Cosigner) -> None:
    note, known = cosigned(cosigner)
    unknown = cosignature.cosign(note, "stranger.example", support.STRANGER, NOW)
    found = cosignature.open_cosigned(unknown, support.ORIGIN, support.LOG.public, known)  # type: ignore[arg-type] # as above
    assert list(found.times) == [NAME]
    line = note.splitlines(keepends=True)[-1]
    for wrong in (note + line, note.removesuffix("\n"), note + "\n", note + line.replace(NAME, "x") * 70):
        with pytest.raises(PojuError) as caught:
            cosignature.open_cosigned(wrong, support.ORIGIN, support.LOG.public, known)  # type: ignore[arg-type] # as above
        assert caught.value.code == "checkpoint.refused"


def test_a_cosigner_s_key_is_no_log_s_key() -> None:
    text = cosignature.vkey(NAME, support.LOG.public)
    assert cosignature.parse_vkey(text) == (NAME, support.LOG.public)
    assert base64.b64decode(text.split("+", 2)[2])[0] == 4
    for wrong in (support.LOG.public.vkey(NAME), text[:-2], "", "a+b", text.replace("university", "another")):
        with pytest.raises(PojuError) as caught:
            cosignature.parse_vkey(wrong)
        assert caught.value.code == "key.malformed"
