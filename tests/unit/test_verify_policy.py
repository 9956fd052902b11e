"""``--policy``: k of n keys, each for a range of sizes; retired and compromised keys; attacks on the count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from support_ledger import consistency, inclusion, signed, tree_head

from poju.cli.verify import command
from poju.errors import CallerError
from poju.ledger import cosignature, receipt
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey
from poju.ledger.log_keys import LogKey, LogKeys
from poju.units import Seconds
from poju.verify import policed, policy
from poju.verify.command import verify
from poju.verify.policed import Beside
from poju.verify.proof import Proof

ORIGIN = "consortium.example/log"
KEYS = {name: PrivateKey.from_seed(bytes([number]) * 32) for number, name in enumerate(("v0", "v1", "v2", "v3"), 1)}
OLD, WITNESS, OTHER = (PrivateKey.from_seed(bytes([number]) * 32) for number in (51, 52, 53))
LEAVES = [signed(number) for number in range(12)]
NOW = Seconds(1_700_000_000)


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree_head(LEAVES[:size]))


def line(key: PrivateKey, head: Checkpoint) -> str:
    return head.sign(key).partition("\n\n")[2]


def note(size: int, *names: str, head: Checkpoint | None = None) -> str:
    head = head or checkpoint(size)
    return head.text() + "\n" + "".join(line(KEYS[name], head) for name in names)


def receipt_of(index: int, size: int, key: PrivateKey) -> bytes:
    root = receipt.sign_root(key, ORIGIN, size, tree_head(LEAVES[:size]))
    return root.receipt(index, inclusion(index, LEAVES[:size]))


def growth(old: int, size: int, key: PrivateKey) -> bytes:
    root = receipt.sign_root(key, ORIGIN, size, tree_head(LEAVES[:size]))
    return root.consistency(old, consistency(old, LEAVES[:size]))


def keys(**more: object) -> LogKeys:
    held = [LogKey(name, key.public) for name, key in KEYS.items()]
    return LogKeys(ORIGIN, held, 3, **more)  # type: ignore[arg-type]  # cosigners and witnesses


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def entry(name: str, key: PrivateKey, more: str = "") -> str:
    return f'[[keys]]\nname = "{name}"\nkey = "{key.public.vkey(ORIGIN)}"\n{more}\n'


FOUR = "".join(entry(name, key) for name, key in KEYS.items())


def loaded(folder: Path, keys_text: str = FOUR, threshold: int = 3, more: str = "") -> policy.Policy:
    return policy.load(written(folder, f'origin = "{ORIGIN}"\nthreshold = {threshold}\n{more}{keys_text}'))


def witnessed(threshold: int = 1) -> str:
    return f'[cosigners]\nthreshold = {threshold}\nkeys = ["{cosignature.vkey("w", WITNESS.public)}"]\n'


@pytest.fixture
def statement(tmp_path: Path) -> Callable[..., Path]:
    def write(index: int, size: int, key: PrivateKey) -> Path:
        (tmp_path / "a.statement.cose").write_bytes(LEAVES[index])
        (tmp_path / "a.receipt.cose").write_bytes(receipt_of(index, size, key))
        return tmp_path / "a.receipt.cose"

    return write


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def code(proof: Proof) -> str | None:
    """The code of the step that did not hold, or None where all held and the exit status is 0."""
    if proof.exit_status == 0:
        return None
    return str(proof.as_json("en")["steps"][-1]["code"])  # type: ignore[index]  # a list of steps


# --- how many signed a checkpoint


def test_three_of_four_are_enough_and_two_are_not(tmp_path: Path) -> None:
    trust = loaded(tmp_path)
    assert code(verify(file(tmp_path, "c", note(9, "v0", "v2", "v3")), trust)) is None
    assert code(verify(file(tmp_path, "c", note(9, "v0", "v2")), trust)) == "policy.too-few"


def test_a_signature_twice_is_refused_not_counted_twice() -> None:
    with pytest.raises(CallerError, match="twice"):
        keys().open(note(9, "v0", "v0", "v1"))


def test_a_key_under_two_names_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        loaded(tmp_path, FOUR + entry("v4", KEYS["v0"]))
    assert caught.value.code == "policy.malformed"


def test_two_keys_of_one_holder_count_once(tmp_path: Path) -> None:
    # the holder's old key and new one overlap: both lines hold, but it is one organisation
    rows = entry("v0", KEYS["v0"]) + entry("v0", KEYS["v1"]) + entry("v2", KEYS["v2"])
    trust = loaded(tmp_path, rows, threshold=2)
    assert code(verify(file(tmp_path, "c", note(9, "v0", "v1")), trust)) == "policy.too-few"
    assert code(verify(file(tmp_path, "c", note(9, "v0", "v2")), trust)) is None
    with pytest.raises(CallerError):
        loaded(tmp_path, rows, threshold=3)


def test_an_unknown_key_says_nothing() -> None:
    head = checkpoint(9)
    agreed = keys().open(note(9, "v0") + line(OTHER, head))
    assert agreed.signers == {"v0"}


def test_a_cosigner_is_no_holder_and_a_holder_no_cosigner(tmp_path: Path) -> None:
    trust = loaded(tmp_path, threshold=1, more="", keys_text=entry("v0", KEYS["v0"]) + witnessed())
    cosigned = cosignature.cosign(note(9, "v0"), "w", WITNESS, NOW)
    assert code(verify(file(tmp_path, "c", cosigned), trust)) is None
    assert code(verify(file(tmp_path, "c", note(9, "v0")), trust)) == "policy.too-few-cosigners"
    two = loaded(tmp_path, FOUR + witnessed(), threshold=2)
    assert code(verify(file(tmp_path, "c", cosigned), two)) == "policy.too-few"
    with pytest.raises(CallerError):
        loaded(tmp_path, entry("w", WITNESS) + witnessed(), threshold=1)


def test_a_known_key_s_broken_signature_is_refused() -> None:
    head = checkpoint(9)
    forged = note(9, "v0", "v1") + line(KEYS["v2"], Checkpoint(ORIGIN, 9, bytes(32)))
    with pytest.raises(CallerError, match="does not hold"):
        keys().open(forged)
    assert head.size == 9


def test_another_log_s_checkpoint_is_refused() -> None:
    other = Checkpoint("other.example/log", 9, tree_head(LEAVES[:9]))
    with pytest.raises(CallerError, match="another log"):
        keys().open(other.text() + "\n" + line(KEYS["v0"], other))


def test_keys_that_share_an_id_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poju.ledger.keys.PublicKey.note_key_id", lambda _key, _name: b"same")
    assert keys().open(note(9, "v0", "v1", "v2")).signers == {"v0", "v1", "v2"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.replace("—", "-", 1),
        lambda text: text.replace("\n9\n", "\n09\n"),
        lambda text: text.replace("\n9\n", "\n-9\n"),
        lambda text: text.replace("\n9\n", "\n８\n"),
        lambda text: text.partition("\n\n")[0] + "\n\n",
        lambda text: text.partition("\n\n")[0],
        lambda _text: "",
        lambda text: text + "— x !!!\n",
        lambda text: text + "".join(f"— x{number} AAAA\n" for number in range(200)),
    ],
)
def test_a_note_in_another_form_is_refused(damage: Callable[[str], str]) -> None:
    with pytest.raises(CallerError) as caught:
        keys().open(damage(note(9, "v0", "v1", "v2")))
    assert caught.value.code == "checkpoint.refused"


# --- keys for a range of sizes


RETIRED = entry("op", OLD, "last = 5") + entry("op", KEYS["v0"], "first = 6")


def test_log_3_a_receipt_under_a_retired_key_verifies(tmp_path: Path, statement: Callable[..., Path]) -> None:
    trust = loaded(tmp_path, RETIRED, threshold=1)
    assert code(verify(statement(2, 5, OLD), trust)) is None
    assert code(verify(statement(2, 9, KEYS["v0"]), trust)) is None


def test_a_retired_key_says_nothing_of_larger_sizes(tmp_path: Path, statement: Callable[..., Path]) -> None:
    trust = loaded(tmp_path, RETIRED, threshold=1)
    assert code(verify(statement(2, 6, OLD), trust)) == "policy.out-of-range"
    assert code(verify(statement(2, 5, KEYS["v0"]), trust)) == "policy.out-of-range"
    late = checkpoint(6)
    assert code(verify(file(tmp_path, "c", late.text() + "\n" + line(OLD, late)), trust)) == "policy.too-few"


COMPROMISED = entry("op", OLD, "last = 5\ncompromised = true") + entry("op", KEYS["v0"], "first = 6") + witnessed()


def test_log_3_a_compromised_key_s_receipt_holds_only_by_growth_to_a_cosigned_checkpoint(
    tmp_path: Path, statement: Callable[..., Path]
) -> None:
    trust = loaded(tmp_path, COMPROMISED, threshold=1)
    path = statement(2, 5, OLD)
    assert code(verify(path, trust)) == "policy.compromised"
    cosigned = file(tmp_path, "c", cosignature.cosign(note(9, "v0"), "w", WITNESS, NOW))
    grown = file(tmp_path, "g", growth(5, 9, KEYS["v0"]))
    assert code(verify(path, trust, beside=Beside(cosigned, grown))) is None
    # without growth, without the cosigner, or with another history, it stays worth nothing
    assert code(verify(path, trust, beside=Beside(cosigned))) == "policy.other-checkpoint"
    plain = file(tmp_path, "p", note(9, "v0"))
    assert code(verify(path, trust, beside=Beside(plain, grown))) == "policy.compromised"
    assert code(verify(path, trust, beside=Beside(cosigned, file(tmp_path, "h", growth(4, 9, KEYS["v0"]))))) == (
        "receipt.refused"
    )


def test_a_compromised_key_counts_nowhere(tmp_path: Path) -> None:
    trust = loaded(tmp_path, COMPROMISED.replace(witnessed(), ""), threshold=1)
    head = checkpoint(4)
    assert code(verify(file(tmp_path, "c", head.text() + "\n" + line(OLD, head)), trust)) == "policy.too-few"


def test_a_forged_history_under_a_compromised_key_is_not_verified(
    tmp_path: Path, statement: Callable[..., Path]
) -> None:
    """The thief signs a log of its own, of the old size, and shows the true cosigned checkpoint beside it."""
    trust = loaded(tmp_path, COMPROMISED, threshold=1)
    path = statement(2, 5, OLD)
    forged = [signed(number + 100) for number in range(5)]
    root = receipt.sign_root(OLD, ORIGIN, 5, tree_head(forged))
    path.write_bytes(root.receipt(2, inclusion(2, forged)))
    (tmp_path / "a.statement.cose").write_bytes(forged[2])
    cosigned = file(tmp_path, "c", cosignature.cosign(note(9, "v0"), "w", WITNESS, NOW))
    grown = file(tmp_path, "g", growth(5, 9, KEYS["v0"]))
    assert code(verify(path, trust, beside=Beside(cosigned, grown))) == "receipt.refused"


# --- a receipt under k of n


def test_one_validator_s_receipt_needs_the_others_checkpoint(tmp_path: Path, statement: Callable[..., Path]) -> None:
    trust = loaded(tmp_path)
    path = statement(2, 9, KEYS["v0"])
    assert code(verify(path, trust)) == "policy.one-signature"
    # the receipt's own signature counts: it is over the same root
    assert code(verify(path, trust, beside=Beside(file(tmp_path, "c", note(9, "v1", "v2"))))) is None
    assert code(verify(path, trust, beside=Beside(file(tmp_path, "c", note(9, "v0", "v1"))))) == "policy.too-few"
    later = file(tmp_path, "l", note(12, "v1", "v2", "v3"))
    assert code(verify(path, trust, beside=Beside(later))) == "policy.other-checkpoint"
    assert code(verify(path, trust, beside=Beside(later, file(tmp_path, "g", growth(9, 12, KEYS["v1"]))))) is None


def test_a_checkpoint_of_another_root_does_not_stand_behind_a_receipt(
    tmp_path: Path, statement: Callable[..., Path]
) -> None:
    other = Checkpoint(ORIGIN, 9, tree_head(LEAVES[1:10]))
    beside = Beside(file(tmp_path, "c", note(9, "v1", "v2", "v3", head=other)))
    assert code(verify(statement(2, 9, KEYS["v0"]), loaded(tmp_path), beside=beside)) == "policy.other-checkpoint"


def test_a_stranger_s_receipt_is_refused(tmp_path: Path, statement: Callable[..., Path]) -> None:
    assert code(verify(statement(2, 9, OTHER), loaded(tmp_path))) == "receipt.refused"


# --- the file and the command


BACKWARDS = "first = 9\nlast = 3"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "= broken",
        f'origin = "{ORIGIN}"\nthreshold = 1\n',
        f'origin = "{ORIGIN}"\nthreshold = 0\n{FOUR}',
        f'origin = "{ORIGIN}"\nthreshold = 5\n{FOUR}',
        f'origin = "{ORIGIN}"\nthreshold = true\n{FOUR}',
        f'origin = "{ORIGIN}"\nthreshold = 1\nmore = 1\n{FOUR}',
        f'origin = "other.example/log"\nthreshold = 1\n{FOUR}',
        f'origin = "{ORIGIN}"\nthreshold = 1\nkeys = []\n',
        f'origin = "{ORIGIN}"\nthreshold = 1\nkeys = [1]\n',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{entry("v0", OLD, BACKWARDS)}',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{entry("v0", OLD, "compromised = 1")}',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{entry("v0", OLD, "other = 1")}',
        f'origin = "{ORIGIN}"\nthreshold = 1\n[[keys]]\nname = "v0"\nkey = "nonsense"\n',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{FOUR}{witnessed(2)}',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{FOUR}[cosigners]\nthreshold = 1\nkeys = ["x"]\n',
        f'origin = "{ORIGIN}"\nthreshold = 1\n{FOUR}[cosigners]\nkeys = []\n',
    ],
)
def test_a_policy_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CallerError) as caught:
        policy.load(written(tmp_path, text))
    assert caught.value.code in {"policy.malformed", "key.malformed"}


def test_the_command_takes_a_policy(tmp_path: Path, statement: Callable[..., Path]) -> None:
    loaded(tmp_path)
    path, rules = str(statement(2, 9, KEYS["v0"])), str(tmp_path / "policy.toml")
    held = str(file(tmp_path, "c", note(9, "v1", "v2")))
    run = CliRunner().invoke
    told = run(command, [path, "--policy", rules, "--checkpoint", held, "--json", "--lang", "en"])
    assert told.exit_code == 0
    assert "3 of 4" in json.loads(told.stdout)["steps"][1]["proved"]
    assert run(command, [path, "--policy", rules]).exit_code == 1
    for wrong in ([path, "--checkpoint", held], [path, "--policy", rules, "--key", "0" * 64]):
        failure = run(command, wrong).exception
        assert isinstance(failure, CallerError)
        assert failure.exit_status == 2


def test_every_module_that_counts_signatures_reads_bounded(tmp_path: Path) -> None:
    huge = file(tmp_path, "c", note(9, "v0", "v1", "v2") + "— x AAAA\n" * 100_000)
    assert huge.stat().st_size > policed.NOTE_BYTES
    assert code(verify(huge, loaded(tmp_path))) == "checkpoint.refused"
