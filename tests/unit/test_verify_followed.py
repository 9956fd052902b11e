"""A policy that names a log's first statement: its keys are followed through the votes, and only then believed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support_audit import Copy
from support_governance import Live, validator
from support_rules import HEALTHCARE, key_of

from poju.cli.verify import command
from poju.engine.embedded import EmbeddedEngine
from poju.errors import CallerError, PojuError
from poju.ledger import tiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey
from poju.ledger.log_keys import LogKey, LogKeys
from poju.ledger.store import Store
from poju.rulebook import compose
from poju.verify import policy as policies
from poju.verify.auditor import Means
from poju.verify.command import verify
from poju.verify.proof import Proof

ORIGIN = "test.invalid"
FIRST, SECOND, THIRD, STRANGER = (key_of(name) for name in ("log", "log:2", "log:3", "stranger"))
FOUR = {name: key_of(f"{name}:own") for name in ("v0", "v1", "v2", "v3")}


class Town(Live):
    """A ledger whose members vote, and the folder that an auditor gets of it."""

    def published(self, folder: Path, *keys: PrivateKey, leaves: Sequence[bytes] = ()) -> Path:
        """Write the whole log, or one of ``leaves``, its checkpoint signed with each of ``keys``."""
        leaves = leaves or list(self.engine.store.stream(self.size))
        copy = Copy.of(leaves)
        hashes = copy.hashes
        tiles.write_folder(
            folder, copy.size, lambda level, number: hashes[level, number], lambda *at: leaves[slice(*at)]
        )
        shutil.copytree(HEALTHCARE, folder / "package", dirs_exist_ok=True)
        head = Checkpoint(ORIGIN, copy.size, copy.root)
        lines = "".join(head.sign(key).partition("\n\n")[2] for key in keys)
        (folder / "checkpoint").write_text(f"{head.text()}\n{lines}")
        (folder / "log.vkey").write_text(keys[0].public.vkey(ORIGIN) + "\n")
        return folder

    @property
    def size(self) -> int:
        return self.engine.store.head().size

    @property
    def genesis(self) -> str:
        return hashlib.sha256(self.engine.store.leaf(0) or b"").hexdigest()

    def receipt(self, folder: Path, index: int) -> Path:
        """Write the statement at ``index`` with the engine's receipt."""
        folder.mkdir(exist_ok=True)
        (folder / "a.statement.cose").write_bytes(self.engine.store.leaf(index) or b"")
        (folder / "a.receipt.cose").write_bytes(self.engine.receipt_for(index))
        return folder / "a.receipt.cose"


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    town.rules = compose(HEALTHCARE)
    store = Store.memory()
    town.attach(EmbeddedEngine(store, town.rules, FIRST, ORIGIN, lambda: town.now))
    town.with_members()
    yield town
    town.engine.close()
    store.close()


def policy(folder: Path, text: str) -> policies.Policy:
    path = folder / "policy.toml"
    path.write_text(f'origin = "{ORIGIN}"\n{text}')
    return policies.load(path)


def from_genesis(folder: Path, town: Town, more: str = "") -> policies.Policy:
    return policy(folder, f'genesis = "{town.genesis}"\n{more}')


def entries(keys: dict[str, PrivateKey]) -> str:
    return "".join(f'[[keys]]\nname = "{name}"\nkey = "{key.public.vkey(ORIGIN)}"\n' for name, key in keys.items())


def code(proof: Proof) -> str | None:
    """The code of the step that did not hold, or None where all held and the exit status is 0."""
    result = proof.steps[-1].result
    assert (proof.exit_status == 0) == (not isinstance(result, PojuError))
    return result.code if isinstance(result, PojuError) else None


def test_log_3_a_voted_log_key_is_followed_from_the_first_statement(town: Town, tmp_path: Path) -> None:
    trust = from_genesis(tmp_path, town)
    assert code(verify(town.published(tmp_path / "before", FIRST), trust)) is None
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    town.decide("2", "log-key", log_key=THIRD.public.raw)
    proof = verify(town.published(tmp_path / "after", THIRD), trust)
    assert code(proof) is None
    root = town.engine.store.root(town.size).hex()
    keys, signed = [step.say("en") for step in proof.steps][-2:]
    assert keys == f"the log's votes lead to 3 keys, 1 of which speak at size {town.size}"
    assert signed == f"1 of 1 holders signed size {town.size} with root {root}, 1 are needed: log"


@pytest.mark.parametrize("key", [FIRST, SECOND])
def test_log_3_a_retired_key_signs_no_larger_log(town: Town, tmp_path: Path, key: PrivateKey) -> None:
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    town.decide("2", "log-key", log_key=THIRD.public.raw)
    assert code(verify(town.published(tmp_path / "a", key), from_genesis(tmp_path, town))) == "policy.too-few"


def test_log_3_who_holds_the_last_key_cannot_make_up_the_log_before_it(town: Town, tmp_path: Path) -> None:
    trust = from_genesis(tmp_path, town)
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    made_up = Town(now=town.now + 1)
    made_up.rules = compose(HEALTHCARE)
    made_up.attach(EmbeddedEngine(Store.memory(), made_up.rules, SECOND, ORIGIN, lambda: made_up.now))
    made_up.with_members()
    made_up.decide("1", "log-key", log_key=THIRD.public.raw)
    proof = verify(made_up.published(tmp_path / "made-up", THIRD), trust)
    assert code(proof) == "policy.other-genesis"
    assert len(proof.steps) == 4  # before anything is replayed
    made_up.engine.close()


