"""An auditor's folder under the real rule book: what each kind of damage is called, and what was left unchecked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support_node import LOG, ORIGIN, World, opened
from support_rules import HEALTHCARE, key_of

from poju.errors import CallerError, PojuError
from poju.ledger import block, leaf, statement
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.refusal import Refusal
from poju.node.ledger_service import write_log
from poju.scenario import runtime
from poju.units import Seconds
from poju.verify import auditor as room
from poju.verify.auditor import Means
from poju.verify.command import verify
from poju.verify.proof import Proof

KEY = LOG.public.fingerprint
GRANTEE = {"grantee": "hospital-b"}
SELECTION = {"scenario": "healthcare", "region": "520000", "evidence": [], "missing": [], "rank_common": 1}


def publish(world: World, folder: Path) -> Path:
    write_log(world.store, LOG, ORIGIN, folder, entries=True)
    shutil.copytree(HEALTHCARE, folder / "package")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with pointers, consents and decided requests; tests copy it."""
    world = opened()
    world.consent()
    world.request()
    world.revoke()
    folder = publish(world, tmp_path_factory.mktemp("source") / "auditor")
    world.close()
    return folder


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "auditor"))


def failed(proof: Proof) -> str:
    """Return the code at which the proof ended; it ended in exactly one sentence, and not in success."""
    assert proof.exit_status == 1
    result = proof.steps[-1].result
    assert isinstance(result, PojuError)
    assert result.hint
    assert "Traceback" not in proof.steps[-1].say("en")
    return result.code


@pytest.mark.parametrize("workers", [0, 2])
def test_log_4_a_whole_log_verifies_and_says_how_much(folder: Path, workers: int, tmp_path: Path) -> None:
    proof = verify(folder, KEY, Means(workers, tmp_path / "state"))
    assert proof.exit_status == 0
    again = verify(folder, KEY, Means(workers, tmp_path / "state"))
    assert again.exit_status == 0
    assert "earlier run" in again.steps[4].say("en")
    assert any("--state" in text for text in again.not_proved)
    assert verify(folder, None).exit_status == 1


def test_the_answer_is_the_same_however_many_processes_help(folder: Path) -> None:
    said = [verify(folder, KEY, Means(workers)).as_json("en") for workers in (0, 1, 3)]
    assert said[0] == said[1] == said[2]


def test_log_4_another_runtime_is_said_and_nothing_is_claimed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**runtime.describe(), "cedarpy": "0.0.1"}
    monkeypatch.setattr(room.runtime, "describe", lambda: other)
    proof = verify(folder, KEY)
    assert failed(proof) == "audit.runtime"
    assert "0.0.1" in proof.steps[-1].say("en")


def test_another_package_is_named_before_its_rules_are_asked(folder: Path) -> None:
    path = folder / "package" / "README.md"
    path.write_text(path.read_text() + "\n")
    assert failed(verify(folder, KEY)) == "package.differs"


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bundle missing": (lambda at: next(at.glob("tile/entries/*/*")).unlink(), "file.missing"),
    "a tile missing": (lambda at: next(at.glob("tile/0/*/*")).unlink(), "tile.too-few"),
    "a bundle torn": (lambda at: cut(next(at.glob("tile/entries/*/*"))), "bundle.malformed"),
    "a tile torn": (lambda at: cut(next(at.glob("tile/0/*/*"))), "tile.missing"),
    "a package missing": (lambda at: shutil.rmtree(at / "package"), "package.no-folder"),
    "a negative size": (lambda at: sign(at, Checkpoint(ORIGIN, -5, bytes(32))), "checkpoint.refused"),
    "another root": (lambda at: sign(at, Checkpoint(ORIGIN, size(at), bytes(32))), "tile.root"),
    "a smaller size": (lambda at: sign(at, Checkpoint(ORIGIN, size(at) - 1, bytes(32))), "file.missing"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def size(folder: Path) -> int:
    return int((folder / "checkpoint").read_text().split("\n")[1])


def sign(folder: Path, checkpoint: Checkpoint) -> None:
    (folder / "checkpoint").write_text(checkpoint.sign(LOG))


@pytest.mark.parametrize("name", DAMAGE)
def test_log_1_each_damage_has_its_name(folder: Path, name: str) -> None:
    damage, code = DAMAGE[name]
    damage(folder)
    assert failed(verify(folder, KEY)) == code


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_log_1_no_flip_of_any_file_of_the_log_verifies(source: Path, data: st.DataObject) -> None:
    files = sorted(path for path in source.rglob("*") if path.is_file() and "package" not in path.parts)
    path = data.draw(st.sampled_from(files))
    kept = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(kept) - 1)), data.draw(st.integers(0, 7))
    try:
        path.write_bytes(kept[:at] + bytes([kept[at] ^ 1 << bit]) + kept[at + 1 :])
        assert failed(verify(source, KEY))
    finally:
        path.write_bytes(kept)


