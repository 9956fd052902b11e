"""``poju verify`` and ``poju ledger`` on whole logs, as processes: killed, interrupted, over HTTP, under a writer."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support_ledger import identifier
from support_rules import HEALTHCARE, key_of

from poju.engine.embedded import EmbeddedEngine
from poju.ledger import statement
from poju.ledger.keys import parse_vkey
from poju.ledger.store import Store
from poju.node.client import LedgerClient, Registered
from poju.node.ledger_service import write_log
from poju.rulebook import compose
from poju.scenario import runtime
from poju.units import Seconds

ORIGIN = "audit.example/log"
NOW = Seconds(1_700_000_000)
LOG = key_of("log")
KEY = LOG.public.fingerprint
MEMBERS = 600
SAVING = (
    "import sys; from poju.ledger import audit; audit.SAVE_LEAVES = 100; "
    "from poju.cli.main import main; sys.argv = ['poju', *sys.argv[1:]]; main()"
)


def said(number: int, kind: str, issuer: str, subject: str, fields: dict[str, object], now: Seconds = NOW) -> bytes:
    return statement.sign(
        key_of(issuer),
        kind,
        issuer=issuer,
        subject=subject,
        issued_at=now,
        identifier=identifier(number),
        fields=fields,
    )


def opening(
    package: bytes, members: int = MEMBERS, role: str = "hospital"
) -> Iterator[tuple[str, str, str, dict[str, object]]]:
    key, log = key_of("commission").public.raw, LOG.public.raw
    yield "ledger-open", "commission", "ledger", {"key": key, "origin": "x", "log_key": log, "demonstration": True}
    chosen = {"scenario": "healthcare", "region": "520000", "evidence": ["GDP"], "missing": [], "rank_common": 1}
    yield "selection", "commission", "selection/1", chosen
    opened = {"package": package, "runtime": dict(runtime.describe()), "selection": "selection/1"}
    yield "scenario-open", "commission", "scenario/healthcare", opened
    call = {"roles": [role], "closes": NOW + 3600, "programme": bytes(32), "cohorts": []}
    yield "call-open", "commission", "call/1", call
    for number in range(members):
        name = f"hospital-{number}"
        applied = {"key": key_of(name).public.raw, "name": name, "roles": [role], "call": "call/1"}
        yield "member-apply", name, f"member/{name}", applied
        yield "member-admit", "commission", f"member/{name}", {"roles": [role]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ledger/`` as an operator has it, and ``auditor/`` as an auditor gets it; tests copy what they change."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "ledger"
    folder.mkdir()
    (folder / "log.private").write_bytes(bytes(LOG._signing_key))
    (folder / "origin").write_text(ORIGIN)
    (folder / "log.vkey").write_text(LOG.public.vkey(ORIGIN) + "\n")
    rules = compose(HEALTHCARE)
    store = Store.open(folder / "ledger.sqlite")
    engine = EmbeddedEngine(store, rules, LOG, ORIGIN, lambda: NOW)
    waiting = []
    for number, parts in enumerate(opening(rules.package.digest)):
        waiting.append(engine.submit(said(number, *parts)))
        if number < 10:
            waiting[-1].result(30)
    for future in waiting:
        future.result(30)
    write_log(store, LOG, ORIGIN, home / "auditor", entries=True)
    shutil.copytree(HEALTHCARE, home / "auditor" / "package")
    engine.close()
    store.close()
    return home


def run(*arguments: str | Path, code: str | None = None) -> subprocess.CompletedProcess[str]:
    start = ["-m", "poju"] if code is None else ["-c", code]
    command = [sys.executable, *start, *map(str, arguments)]
    environment = {**os.environ, "POJU_LANG": "en"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_whole_log_verifies_and_a_flip_does_not(home: Path, tmp_path: Path) -> None:
    done = run("verify", home / "auditor", "--key", KEY, "--jobs", "2")
    assert done.returncode == 0, done.stdout
    assert f"{2 * MEMBERS + 4} signatures hold" in done.stdout
    folder = shutil.copytree(home / "auditor", tmp_path / "auditor")
    bundle = folder / "tile" / "entries" / "002"
    data = bytearray(bundle.read_bytes())
    # inside the first leaf: a flipped length would be another fault
    data[2 + int.from_bytes(data[:2], "big") // 2] ^= 1
    bundle.write_bytes(data)
    done = run("verify", folder, "--key", KEY, "--json", "--jobs", "2")
    assert done.returncode == 1
    assert json.loads(done.stdout)["steps"][-1]["code"] == "bundle.differs"


@pytest.mark.parametrize(
    "arguments",
    [["/nonexistent"], ["x" * 5_000], [".", "--to", "x"], ["http://127.0.0.1:1"], ["http://a b", "--to", "x"],
     [".", "--log", "/nonexistent"], [".", "--jobs", "-1"], [".", "--member-key", "x"], ["ftp://x"]],
)  # fmt: skip
def test_wrong_usage_exits_2_in_one_message(arguments: list[str], tmp_path: Path) -> None:
    done = run("verify", *arguments)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert not list(tmp_path.iterdir())


# --- killed and interrupted -----------------------------------------------------------------------------------------


def saved(state: Path) -> bool:
    path = state / "audit.sqlite"
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0)) as database:
            return bool(database.execute("SELECT 1 FROM saved").fetchall())
    except sqlite3.Error:  # the audit has it to itself
        return (state / "audit.sqlite-wal").exists() and (state / "audit.sqlite-wal").stat().st_size > 200_000


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["0", "2"])
def test_log_4_an_audit_that_is_ended_goes_on_from_its_last_save(
    home: Path, tmp_path: Path, ending: signal.Signals, jobs: str
) -> None:
    state = tmp_path / "state"
    arguments = ["verify", str(home / "auditor"), "--key", KEY, "--state", str(state), "--jobs", jobs]
    process = subprocess.Popen(
        [sys.executable, "-c", SAVING, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not saved(state):
        time.sleep(0.005)
    process.send_signal(ending)
    out, error = process.communicate(timeout=60)
    assert "Traceback" not in error
    if process.returncode == 0:  # it was faster than the signal
        assert "VERIFIED" in out
    else:
        assert "VERIFIED" not in out.replace("NOT VERIFIED", "")
    with closing(sqlite3.connect(state / "audit.sqlite")) as database:
        kept = database.execute("SELECT count(*) FROM saved").fetchone()[0]
    done = run("verify", home / "auditor", "--key", KEY, "--state", state, "--jobs", jobs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("an earlier run audited" in done.stdout) == bool(kept)
    assert f"{2 * MEMBERS + 4} signatures hold" in done.stdout


# --- backup, restore, rebuild ---------------------------------------------------------------------------------------


def test_log_1_backup_restore_and_rebuild_say_what_there_is_and_what_is_missing(home: Path, tmp_path: Path) -> None:
    folder, backup = tmp_path / "ledger", tmp_path / "b.sqlite"
    with closing(sqlite3.connect(home / "ledger" / "ledger.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copytree(home / "ledger", folder)
    assert run("ledger", "backup", folder, "--out", backup).returncode == 0
    rebuild = ["ledger", "rebuild", folder, "--package", HEALTHCARE, "--json"]
    head = json.loads(run(*rebuild, "--checkpoint", f"{backup}.checkpoint").stdout)
    # three members more, after the backup
    rules = compose(HEALTHCARE)
    store = Store.open(folder / "ledger.sqlite")
    engine = EmbeddedEngine(store, rules, LOG, ORIGIN, lambda: NOW)
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    for number in range(MEMBERS, MEMBERS + 3):
        name = f"hospital-{number}"
        applied = {"key": key_of(name).public.raw, "name": name, "roles": ["hospital"], "call": "call/1"}
        raw = said(90_000 + number, "member-apply", name, f"member/{name}", applied)
        answer = engine.register(raw)
        (receipts / f"{number}.statement.cose").write_bytes(raw)
        (receipts / f"{number}.receipt.cose").write_bytes(answer.receipt)  # type: ignore[union-attr]  # registered
    write_log(store, LOG, ORIGIN, tmp_path / "auditor", entries=True)
    shutil.copytree(HEALTHCARE, tmp_path / "auditor" / "package")
    engine.close()
    store.close()
    restore = ["ledger", "restore", backup, "--key", folder / "log.vkey", "--log-private", folder / "log.private"]
    plain = run(*restore, "--to", tmp_path / "plain")
    assert plain.returncode == 0
    assert "is not known" in plain.stdout
    for number, knowing in enumerate((["--latest", tmp_path / "auditor" / "checkpoint"], ["--receipts", receipts])):
        lacking = run(*restore, "--to", tmp_path / f"lacking-{number}", *knowing)
        assert lacking.returncode == 1
        assert f"leaves {head['size']} to {head['size'] + 5}" in lacking.stdout
    assert f"leaves {head['size']}, {head['size'] + 2}, {head['size'] + 4}" in lacking.stdout
    whole = run(*restore, "--to", tmp_path / "whole", "--log", tmp_path / "auditor", "--receipts", receipts)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    again = run(
        "ledger",
        "rebuild",
        tmp_path / "whole",
        "--package",
        HEALTHCARE,
        "--checkpoint",
        tmp_path / "auditor" / "checkpoint",
    )
    assert again.returncode == 0, again.stderr
    with closing(sqlite3.connect(tmp_path / "whole" / "ledger.sqlite")) as database:
        database.execute("UPDATE state SET value = x'01' WHERE key = 'member/hospital-3'")
        database.commit()
    flipped = run("ledger", "rebuild", tmp_path / "whole", "--package", HEALTHCARE)
    assert flipped.returncode == 1
    assert "member/hospital-3" in flipped.stderr
    assert run("ledger", "rebuild", tmp_path / "whole", "--package", HEALTHCARE, "--replace").returncode == 0
    assert run("ledger", "rebuild", tmp_path / "whole", "--package", HEALTHCARE).returncode == 0


# --- over HTTP ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve ``folder`` as static files, as C2SP tlog-tiles means it; yield the address and what was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.network
def test_log_4_a_log_at_a_url_is_fetched_once_and_verified(home: Path, tmp_path: Path) -> None:
    to = tmp_path / "fetched"
    with serving(home / "auditor") as (url, asked):
        arguments = ["verify", url, "--key", KEY, "--to", to, "--package", HEALTHCARE]
        bundle = to / "tile" / "entries" / "001"
        assert run(*arguments).returncode == 0
        asked.clear()
        bundle.unlink()
        shutil.rmtree(to / "package")
        assert run(*arguments).returncode == 0
        assert [path for path in asked if "tile" in path] == ["/tile/entries/001"]
        bundle.write_bytes(bundle.read_bytes()[:-1] + b"\x00")
        assert run(*arguments).returncode == 1
        refused = run("verify", url, "--key", "ab" * 32, "--to", tmp_path / "other")
        assert refused.returncode == 1
        assert "key.not-trusted" in refused.stderr
        assert not (tmp_path / "other").exists()


@pytest.mark.network
def test_priv_1_a_ledger_gives_its_entries_to_an_auditing_members_key_only(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "poju", "ledger", "serve", tmp_path / "ledger", "--package", HEALTHCARE]
    process = subprocess.Popen(
        [*map(str, command), "--origin", ORIGIN, "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    facts = json.loads(process.stdout.readline())
    client, now = LedgerClient(facts["url"]), Seconds(int(time.time()))
    log_key = parse_vkey((tmp_path / "ledger" / "log.vkey").read_text())[1]
    for number, (kind, issuer, subject, fields) in enumerate(opening(compose(HEALTHCARE).package.digest, 1, "auditor")):
        changed = {**fields, "log_key": log_key.raw} if kind == "ledger-open" else fields
        changed = {**changed, "closes": now + 60} if kind == "call-open" else changed
        assert isinstance(client.register(said(number, kind, issuer, subject, changed, now)), Registered)
    client.close()
    (tmp_path / "member.key").write_bytes(bytes(key_of("hospital-0")._signing_key))
    arguments = ["verify", facts["url"], "--key", facts["key"], "--package", HEALTHCARE]
    anyone = run(*arguments, "--to", tmp_path / "anyone")
    auditor = run(*arguments, "--to", tmp_path / "auditor", "--member-key", tmp_path / "member.key")
    process.communicate(timeout=20)
    assert anyone.returncode == 1
    assert "ledger.answer" in anyone.stderr
    assert auditor.returncode == 0, auditor.stdout + auditor.stderr


@pytest.mark.network
def test_a_log_at_a_url_that_hides_its_entries_is_not_verified(home: Path, tmp_path: Path) -> None:
    hidden = shutil.copytree(home / "auditor", tmp_path / "served")
    shutil.rmtree(hidden / "tile" / "entries")
    with serving(hidden) as (url, _asked):
        done = run("verify", url, "--key", KEY, "--to", tmp_path / "to", "--package", HEALTHCARE)
    assert done.returncode == 1
    assert "ledger.answer" in done.stderr
    assert "--member-key" in done.stderr
    assert not (tmp_path / "to" / "checkpoint").exists()


@pytest.mark.network
def test_an_answer_without_end_is_cut_off(home: Path, tmp_path: Path) -> None:
    big = shutil.copytree(home / "auditor", tmp_path / "served")
    with (big / "tile" / "0" / "000").open("ab") as handle:
        handle.truncate(1 << 28)
    with serving(big) as (url, _asked):
        done = run("verify", url, "--key", KEY, "--to", tmp_path / "to")
    assert done.returncode == 1
    assert "download.too-large" in done.stderr


@pytest.mark.network
def test_a_log_that_does_not_answer_is_said(tmp_path: Path) -> None:
    done = run("verify", "http://127.0.0.1:9", "--key", KEY, "--to", tmp_path / "to")
    assert done.returncode == 1
    assert "ledger.unreachable" in done.stderr
