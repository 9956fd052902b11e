"""CometBFT's own light package, in Go, over light clients' files: forged ones, and one of four running validators."""

from __future__ import annotations

import base64
import copy
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import support_light as support

from poju.engine.cometbft import light
from poju.engine.cometbft.light_verify import from_genesis, verify
from poju.errors import CallerError, OperatorError
from poju.ledger.keys import PrivateKey
from poju.node import network_folder, network_service
from poju.node.client import LedgerClient, Registered
from poju.node.network_install import find
from poju.units import Seconds

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors" / "light"
GENESIS = VECTORS / "genesis.json"
NOW = "2026-11-24T04:00:00Z"
"""An hour after the recorded files were made."""
RECORDED_ROOT = "4e3a7a6ee8c027ea6018c64f4726919d731c027f9c5c0d9599f71c8a294d5094"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built from what go.sum pins; skipped where Go or its modules are not there."""
    program = shutil.which("go")
    if program is None:
        pytest.skip("Go is not on this machine")
    built = tmp_path_factory.mktemp("light-client") / "light-client"
    folder = ROOT / "examples" / "light-client"
    command = [program, "build", "-mod=readonly", "-o", str(built), "."]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    if finished.returncode != 0 and "dial tcp" in finished.stderr:
        pytest.skip("Go's module proxy cannot be reached")
    assert finished.returncode == 0, finished.stderr
    vetted = subprocess.run([program, "vet", "."], cwd=folder, capture_output=True, text=True, check=False, timeout=900)
    assert vetted.returncode == 0, vetted.stderr
    return built


def check(client: Path, file: Path, *options: str, genesis: Path = GENESIS) -> subprocess.CompletedProcess[str]:
    command = [str(client), "-genesis", str(genesis), *options, str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return found


def header(found: dict[str, Any], block: int = -1) -> dict[str, Any]:
    whole: dict[str, Any] = found["blocks"][block]["signed_header"]["header"]
    return whole


def votes(found: dict[str, Any], block: int = -1) -> list[dict[str, Any]]:
    whole: list[dict[str, Any]] = found["blocks"][block]["signed_header"]["commit"]["signatures"]
    return whole


def another_root(found: dict[str, Any]) -> None:
    """The root of another log in the last header, and a checkpoint of it that the impostor's validators signed."""
    impostor = recorded("impostor.json")
    header(found)["app_hash"] = header(impostor)["app_hash"]
    found["checkpoint"] = impostor["checkpoint"]


def drop_votes(found: dict[str, Any], left: int) -> None:
    kept = [vote for vote in votes(found) if vote["block_id_flag"] == 2][left:]
    for vote in kept:
        vote.update(block_id_flag=1, validator_address="", timestamp="0001-01-01T00:00:00Z", signature=None)


def flip_votes(found: dict[str, Any]) -> None:
    for vote in votes(found):
        if vote["signature"]:
            raw = bytearray(base64.b64decode(vote["signature"]))
            raw[0] ^= 1
            vote["signature"] = base64.b64encode(raw).decode()


def keep_signatures(found: dict[str, Any], count: int) -> None:
    text, lines = found["checkpoint"].split("\n\n")
    found["checkpoint"] = "\n".join([text, "", *lines.split("\n")[:count], ""])


def sign_by_a_stranger(found: dict[str, Any]) -> None:
    """Two honest signatures and one of a key that nobody knows, under the log's name."""
    note = found["checkpoint"]
    keep_signatures(found, 2)
    stranger = light.unverified_checkpoint(note).sign(PrivateKey.from_seed(bytes(32)))
    found["checkpoint"] = light.merge([found["checkpoint"], stranger])


def more_power_to_one(found: dict[str, Any]) -> None:
    found["blocks"][-1]["validators"][0]["voting_power"] = "1000"


def all_power(found: dict[str, Any]) -> None:
    for validator in found["blocks"][-1]["validators"]:
        validator["voting_power"] = str((1 << 63) - 1)


def swap(name: str, part: str) -> Change:
    def change(found: dict[str, Any]) -> None:
        found["blocks"][-1][part] = recorded(name)["blocks"][-1][part]

    return change


def swap_commit(name: str) -> Change:
    def change(found: dict[str, Any]) -> None:
        found["blocks"][-1]["signed_header"]["commit"] = recorded(name)["blocks"][-1]["signed_header"]["commit"]

    return change


def graft(found: dict[str, Any]) -> None:
    """From the honest start to the last block of an impostor's chain, which calls itself by the same id."""
    impostor = recorded("impostor.json")
    found["blocks"][-1], found["checkpoint"] = impostor["blocks"][-1], impostor["checkpoint"]


