"""Handing an embedded ledger over to a consortium, without engines: what is refused, what is carried, who audits."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import support_recorded as support

from poju.engine.cometbft import genesis as genesis_file
from poju.engine.cometbft.application import Application
from poju.errors import CallerError, OperatorError, PojuError
from poju.ledger import cosignature, receipt
from poju.ledger.audit import Plan
from poju.ledger.block import Entered
from poju.ledger.keys import PrivateKey
from poju.ledger.log_keys import LogKey
from poju.ledger.store import Store
from poju.node import ledger_care, ledger_service, network_audit, network_folder, network_from
from poju.node.network_folder import Network
from poju.rulebook import compose

ORIGIN = "bench.example"
KEY_BYTES = 32


def quiet(_done: int, _total: int) -> None:
    """Hear no progress."""


@pytest.fixture(scope="module", autouse=True)
def _ports() -> Iterator[None]:
    """Number ports without opening one: nothing listens here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network_folder, "free_ports", lambda count: list(range(20_000, 20_000 + count)))
        yield


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return support.load_workload(hospitals=11)


@pytest.fixture(scope="module")
def original(workload: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, support.Recorded]:
    """A ledger's folder as ``poju ledger serve`` leaves it, with refusals kept in it."""
    folder = tmp_path_factory.mktemp("operator") / "authority"
    folder.mkdir()
    store = Store.open(folder / "ledger.sqlite")
    recorded = support.record(workload, store, 80, ORIGIN)
    store.close()
    (folder / "origin").write_text(ORIGIN)
    (folder / "log.private").write_bytes(bytes(workload.LOG._signing_key))
    (folder / "log.vkey").write_text(workload.LOG.public.vkey(ORIGIN) + "\n")
    return folder, recorded


@pytest.fixture(scope="module")
def grown(
    original: tuple[Path, support.Recorded], workload: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Network:
    base = tmp_path_factory.mktemp("grown")
    shutil.copytree(original[0], base / "authority")
    return network_from.init(base / "net", workload.HEALTHCARE, base / "authority", 4, quiet)


@pytest.fixture
def ledger(original: tuple[Path, support.Recorded], tmp_path: Path) -> Path:
    return Path(shutil.copytree(original[0], tmp_path / "authority"))


@pytest.fixture
def network(grown: Network, tmp_path: Path) -> Network:
    """A copy of the network that nobody has audited yet."""
    return network_folder.load(Path(shutil.copytree(grown.folder, tmp_path / "net")))


def test_genesis_carries_size_root_height_and_the_retired_key(
    grown: Network, original: tuple[Path, support.Recorded], workload: ModuleType
) -> None:
    recorded = original[1]
    genesis, first = network_audit.genesis_of(grown)
    assert (genesis.origin, genesis.size, genesis.root) == (ORIGIN, recorded.head.size, recorded.root)
    assert first == recorded.head.height + 1
    assert genesis.retired == (LogKey("operator", workload.LOG.public, 0, recorded.head.size),)
    assert set(genesis.keys) == {"v0", "v1", "v2", "v3"}
    assert workload.LOG.public not in genesis.keys.values()
    texts = {(grown.home(item) / "config" / "genesis.json").read_text() for item in grown.validators}
    assert texts == {(grown.folder / "genesis.json").read_text()}


def test_log_3_every_validator_audits_its_own_copy_and_cosigns_the_operators_final_checkpoint(
    network: Network, workload: ModuleType
) -> None:
    assert network_audit.unaudited(network) == list(network.validators)
    seen: list[tuple[int, int]] = []
    for validator in network.validators:
        network_audit.audit(network, validator, lambda done, total: seen.append((done, total)))
    assert network_audit.unaudited(network) == []
    genesis, _first = network_audit.genesis_of(network)
    assert (genesis.size, genesis.size) in seen
    found = cosignature.open_cosigned(
        network_audit.final(network), ORIGIN, workload.LOG.public, network_audit.cosigners(network)
    )
    assert set(found.times) == {f"{ORIGIN}/v{number}" for number in range(4)}
    assert (found.checkpoint.size, found.checkpoint.root) == (genesis.size, genesis.root)


def test_log_3_receipts_given_before_verify_and_the_handed_log_goes_on_at_the_next_index(
    network: Network, original: tuple[Path, support.Recorded], workload: ModuleType
) -> None:
    recorded = original[1]
    for raw, given in recorded.receipts:
        assert receipt.verify(given, raw, workload.LOG.public).size <= recorded.head.size
    validator = network.validators[0]
    network_audit.audit(network, validator, quiet)
    home = network.home(validator)
    genesis, first = network_audit.genesis_of(network)
    network_audit.require_audited(home, genesis, validator.log_key)
    store = Store.open(home / "ledger.sqlite")
    made = Application(store, compose(network.package), PrivateKey.load(home / "log.private"), genesis)
    hashed = made.init_chain(json.dumps(genesis.describe()).encode(), first)
    assert hashed == genesis_file.app_hash(recorded.head.size, recorded.root)
    later = workload.Workload()
    later._said = 50_000
    known = recorded.receipts[0][0]
    _hash, answers = made.finalize_block(first, workload.TIME, [known, *later._pointer(777_777)])
    made.commit()
    made.close()
    assert answers == [Entered(0, again=True), Entered(recorded.head.size)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE leaf SET data = zeroblob(length(data)) WHERE idx = 17", "bundle.differs"),
        ("UPDATE state SET value = x'01' WHERE key = 'scenario'", "store.damaged"),
        ("UPDATE head SET size = size - 1", "store.damaged"),
        ("DELETE FROM seen WHERE idx = 20", "store.damaged"),
        ("UPDATE refusal SET raw = zeroblob(length(raw))", "store.damaged"),
        ("UPDATE tile SET data = zeroblob(length(data)) WHERE level = 0 AND number = 0", ""),
    ],
)
def test_log_2_a_handed_log_that_was_altered_is_refused_and_what_differs_is_named(
    network: Network, sql: str, code: str
) -> None:
    validator = network.validators[1]
    network_audit.audit(network, validator, quiet)
    home = network.home(validator)
    (home / network_audit.COSIGNED).unlink()
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection, connection:
        assert connection.execute(sql).rowcount
    with pytest.raises(PojuError) as caught:
        network_audit.audit(network, validator, quiet)
    assert not code or caught.value.code == code
    assert not (home / network_audit.COSIGNED).exists()
    assert validator in network_audit.unaudited(network)


