from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support_rules import HEALTHCARE

from poju.errors import CallerError
from poju.i18n import LANGUAGES
from poju.ledger import cbor
from poju.scenario.check import check
from poju.scenario.package import digest, load

Edit = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HEALTHCARE, tmp_path / "healthcare"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    def change(file: str, old: str, new: str) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} no longer holds {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def codes(folder: Path) -> set[str]:
    problems = check(folder)
    for problem in problems:
        for language in LANGUAGES:
            message, hint = problem.explain(language)
            assert message
            assert hint
            assert not re.search(r"{[a-z]+}", message + hint)
        assert problem.file
    return {problem.code for problem in problems}


def test_the_built_in_package_is_closed() -> None:
    assert check(HEALTHCARE) == []


def append(folder: Path, file: str, text: str) -> None:
    with (folder / file).open("a", encoding="utf-8") as handle:
        handle.write(text)


NAMES = 'names = { zh-Hant = "例", zh-Hans = "例", en = "example" }'


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        (
            "scenario.toml",
            'capabilities = ["identity"]',
            'capabilities = ["identity", "insurer"]',
            "role.nobody-can-hold",
        ),
        ("scenario.toml", 'capabilities = ["provider"]', "capabilities = []", "package.malformed"),
        ("scenario.toml", 'id = "pharmacy"\n', 'id = "chemist"\n', ""),
        ("scenario.toml", 'capabilities = ["custodian"]', "capabilities = []", "role.does-nothing"),
        ("scenario.toml", 'id = "clinic"', 'id = "surgery"', "role.unknown"),
        ("scenario.toml", '"identity"]\n\n[[roles]]', '"custodian"]\n\n[[roles]]', "kind.nobody-may-issue"),
        ("scenario.toml", '["authority", "runner"]', '["runner"]', "package.malformed"),
        ("scenario.toml", '["auditor", "runner"', '["authority", "auditor", "runner"', "role.one-authority"),
        ("scenario.toml", 'status = "open"', 'status = "declared"', "track.none-open"),
        ("scenario.toml", '"pointer.class" = "classes"', '"pointer.klass" = "classes"', "enumerated.unknown"),
        (
            "scenario.toml",
            '"recognition.reason" = "reasons.recognition"',
            '"recognition.reason" = "x"',
            "enumerated.unknown",
        ),
        ("scenario.toml", 'state = "ordered"', 'state = "dreamt"', "decision-point.unknown"),
        ("scenario.toml", 'en = "pharmacy"', 'de = "Apotheke"', "package.malformed"),
        ("scenario.toml", "freshness = 600", "freshness = 0", "package.malformed"),
        ("scenario.toml", "freshness = 600", "freshness = 600\nfresness = 1", "package.malformed"),
        ("workflows.toml", 'to = "released"', 'to = "lost"', "state.unknown"),
        ("workflows.toml", 'from = ["released"]', 'from = ["granted"]', "state.no-way-out"),
        ("workflows.toml", 'when = { outcome = "new" }', 'when = { outcome = "maybe" }', "transition.condition"),
        ("workflows.toml", 'when = { outcome = "new" }', 'when = { result = "new" }', "transition.condition"),
        ("workflows.toml", 'statement = "advice"', 'statement = "guess"', "transition.kind-unknown"),
        ("workflows.toml", 'statement = "advice"', 'statement = "pointer"', "transition.kind-unknown"),
        (
            "workflows.toml",
            'statement = "advice"\nby = ["hospital", "clinic"]',
            'statement = "advice"\nby = ["provider"]',
            "transition.nobody",
        ),
        (
            "workflows.toml",
            'statement = "advice"\nby = ["hospital", "clinic"]',
            'statement = "advice"\nby = ["wizard"]',
            "role.unknown",
        ),
        (
            "workflows.toml",
            'from = [""]\nstatement = "test-order"',
            'from = ["new"]\nstatement = "test-order"',
            "state.no-way-in",
        ),
        ("statements/charge.toml", 'type = "bool"', 'type = "text"', "package.malformed"),
        ("statements/charge.toml", 'type = "bool"', 'type = "label"', "field.free-text"),
        ("statements/charge.toml", 'by = ["insurer", "hospital"]', "by = []", "kind.nobody-may-issue"),
        ("statements/charge.toml", 'by = ["insurer", "hospital"]', 'by = ["usurer"]', "role.unknown"),
        ("access.cedar", "context.purpose ==", "context.porpoise ==", "access.invalid"),
        ("access.cedar", 'permit (principal, action == Action::"read", resource)', "permit (", "access.invalid"),
        ("access.cedar", '@id("consent-missing")', "", "access.no-id"),
        ("access.cedar", '@id("consent-missing")', '@id("consent-in-force")', "access.no-id"),
        ("access.cedar", '@duty("audit notify")', '@duty("sing")', "access.duty-unknown"),
        ("access.cedar", 'Role::"clinic"', 'Role::"temple"', "role.unknown"),
        ("access.cedarschema", "purpose: String,", "", "access.invalid"),
        ("indicators/recognition-rate.sql", "test-order.handle", "test-order.patient_name", "indicator.field-unknown"),
        ("indicators/recognition-rate.sql", "-- unit: ppm\n", "", "indicator.header"),
        (
            "programme.toml",
            'indicator = "recognition-accuracy"',
            'indicator = "happiness"',
            "programme.indicator-unknown",
        ),
        ("programme.toml", "cap_fen = 500_000_000", "cap_fen = 0", "programme.no-cap"),
        ("programme.toml", "[condition]", "[conditions]", "programme.no-condition"),
        ("programme.toml", "attestations = 2", "attestations = 1", "programme.attestations"),
    ],
)
def test_a_package_that_is_not_closed_is_refused_with_file_and_remedy(
    folder: Path, edit: Edit, file: str, old: str, new: str, code: str
) -> None:
    edit(file, old, new)
    assert code in codes(folder) if code else codes(folder) == set()