def test_a_recorded_file_arrives_at_its_root(client: Path) -> None:
    for options in ((), ("-k", "4"), ("-height", "1", "-hash", first_hash())):
        finished = check(client, VECTORS / "file.json", "-now", NOW, *options)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert finished.stdout == f"size 24\nroot {RECORDED_ROOT}\n"


def first_hash() -> str:
    """Return the hash of the first header: what its own commit names."""
    commit = recorded("file.json")["blocks"][0]["signed_header"]["commit"]
    return str(commit["block_id"]["hash"])


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (another_root, "block"),
        (lambda found: found.update(checkpoint=recorded("earlier.json")["checkpoint"]), "root"),
        (lambda found: found.update(checkpoint=recorded("impostor.json")["checkpoint"]), "checkpoint"),
        (lambda found: header(found).update(time="2026-11-24T03:30:00Z"), "block"),
        (lambda found: drop_votes(found, 2), "header 25"),
        (lambda found: drop_votes(found, 0), "header 25"),
        (lambda found: found["blocks"][0].update(copy.deepcopy(recorded("impostor.json")["blocks"][0])), "start"),
        (flip_votes, "header 25"),
        (swap_commit("earlier.json"), "block"),
        (swap_commit("impostor.json"), "block"),
        (swap("earlier.json", "signed_header"), "root"),
        (swap("impostor.json", "validators"), "block"),
        (swap("impostor.json", "signed_header"), "block"),
        (graft, "header 25"),
        (more_power_to_one, "block"),
        (all_power, "validators"),
        (lambda found: keep_signatures(found, 2), "checkpoint"),
        (sign_by_a_stranger, "checkpoint"),
        (lambda found: found.update(chain="poju-another"), "chain"),
        (lambda found: header(found).update(chain_id="poju-another"), "block"),
        (lambda found: found["blocks"].pop(0), "start"),
        (lambda found: found["blocks"].reverse(), "start"),
        (lambda found: found["blocks"].append(found["blocks"][0]), "header 1"),
        (lambda found: found.update(blocks=[]), "file"),
        (lambda found: found["blocks"][-1].update(validators=[]), "validators"),
        (lambda found: found["blocks"][-1].update(signed_header=None), "block"),
        (lambda found: found["blocks"][-1].update(validators=[None]), "validators"),
    ],
)
def test_log_2_a_forged_file_is_refused_and_the_step_named(
    client: Path, tmp_path: Path, change: Change, step: str
) -> None:
    found = recorded("file.json")
    change(found)
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(found), encoding="utf-8")
    finished = check(client, forged, "-now", NOW)
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"does not hold: {step}: "), finished.stderr
    assert (finished.stdout, "goroutine" in finished.stderr) == ("", False)


@pytest.mark.parametrize(
    ("options", "step"),
    [
        (("-now", "2026-12-24T04:00:00Z"), "start: the header's trusting period has expired"),
        (("-now", NOW, "-period", "10m"), "start: the header's trusting period has expired"),
        (("-now", "2026-11-24T03:00:00Z"), "header 25"),
        (("-now", NOW, "-height", "1", "-hash", "00" * 32), "start: not the trusted header"),
        (("-now", NOW, "-height", "2", "-hash", "FIRST"), "start: not the trusted header"),
        (("-now", NOW, "-k", "5"), "checkpoint: 4 of 5 signatures"),
    ],
)
def test_log_2_another_start_another_time_and_more_signatures_are_refused(
    client: Path, options: tuple[str, ...], step: str
) -> None:
    given = [first_hash() if item == "FIRST" else item for item in options]
    finished = check(client, VECTORS / "file.json", *given)
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"does not hold: {step}"), finished.stderr


def test_log_2_a_whole_impostors_chain_of_the_same_id_is_refused(client: Path) -> None:
    assert recorded("impostor.json")["chain"] == recorded("file.json")["chain"]
    finished = check(client, VECTORS / "impostor.json", "-now", NOW)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("does not hold: start: not the genesis file's first block")


def test_a_genesis_file_of_another_chain_or_without_poju_s_part_is_refused(client: Path, tmp_path: Path) -> None:
    genesis = json.loads(GENESIS.read_text(encoding="utf-8"))
    changes: list[tuple[dict[str, Any], str]] = [({"chain_id": "poju-another"}, "chain"), ({"app_state": 7}, "genesis")]
    for change, step in changes:
        (tmp_path / "genesis.json").write_text(json.dumps({**genesis, **change}), encoding="utf-8")
        finished = check(client, VECTORS / "file.json", "-now", NOW, genesis=tmp_path / "genesis.json")
        assert finished.stderr.startswith(f"does not hold: {step}: "), finished.stderr