def test_a_handover_that_is_not_what_the_operator_signed_is_refused(network: Network) -> None:
    path = network.folder / network_folder.HANDOVER
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(OperatorError) as caught:
        network_audit.audit(network, network.validators[0], quiet)
    assert caught.value.code == "backup.altered"
    path.unlink()
    with pytest.raises(OperatorError) as caught:
        network_audit.audit(network, network.validators[0], quiet)
    assert caught.value.code == "network.handover"


def test_another_genesis_or_another_cosignature_is_refused(network: Network) -> None:
    validator, home = network.validators[0], network.home(network.validators[0])
    network_audit.audit(network, validator, quiet)
    genesis, _first = network_audit.genesis_of(network)
    network_audit.require_audited(home, genesis, validator.log_key)
    for changed, key in (
        (replace(genesis, size=genesis.size - 1), validator.log_key),
        (replace(genesis, root=bytes(32)), validator.log_key),
        (genesis, network.validators[1].log_key),
    ):
        with pytest.raises(OperatorError) as caught:
            network_audit.require_audited(home, changed, key)
        assert caught.value.code == "network.not-audited"
    for broken in ("", "nothing", (home / network_audit.FINAL).read_text()):
        (home / network_audit.COSIGNED).write_text(broken)
        with pytest.raises(OperatorError):
            network_audit.require_audited(home, genesis, validator.log_key)


def test_a_genesis_whose_retired_key_speaks_for_more_than_it_saw_is_refused(grown: Network) -> None:
    genesis, _first = network_audit.genesis_of(grown)
    for last in (genesis.size + 1, genesis.size - 1):
        described = genesis.describe()
        described["retired"][0]["last"] = last  # type: ignore[index] # it is a list of maps
        with pytest.raises(OperatorError) as caught:
            genesis_file.read(json.dumps(described).encode())
        assert caught.value.code == "network.genesis"
    for broken in ([{}], [1], "x", {"a": 1}, []):
        with pytest.raises(OperatorError) as caught:
            genesis_file.read(json.dumps({**genesis.describe(), "retired": broken}).encode())
        assert caught.value.code == "network.genesis"