def test_a_kind_whose_subject_has_a_workflow_needs_a_step(folder: Path) -> None:
    kind = f'id = "gift"\n{NAMES}\nby = ["hospital"]\nsubject = "order"\n'
    (folder / "statements" / "gift.toml").write_text(kind, encoding="utf-8")
    assert codes(folder) == {"workflow.kind-missing"}


def test_a_package_without_programme_or_readme_says_so(folder: Path) -> None:
    (folder / "programme.toml").unlink()
    (folder / "README.md").unlink()
    assert {"programme.no-cap", "programme.no-condition", "package.no-readme"} <= codes(folder)


def test_a_state_that_nobody_reaches_is_named(folder: Path) -> None:
    append(folder, "workflows.toml", f'\n[[states]]\nsubject = "order"\nid = "limbo"\nterminal = true\n{NAMES}\n')
    (problem,) = check(folder)
    assert (problem.code, problem.parameters["state"]) == ("state.no-way-in", "limbo")


@pytest.mark.parametrize("name", [".hidden", "run.py", "statements/a.b.toml", "indicators/deep/x.sql", "notes.txt"])
def test_a_package_holds_data_under_fixed_names_only(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x", encoding="utf-8")
    with pytest.raises(CallerError, match=r"fixed names|no regular file"):
        digest(folder)


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(secret)
    with pytest.raises(CallerError, match="links"):
        load(folder)


def test_files_and_their_number_are_bounded(folder: Path) -> None:
    with (folder / "README.md").open("wb") as handle:
        os.truncate(handle.fileno(), (1 << 20) + 1)
    with pytest.raises(CallerError, match="at most 1048576"):
        load(folder)
    (folder / "README.md").unlink()
    for number in range(129):
        (folder / "statements" / f"x{number}.toml").touch()
    with pytest.raises(CallerError, match="more than 128"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"id = ", b"[[roles]]\n" * 2])
def test_a_broken_scenario_file_ends_in_one_clear_message(folder: Path, content: bytes) -> None:
    (folder / "scenario.toml").write_bytes(content)
    with pytest.raises(CallerError) as caught:
        load(folder)
    assert caught.value.code == "package.malformed"
    assert "scenario.toml" in str(caught.value)


def test_no_folder_no_package(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent", Path(__file__)):
        with pytest.raises(CallerError) as caught:
            check(place)
        assert caught.value.code == "package.no-folder"


def test_the_digest_covers_every_path_and_byte(folder: Path) -> None:
    before = digest(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = sorted([str(path.relative_to(folder)), path.stat().st_size, path.read_bytes()] for path in files)
    assert before == hashlib.sha256(cbor.encode(entries)).digest() == load(folder).digest
    append(folder, "README.md", "x")
    changed = digest(folder)
    (folder / "README.md").rename(folder / "README.zh-Hans.md")
    assert len({before, changed, digest(folder)}) == 3
