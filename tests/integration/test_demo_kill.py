"""kill -9 while institutions work, and taking it up again: nothing acknowledged is lost (LOG-1)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support_demo import ACKNOWLEDGED, Run, command, lots, play, status, wait_until_gone

from poju.ledger import leaf, statement

pytestmark = pytest.mark.network

KILLS = int(os.environ.get("POJU_KILLS", "3"))
KILL_SEED = int(os.environ.get("POJU_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE_SECONDS = 300


def killed_in_step_4(folder: Path, out: Path, delay: float, *more: str) -> str:
    """Run, kill the process ``delay`` seconds into step 4, or at its end; return what was printed by then."""
    with out.open("wb") as stdout, out.with_suffix(".err").open("wb") as stderr:
        process = subprocess.Popen(command(folder, *more), stdout=stdout, stderr=stderr, start_new_session=True)
    began, deadline = None, time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        said = out.read_text(errors="replace")
        if began is None and "\n4. run" in said:
            began = time.monotonic()
        if began is not None and (time.monotonic() - began >= delay or "\n5. improve" in said):
            break
        time.sleep(0.01)
    assert process.poll() is None, out.with_suffix(".err").read_text() + out.read_text()[-2_000:]
    assert began is not None, "step 4 was not reached"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return out.read_text(errors="replace")


@pytest.fixture(scope="module")
def resumed(demo: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[str]]:
    """A run of the same seed that was killed again and again, and what each part of it had printed."""
    home = tmp_path_factory.mktemp("killed")
    (home / "seed.txt").write_text(str(KILL_SEED))
    lot = lots(KILL_SEED)
    folder, parts = home / "region", []
    for number in range(KILLS):
        # The first part has all of the work before it; later ones find more and more of it done.
        delay = lot.uniform(0, demo.step_seconds(4) / (1 if number == 0 else 2))
        more = ["--resume"] if number else []
        parts.append(killed_in_step_4(folder, home / f"{number}.txt", delay, *more))
        assert not wait_until_gone(folder), f"a child outlived the demonstration, POJU_KILL_SEED={KILL_SEED}"
    run = play(folder, "--resume")
    return run, [*parts, run.stdout]


def test_log_1_every_printed_acknowledgement_is_in_the_final_log(resumed: tuple[Run, list[str]]) -> None:
    run, parts = resumed
    told = [(int(index), digest) for part in parts for index, digest in ACKNOWLEDGED.findall(part)]
    assert len(told) > 400
    lost = [
        (index, digest)
        for index, digest in told
        if index >= len(run.leaves) or hashlib.sha256(run.leaves[index]).hexdigest() != digest
    ]
    assert not lost, f"POJU_KILL_SEED={KILL_SEED}"


def test_log_1_after_kills_it_ends_verified(resumed: tuple[Run, list[str]]) -> None:
    run, _parts = resumed
    assert status(run.folder, run.key) == 0
    assert not wait_until_gone(run.folder)


def test_nothing_is_registered_twice_after_kills(resumed: tuple[Run, list[str]], demo: Run) -> None:
    run, _parts = resumed
    kinds, wanted = (_kinds(each.leaves) for each in (run, demo))
    # A pack's attestation names the log's size, a publication its manifest: their number may differ by none either.
    assert kinds == wanted


def _kinds(leaves: list[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for raw in leaves:
        if leaf.is_statement(raw):
            kind = statement.decode(raw).kind
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def _figures(run: Run) -> dict[str, object]:
    """The figures of a report without what may differ: entries, keys, roots, times, addresses."""
    report = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    own = {"entry", "trace_root", "file", "pack", "query_digest"}

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in own}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return {
        "leaderboard": plain(report["leaderboard"]),
        "award": plain(report["award"]),
        "indicators": plain(report["indicators"]),
        "landscape": plain(report["landscape"]["counts"]),
        "fit": plain(report["fit"]),
    }


def test_exec_2_the_same_seed_gives_the_same_figures_interrupted_or_not(
    resumed: tuple[Run, list[str]], demo: Run
) -> None:
    run, _parts = resumed
    ours, theirs = _figures(run), _figures(demo)
    assert len(str(ours["leaderboard"])) > 1_000
    assert len(str(ours["award"])) > 500
    for name, figures in ours.items():
        assert figures == theirs[name], name


def test_the_same_seed_does_not_give_the_same_keys(resumed: tuple[Run, list[str]], demo: Run) -> None:
    assert resumed[0].key != demo.key
    assert status(resumed[0].public, demo.key) == 1