def test_log_2_the_operator_cannot_go_on_with_a_log_that_a_consortium_continues(
    ledger: Path, workload: ModuleType, tmp_path: Path
) -> None:
    network_from.init(tmp_path / "net", workload.HEALTHCARE, ledger, 1, quiet)
    with pytest.raises(OperatorError) as caught:
        ledger_service.run(ledger, workload.HEALTHCARE, ORIGIN, host="127.0.0.1", port=0, attached=True)
    assert caught.value.code == "ledger.grown"
    with pytest.raises(CallerError) as refused:
        network_from.init(tmp_path / "second", workload.HEALTHCARE, ledger, 1, quiet)
    assert refused.value.code == "network.from"
    assert not (tmp_path / "second").exists()


def test_a_hand_over_that_was_interrupted_can_be_begun_again(
    ledger: Path, workload: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_network: Network) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Network, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            network_from.init(tmp_path / "net", workload.HEALTHCARE, ledger, 1, quiet)
    assert (ledger / ledger_service.GROWN).exists()
    assert network_from.init(tmp_path / "again", workload.HEALTHCARE, ledger, 1, quiet).validators


def test_a_ledger_in_use_empty_foreign_or_missing_is_refused(
    ledger: Path, workload: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def code() -> str:
        with pytest.raises(PojuError) as caught:
            network_from.init(tmp_path / "net", workload.HEALTHCARE, ledger, 1, quiet)
        assert not (tmp_path / "net").exists()
        return caught.value.code

    monkeypatch.setattr(ledger_service, "LOCK_SECONDS", 0.0)
    held = ledger_service.lock(ledger)
    assert code() == "store.in-use"
    held.close()
    (ledger / "log.private").write_bytes(os.urandom(KEY_BYTES))
    assert code() == "network.from"
    (ledger / "ledger.sqlite").unlink()
    assert code() == "network.from"
    Store.open(ledger / "ledger.sqlite").close()
    assert code() == "network.from"


def test_another_package_is_refused(ledger: Path, workload: ModuleType, tmp_path: Path) -> None:
    package = Path(shutil.copytree(workload.HEALTHCARE, tmp_path / "package"))
    (package / "README.md").write_text("another one\n")
    with pytest.raises(CallerError) as caught:
        network_from.init(tmp_path / "net", package, ledger, 1, quiet)
    assert caught.value.code == "ledger.other-package"


def test_log_4_rebuild_checks_a_validators_disk_with_refusals_of_both_times(
    network: Network, original: tuple[Path, support.Recorded], workload: ModuleType
) -> None:
    validator = network.validators[0]
    network_audit.audit(network, validator, quiet)
    home = network.home(validator)
    genesis, first = network_audit.genesis_of(network)
    store = Store.open(home / "ledger.sqlite")
    made = Application(store, compose(network.package), PrivateKey.load(home / "log.private"), genesis)
    made.init_chain(json.dumps(genesis.describe()).encode(), first)
    late = support.statement.sign(
        workload.key_of(workload.HOSPITALS[0]),
        "pointer",
        issuer=workload.HOSPITALS[0],
        subject=f"pointer/{'7' * 32}",
        issued_at=workload.TIME,
        identifier=support.identifier(77),
        fields={},
    )
    good = workload.Workload()
    good._said = 50_000
    made.finalize_block(first, workload.TIME, [late, *good._pointer(777_777)])
    made.commit()
    made.close()
    size = original[1].head.size
    final = home / network_audit.FINAL
    with closing(sqlite3.connect(home / "ledger.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM refusal").fetchone()[0] > 1
    head = ledger_care.rebuild(home, network.package, Plan(), checkpoint=None, replace=False)
    assert head.size == size + 2
    (home / network_audit.RETIRED_KEYS).unlink()
    with pytest.raises(OperatorError) as caught:
        ledger_care.rebuild(home, network.package, Plan(), checkpoint=None, replace=False)
    assert caught.value.code == "store.damaged"
    assert final.is_file()