@pytest.mark.parametrize(
    ("steps", "holds"),
    [
        ([(1, "abcd", "abcd"), (9, "cdef", "cdef"), (20, "efgh", "efgh")], True),
        ([(1, "abcd", "wxyz"), (2, "wxyz", "wxyz")], True),
        ([(1, "abcd", "abcd"), (20, "efgh", "efgh")], False),
        ([(1, "abcd", "abcd"), (2, "abce", "abce")], False),
        ([(1, "abce", "abce")], False),
    ],
)
def test_log_2_both_light_clients_agree_where_the_validators_change(
    client: Path, tmp_path: Path, steps: list[tuple[int, str, str]], *, holds: bool
) -> None:
    file = support.file([support.block(*step) for step in steps])
    genesis = support.genesis("abcd")
    (tmp_path / "genesis.json").write_text(json.dumps(genesis), encoding="utf-8")
    (tmp_path / "light.json").write_bytes(file.encode())
    finished = check(client, tmp_path / "light.json", "-now", "2026-11-02T00:00:00Z", genesis=tmp_path / "genesis.json")
    keys = {name: support.log_key(name).public for name in "abcd"}
    try:
        verify(light.read(file.encode()), from_genesis(genesis), keys, 3, Seconds(1_793_577_600))
        proved = True
    except CallerError:
        proved = False
    assert (finished.returncode == 0, proved) == (holds, holds), finished.stderr


def poju(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from poju.cli import main; main.main()"
    command = [sys.executable, "-c", program, "network", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[network_folder.Network]:
    """Four validators with a few statements."""
    try:
        find()
    except OperatorError:
        pytest.skip("CometBFT is not on this machine: poju network install-engine")
    folder = tmp_path_factory.mktemp("light") / "net"
    assert poju("init", "--validators", "4", "--dir", str(folder)).returncode == 0
    started = poju("up", "--dir", str(folder))
    assert started.returncode == 0, started.stderr
    found = network_folder.load(folder)
    spec = importlib.util.spec_from_file_location("light_workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    workload = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(workload)
    workload.__dict__["TIME"] = Seconds(int(time.time()))
    workload.__dict__["HOSPITALS"] = tuple(workload.HOSPITALS[:2])
    ledger = LedgerClient(found.validators[0].url)
    for raw in workload.Workload().opening():
        assert isinstance(ledger.register(raw), Registered)
    ledger.close()
    yield found
    ended = poju("down", "--dir", str(folder))
    assert ended.returncode == 0, ended.stderr


@pytest.mark.network
def test_log_2_the_light_client_arrives_at_the_root_that_status_says(
    client: Path, network: network_folder.Network, tmp_path: Path
) -> None:
    deadline = time.monotonic() + 20
    found = network_service.status(network.folder)
    while len({item.root for item in found}) > 1 and time.monotonic() < deadline:
        time.sleep(0.2)
        found = network_service.status(network.folder)
    genesis = network.folder / "v3" / "config" / "genesis.json"
    out = tmp_path / "light.json"
    for name in ("v0", "v2"):
        made = poju("light", "--dir", str(network.folder), "--validator", name, "--out", str(out))
        assert made.returncode == 0, made.stderr
        finished = check(client, out, genesis=genesis)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == f"size {found[0].size}\nroot {found[0].root}\n"
    assert light.read(out.read_bytes()).heights[0] == 1


@pytest.mark.network
def test_a_named_checkpoint_and_a_later_start_and_what_the_validator_serves(
    client: Path, network: network_folder.Network, tmp_path: Path
) -> None:
    genesis = network.folder / "v0" / "config" / "genesis.json"
    out = tmp_path / "light.json"
    made = poju("light", "--dir", str(network.folder), "--size", "4", "--from", "2", "--out", str(out))
    assert made.returncode == 0, made.stderr
    block = json.loads(out.read_text())["blocks"][0]["signed_header"]["commit"]["block_id"]["hash"]
    finished = check(client, out, "-height", "2", "-hash", block, genesis=genesis)
    assert finished.stdout.startswith("size 4\n"), finished.stderr
    assert check(client, out, genesis=genesis).returncode == 1
    ledger = LedgerClient(network.validators[1].url)
    out.write_bytes(ledger.get("/light/4"))
    ledger.close()
    assert check(client, out, genesis=genesis).stdout == finished.stdout


@pytest.mark.network
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--size", "3"), "light.size"),
        (("--from", "9999"), "light.height"),
        (("--validator", "v9"), "network.validator"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_refused_in_one_line(
    network: network_folder.Network, tmp_path: Path, options: tuple[str, ...], code: str
) -> None:
    made = poju("light", "--dir", str(network.folder), *options, "--out", str(tmp_path / "light.json"))
    assert (made.returncode, code in made.stderr, "Traceback" in made.stderr) == (2, True, False)
    assert not list(tmp_path.iterdir())
