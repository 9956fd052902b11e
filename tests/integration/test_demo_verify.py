"""What the demonstration published verifies, and nothing that was altered does."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support_demo import Run, lots, status

from poju.ledger import tiles

pytestmark = pytest.mark.network

SMALL = 300
FURTHER = 5
STRANGER = "ab" * 32


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poju", "verify", *map(str, arguments), "--lang", "en"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def offsets(path: Path, size: int, lot: random.Random) -> set[int]:
    """Every byte of small files; of the hundreds that lie in receipts/ only with POJU_FLIPS=all (four minutes)."""
    many = path.parent.name == "receipts" and os.environ.get("POJU_FLIPS") != "all"
    if size < SMALL and not many:
        return set(range(size))
    return {0, size // 2, size - 1, *(lot.randrange(size) for _ in range(2 if many else FURTHER))}


def accepted_flips(folder: Path, key: str, lot: random.Random) -> list[str]:
    """Flip one bit of one byte at a time; return where ``poju verify`` did not notice."""
    slipped = []
    for path in files(folder):
        data = path.read_bytes()
        for offset in sorted(offsets(path, len(data), lot)):
            altered = bytearray(data)
            altered[offset] ^= 1 << lot.randrange(8)
            path.write_bytes(altered)
            if status(folder, key) != 1:
                slipped.append(f"{path.relative_to(folder)}@{offset}")
        path.write_bytes(data)
    return slipped


@pytest.mark.parametrize("part", ["public", "auditor", ""])
def test_each_folder_verifies_under_the_trusted_key(demo: Run, part: str) -> None:
    done = run(demo.folder / part, "--key", demo.key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("VERIFIED")
    assert run(demo.folder / part, "--key", demo.folder / "log.key").returncode == 0
    assert run(demo.folder / part, "--key", demo.public / "log.vkey").returncode == 0


@pytest.mark.parametrize("part", ["", "auditor", "public", "public/receipts"])
def test_log_3_each_part_verifies_from_the_first_statement_alone(demo: Run, tmp_path: Path, part: str) -> None:
    bundle = min((demo.folder / "auditor" / "tile" / "entries").rglob("000*"))
    origin = (demo.public / "log.vkey").read_text().split("+")[0]
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f'origin = "{origin}"\ngenesis = "{hashlib.sha256(tiles.unbundle(bundle.read_bytes())[0]).hexdigest()}"\n'
    )
    path = demo.folder / part
    if part == "public/receipts":
        path = next(path.glob("*.receipt.cose"))
    log = () if part in {"", "auditor"} else ("--log", demo.folder / "auditor")
    done = run(path, "--policy", policy, *log)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("VERIFIED")
    policy.write_text(f'origin = "{origin}"\ngenesis = "{STRANGER}"\n')
    assert "Traceback" not in (failed := run(path, "--policy", policy, *log)).stderr
    assert (failed.returncode, "not with the policy's" in failed.stdout) == (1, True)


def test_without_a_key_it_is_consistent_only(demo: Run) -> None:
    done = run(demo.public)
    assert done.returncode == 1
    assert "consistent, issuer not proved" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--key", "no such key"], ["--key", "a" * 5_000], ["--key", ""], ["--lang", "tlh"], ["--nonsense"]],
)
def test_wrong_usage_exits_2_in_one_message(demo: Run, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "poju", "verify", str(demo.public), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_what_cannot_be_verified_exits_2_in_one_message(demo: Run, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    for path in (tmp_path, tmp_path / "note.txt", tmp_path / "absent", demo.folder / "log.key"):
        done = run(path, "--key", demo.key)
        assert done.returncode == 2, path
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr


def test_log_3_each_single_file_verifies_alone(demo: Run) -> None:
    patterns = ("*.statement.cose", "*.receipt.cose", "*.refusal.cose", "*.decision.cbor", "*.decision-receipt.cose")
    single = [path for folder in ("receipts", "refusals") for p in patterns for path in (demo.public / folder).glob(p)]
    single += list((demo.public / "evidence").iterdir())
    assert len(single) > 200
    assert not [path.name for path in single if status(path, demo.key) != 0]
    assert not [path.name for path in single if status(path, STRANGER) != 1]
    assert not [path.name for path in single if status(path, None) != 1]


def test_log_1_no_flip_in_public_is_accepted(demo: Run, public: Path) -> None:
    assert not accepted_flips(public, demo.key, lots(1))
    assert status(public, demo.key) == 0


def test_log_1_no_flip_in_auditor_is_accepted(demo: Run, auditor: Path) -> None:
    assert not accepted_flips(auditor, demo.key, lots(2))
    assert status(auditor, demo.key) == 0


@pytest.mark.parametrize("pattern", ["receipts/*-award-claim.*", "refusals/01-*", "receipts/*-ledger-open.*"])
def test_no_flip_in_a_single_proof_is_accepted(demo: Run, public: Path, pattern: str) -> None:
    slipped = []
    for path in sorted(public.glob(pattern)):
        data = path.read_bytes()
        for offset in range(len(data)):
            path.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
            if status(path, demo.key) != 1:
                slipped.append((path.name, offset))
        path.write_bytes(data)
    assert not slipped


@pytest.mark.parametrize("part", ["public", "auditor"])
def test_no_missing_file_is_accepted(demo: Run, request: pytest.FixtureRequest, part: str) -> None:
    folder: Path = request.getfixturevalue(part)
    slipped = []
    for path in files(folder):
        data = path.read_bytes()
        path.unlink()
        # Without its checkpoint, key or package a folder may be nothing that can be verified: not 0 in any case.
        if status(folder, demo.key) == 0:
            slipped.append(str(path.relative_to(folder)))
        path.write_bytes(data)
    assert not slipped


@pytest.mark.parametrize("part", ["public", "auditor"])
def test_no_missing_folder_is_accepted(demo: Run, tmp_path: Path, part: str) -> None:
    """Taking whole parts away must not turn a public folder into some lesser thing that verifies."""
    slipped = []
    source = demo.folder / part
    for folder in sorted(path for path in source.rglob("*") if path.is_dir()):
        copy = Path(shutil.copytree(source, tmp_path / "copy"))
        shutil.rmtree(copy / folder.relative_to(source))
        if status(copy, demo.key) == 0:
            slipped.append(str(folder.relative_to(source)))
        shutil.rmtree(copy)
    assert not slipped


@pytest.mark.parametrize("part", ["public", "auditor"])
def test_no_extra_file_is_accepted(demo: Run, request: pytest.FixtureRequest, part: str) -> None:
    folder: Path = request.getfixturevalue(part)
    for name in ("readme.txt", "tile/0/999", "package/note.md", "package/.hidden", "tile/entries/900", "x/y/z", ".a"):
        extra = folder / name
        made = not extra.parent.exists()
        extra.parent.mkdir(parents=True, exist_ok=True)
        extra.write_text("extra")
        assert status(folder, demo.key) == 1, name
        extra.unlink()
        if made:
            shutil.rmtree(folder / Path(name).parts[0])
    (folder / "link").symlink_to(folder / "checkpoint")
    assert status(folder, demo.key) == 1


@pytest.mark.parametrize("part", ["public", "auditor"])
def test_no_truncated_or_lengthened_file_is_accepted(demo: Run, request: pytest.FixtureRequest, part: str) -> None:
    folder: Path = request.getfixturevalue(part)
    slipped = []
    for path in files(folder):
        data = path.read_bytes()
        for altered in (data[:-1], b"", data + b"\n"):
            path.write_bytes(altered)
            if status(folder, demo.key) != 1:
                slipped.append((str(path.relative_to(folder)), len(altered) - len(data)))
        path.write_bytes(data)
    assert not slipped


@pytest.mark.parametrize("part", ["public", "auditor"])
def test_no_swapped_files_are_accepted(demo: Run, request: pytest.FixtureRequest, part: str) -> None:
    folder: Path = request.getfixturevalue(part)
    slipped = []
    everything = files(folder)
    for first, second in itertools.pairwise(everything):
        one, other = first.read_bytes(), second.read_bytes()
        if one == other:
            continue
        first.write_bytes(other)
        second.write_bytes(one)
        if status(folder, demo.key) != 1:
            slipped.append((first.name, second.name))
        first.write_bytes(one)
        second.write_bytes(other)
    assert not slipped


def test_a_receipt_beside_another_statement_is_refused(demo: Run, tmp_path: Path) -> None:
    receipts = sorted((demo.public / "receipts").glob("*-member-apply.receipt.cose"))
    statements = sorted((demo.public / "receipts").glob("*-member-apply.statement.cose"))
    shutil.copy(demo.public / "log.vkey", tmp_path)
    shutil.copy(receipts[0], tmp_path / "x.receipt.cose")
    shutil.copy(statements[1], tmp_path / "x.statement.cose")
    assert status(tmp_path / "x.receipt.cose", demo.key) == 1


def test_a_link_is_never_followed(demo: Run, public: Path, tmp_path: Path) -> None:
    for name in ("checkpoint", "log.vkey", "SHA256SUMS", "notice.txt"):
        moved = tmp_path / name
        (public / name).rename(moved)
        (public / name).symlink_to(moved)
        assert status(public, demo.key) == 1, name
        (public / name).unlink()
        moved.rename(public / name)
    assert status(public, demo.key) == 0
