"""A log key changes hands while the node runs: by vote, at a block, with nothing renamed and nothing signed too far."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner
from support_governance import Live
from support_rules import HEALTHCARE, key_of

from poju.cli.ledger import command
from poju.engine.embedded import EmbeddedEngine
from poju.errors import OperatorError
from poju.ledger import cosignature
from poju.ledger.audit import Plan
from poju.ledger.checkpoint import open_note
from poju.ledger.keys import PublicKey
from poju.ledger.log_keys import OwnKeys
from poju.ledger.receipt import verify
from poju.ledger.store import Store
from poju.node import ledger_care, ledger_service, log_private
from poju.node.cosigner import Cosigner
from poju.rulebook import compose
from poju.units import Seconds

ORIGIN = "test.invalid"


class Authority(Live):
    """A ledger in a folder, as ``poju ledger serve`` runs it, but for the sockets."""

    def serve(self, folder: Path) -> None:
        self.folder, self.rules = folder, compose(HEALTHCARE, folder / "packages")
        store = Store.open(folder / "ledger.sqlite")
        key = log_private.in_force(folder, store)
        keys = OwnKeys(key, log_private.watch(folder))
        (folder / "origin").write_text(ORIGIN)
        self.attach(EmbeddedEngine(store, self.rules, keys, ORIGIN, lambda: self.now))

    def stop(self) -> None:
        self.engine.close()
        ledger_service.publish_keys(self.folder, ORIGIN, self.engine.log_key, self.engine.store)
        self.engine.store.close()

    def restart(self) -> None:
        self.stop()
        self.serve(self.folder)

    @property
    def key(self) -> PublicKey:
        """The key that the checkpoint of now is signed with."""
        store = self.engine.store
        open_note(self.engine.checkpoint_at(store.head().size), ORIGIN, self.engine.log_key)
        return self.engine.log_key


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    town = Authority()
    folder = tmp_path / "authority"
    folder.mkdir()
    # the opening names the first key
    (folder / "log.private").write_bytes(bytes(key_of("log")._signing_key))
    town.serve(folder)
    town.with_members()
    with ExitStack() as ending:
        ending.callback(town.stop)
        yield town


def new_key(folder: Path) -> PublicKey:
    made = CliRunner().invoke(command, ["new-key", str(folder), "--json"])
    assert made.exit_code == 0, made.output
    return PublicKey(bytes.fromhex(json.loads(made.output)["log_key"]))


def test_log_3_the_block_in_which_a_voted_key_takes_its_turn_is_signed_with_it(authority: Authority) -> None:
    old, new = authority.key, new_key(authority.folder)
    before = authority.engine.receipt_for(2)
    authority.propose("1", "log-key", log_key=new.raw)
    authority.pass_("1")
    assert authority.key == old
    authority.step()
    found = authority.engine.store.head().size
    assert authority.key == new
    leaf = authority.engine.store.leaf(2) or b""
    assert verify(authority.engine.receipt_for(2), leaf, new).size == found
    assert verify(before, leaf, old).size < found
    # what was signed before can be signed again, by the key that may
    open_note(authority.engine.checkpoint_at(verify(before, leaf, old).size), ORIGIN, old)
    authority.restart()
    assert authority.key == new
    third = new_key(authority.folder)
    authority.decide("2", "log-key", log_key=third.raw)
    assert authority.key == third
    authority.restart()
    assert authority.key == third


def test_log_3_a_node_without_the_voted_key_makes_no_block_until_it_has_it(authority: Authority) -> None:
    new = new_key(authority.folder)
    (path,) = authority.folder.glob(log_private.LATER)
    seed = path.read_bytes()
    path.unlink()
    authority.propose("1", "log-key", log_key=new.raw)
    authority.pass_("1")
    head = authority.engine.store.head()
    with pytest.raises(OperatorError, match=new.fingerprint) as stopped:
        authority.step()
    assert stopped.value.code == "governance.log-key"
    assert authority.engine.store.head() == head
    authority.restart()
    path.write_bytes(seed)
    authority.step()
    assert authority.key == new
    path.unlink()
    with pytest.raises(OperatorError, match="32 bytes"):
        log_private.in_force(authority.folder, authority.engine.store)
    path.write_bytes(seed)


def test_log_3_the_first_key_of_an_opened_ledger_is_never_made_anew(authority: Authority, tmp_path: Path) -> None:
    kept = (authority.folder / "log.private").read_bytes()
    (authority.folder / "log.private").unlink()
    for what in (
        lambda: log_private.in_force(authority.folder, authority.engine.store),
        lambda: ledger_care.backup(authority.folder, tmp_path / "b.sqlite", lambda _done, _total: None),
    ):
        with pytest.raises(OperatorError) as stopped:
            what()
        assert stopped.value.code == "key.unusable"
    assert not (authority.folder / "log.private").exists()
    (authority.folder / "log.private").write_bytes(kept)


def test_log_3_backup_and_rebuild_know_the_keys_of_before(authority: Authority, tmp_path: Path) -> None:
    silent: Callable[[int, int], None] = lambda _done, _total: None  # noqa: E731
    # a refusal that the first key signed is kept beside the log
    assert authority.say("member-admit", "hospital-a", "member/nobody", roles=["hospital"])
    new = new_key(authority.folder)
    authority.decide("1", "log-key", log_key=new.raw)
    authority.restart()
    signed = ledger_care.backup(authority.folder, tmp_path / "b.sqlite", silent)
    note = (tmp_path / "b.sqlite.checkpoint").read_text()
    assert open_note(note, ORIGIN, new) == signed
    authority.stop()
    head = ledger_care.rebuild(authority.folder, HEALTHCARE, Plan(), checkpoint=None, replace=False)
    assert head.size == signed.size
    authority.serve(authority.folder)


def test_log_2_a_cosigner_goes_on_under_the_new_key(authority: Authority, tmp_path: Path) -> None:
    def fetch(path: str) -> bytes:
        store = authority.engine.store
        if path == "/checkpoint":
            return authority.engine.checkpoint_at(store.head().size).encode()
        _tile, level, number = path.strip("/").split("/")[:3]
        return store.tile(int(level), int(number.partition(".")[0]))

    def cosigned(key: PublicKey) -> cosignature.Cosigned:
        return Cosigner(tmp_path / "w", "w.example", ORIGIN, key).step(fetch, Seconds(authority.now))

    old, new = authority.key, new_key(authority.folder)
    first = cosigned(old)
    authority.decide("1", "log-key", log_key=new.raw)
    assert cosigned(new).checkpoint.size > first.checkpoint.size


def test_new_keys_are_their_owners_alone_and_none_replaces_another(tmp_path: Path) -> None:
    made = {new_key(tmp_path).fingerprint for _ in range(3)}
    files = sorted(tmp_path.iterdir())
    assert len(made) == len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert all(path.name in {f"log-{name[:16]}.private" for name in made} for path in files)