# --- refusals on a log ----------------------------------------------------------------------------------------------


def refuse(world: World, folder: Path, raw: bytes) -> Path:
    """Let the rules refuse ``raw`` behind the world's log, and write the node's refusal as it has to be."""
    head, rules = world.store.head(), world.rules
    item = statement.decode(raw)
    time = Seconds(max(world.now, head.time))
    key = rules.key_for(world.store, item)
    verified = None if key is None else item.verify(key)
    if verified is None:
        code = "statement.key-unknown"
    else:
        (answer,) = block.execute(rules, world.store, world.store, head, time, [verified]).answers
        assert isinstance(answer, block.Declined)
        code = answer.code
    folder.mkdir()
    (folder / "x.statement.cose").write_bytes(raw)
    (folder / "x.refusal.cose").write_bytes(Refusal(item.digest, code, head.size, time, 0).sign(LOG, ORIGIN))
    (folder / "log.vkey").write_text(LOG.public.vkey(ORIGIN) + "\n")
    return folder / "x.refusal.cose"


@pytest.fixture
def world() -> World:
    return opened()


def test_rule_2_a_refusal_is_judged_again_on_the_log(world: World, tmp_path: Path) -> None:
    raws = {
        "exchange.no-consent": world.signed("consent-revoke", "identity-index", f"consent/{'c' * 32}", GRANTEE),
        "member.role": world.signed("selection", "hospital-a", "selection/9", SELECTION),
        "statement.key-unknown": statement.sign(
            key_of("stranger"), "selection", issuer="commission", subject="selection/9", issued_at=Seconds(world.now),
            identifier=statement.new_identifier(), fields={},
        ),
    }  # fmt: skip
    refused = {name: refuse(world, tmp_path / name, raw) for name, raw in raws.items()}
    world.consent()
    log = publish(world, tmp_path / "auditor")
    world.close()
    for name, path in refused.items():
        proof = verify(path, KEY, log=log)
        assert proof.exit_status == 0, (name, proof.steps[-1].say("en"))
        assert "asked again" in proof.steps[-2].name
        assert verify(path, KEY).exit_status == 0
        assert any("--log" in text for text in verify(path, KEY).not_proved)
    wrong = refused["member.role"]
    raw = (wrong.parent / "x.statement.cose").read_bytes()
    forged = Refusal(statement.decode(raw).digest, "member.key", 3, Seconds(world.now), 0)
    wrong.write_bytes(forged.sign(LOG, ORIGIN))
    assert failed(verify(wrong, KEY, log=log)) in {"refusal.unfounded", "refusal.unfit"}
    assert verify(wrong, KEY).exit_status == 0
    wrong.write_bytes(forged.sign(LOG, "other.example/log"))
    assert failed(verify(wrong, KEY, log=log)) == "refusal.refused"


def test_a_log_beside_what_is_no_refusal_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(CallerError) as caught:
        verify(folder, KEY, log=folder)
    assert caught.value.code == "verify.log-unused"


def test_rule_2_a_refusal_is_not_judged_on_a_log_that_does_not_hold(folder: Path, world: World, tmp_path: Path) -> None:
    path = refuse(world, tmp_path / "refused", world.signed("selection", "hospital-a", "selection/9", SELECTION))
    world.close()
    bundle = next(folder.glob("tile/entries/*/*"))
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert failed(verify(path, KEY, log=folder)) == "bundle.differs"
    assert leaf.is_statement((path.parent / "x.statement.cose").read_bytes())