@pytest.mark.parametrize("vote", [0, 3])
def test_log_4_a_vote_that_was_altered_leads_to_no_key(town: Town, tmp_path: Path, vote: int) -> None:
    """Whoever alters a vote, and makes leaves, tiles and checkpoint fit it, fails at the voter's signature."""
    trust = from_genesis(tmp_path, town)
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    leaves = list(town.engine.store.stream(town.size))
    at = [index for index, raw in enumerate(leaves) if b"proposal/1" in raw and b"approve" in raw][vote]
    leaves[at] = leaves[at][:-1] + bytes([leaves[at][-1] ^ 1])
    proof = verify(town.published(tmp_path / "a", SECOND, leaves=leaves), trust)
    assert code(proof) == "log.divergence"
    assert "signature" in proof.steps[-1].say("en")


def test_log_2_validators_come_and_go_by_vote_and_two_thirds_of_those_in_force_sign(town: Town, tmp_path: Path) -> None:
    trust = from_genesis(tmp_path, town, entries(FOUR))
    own = list(FOUR.values())
    assert code(verify(town.published(tmp_path / "3-of-4", *own[:3]), trust)) is None
    assert code(verify(town.published(tmp_path / "2-of-4", *own[:2]), trust)) == "policy.too-few"
    # the operator's key, which the ledger was opened with, is none of theirs
    assert code(verify(town.published(tmp_path / "operator", *own[:2], FIRST), trust)) == "policy.too-few"
    town.decide("1", "validator-admit", **validator("v4"))
    fifth = key_of("v4:log")
    assert code(verify(town.published(tmp_path / "4-of-5", *own[:3], fifth), trust)) is None
    assert code(verify(town.published(tmp_path / "3-of-5", *own[:3]), trust)) == "policy.too-few"
    town.decide("2", "validator-admit", **validator("v5"))
    town.decide("3", "validator-remove", name="v4", reason="left")
    assert code(verify(town.published(tmp_path / "without", *own[:3], fifth), trust)) == "policy.too-few"
    assert code(verify(town.published(tmp_path / "with", *own[:3], key_of("v5:log")), trust)) is None


def test_log_3_receipts_of_before_hold_and_those_of_a_compromised_key_do_not(town: Town, tmp_path: Path) -> None:
    trust, old = from_genesis(tmp_path, town), town.receipt(tmp_path / "r", 3)
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    log = town.published(tmp_path / "log", SECOND)
    with pytest.raises(CallerError) as stopped:
        verify(old, trust)
    assert stopped.value.code == "policy.follows"
    assert code(verify(old, trust, log=log)) is None
    town.decide("2", "log-key-compromised", log_key=FIRST.public.raw)
    log = town.published(tmp_path / "later", SECOND)
    assert code(verify(old, trust, log=log)) == "policy.compromised"


def test_what_was_followed_is_kept_in_a_policy_of_its_own(town: Town, tmp_path: Path) -> None:
    from_genesis(tmp_path, town)
    old = town.receipt(tmp_path / "r", 3)
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    folder, kept = town.published(tmp_path / "log", SECOND), tmp_path / "kept.toml"
    given = ["--policy", str(tmp_path / "policy.toml"), "--lang", "en"]
    done = run(str(folder), *given, "--write-policy", str(kept))
    assert (done.exit_code, "VERIFIED" in done.output) == (0, True), done.output
    settled = policies.load(kept)
    assert (settled.genesis, len(settled.keys.keys)) == (None, 2)
    assert settled.written() == kept.read_text()
    assert run(str(folder), "--policy", str(kept)).exit_code == 0
    assert run(str(old), "--policy", str(kept)).exit_code == 0
    assert run(str(old), *given, "--log", str(folder)).exit_code == 0
    for words, wanted in (
        ([str(old), *given], "policy.follows"),
        ([str(folder), "--policy", str(kept), "--write-policy", str(kept)], "verify.nothing-followed"),
        ([str(folder), *given, "--write-policy", str(tmp_path / "none" / "kept.toml")], "policy.write"),
    ):
        found = run(*words)
        assert isinstance(found.exception, PojuError)
        assert found.exception.code == wanted


def run(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_log_4_an_audit_that_follows_goes_on_from_its_saved_place(town: Town, tmp_path: Path) -> None:
    trust, means = from_genesis(tmp_path, town), Means(0, tmp_path / "state")
    assert code(verify(town.published(tmp_path / "a", FIRST), trust, means)) is None
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    proof = verify(town.published(tmp_path / "b", SECOND), trust, means)
    assert code(proof) is None
    assert "an earlier run" in " ".join(step.say("en") for step in proof.steps)


def test_log_3_one_trusted_key_is_the_one_that_the_votes_let_speak(town: Town, tmp_path: Path) -> None:
    town.decide("1", "log-key", log_key=SECOND.public.raw)
    for key, wanted in ((SECOND, None), (FIRST, "key.retired"), (STRANGER, "key.other-log")):
        folder = town.published(tmp_path / key.public.fingerprint, key)
        assert code(verify(folder, key.public.fingerprint)) == wanted


@pytest.mark.parametrize("text", ['genesis = "00"', "genesis = 1", f'genesis = "{"0" * 64}"\nthreshold = 0', ""])
def test_a_policy_without_a_usable_start_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CallerError) as stopped:
        policy(tmp_path, text)
    assert stopped.value.code == "policy.malformed"


def test_a_written_policy_reads_as_it_was_whatever_the_names(tmp_path: Path) -> None:
    held = [LogKey(name, key_of(name).public, 1, 9, compromised=True) for name in ("衛健委", 'a "b" \\ c', "😀")]
    many = [LogKey("log", key_of(f"log:{number}").public, number, number) for number in range(512)]
    made = policies.Policy(LogKeys(ORIGIN, (*held, *many), None, {"w.example": FIRST.public}, 1), bytes(range(32)))
    path = tmp_path / "written.toml"
    path.write_text(made.written(), encoding="utf-8")
    assert policies.load(path) == made
