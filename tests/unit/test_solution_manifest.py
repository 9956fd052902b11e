"""A provider's folder is untrusted: each wrong one ends in one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from poju.errors import CallerError, ProviderError
from poju.solution import load
from poju.solution.advice import RECOGNITION_REASONS, InvalidAdviceError, decode_advice
from poju.solution.cohort import check_cases, cohort_commitment, input_commitment
from poju.solution.trace import Header, Row, decode_trace, encode_trace, make_trace, merge

MANIFEST = """
id = "night-shift"
provider = "somebody"
track = "mutual-recognition"
decision_point = "recognition/1"
version = 2
entry = "main"
capabilities = ["window", "trend"]

[changelog]
solves = ["outside-window"]
"""
MAIN = "def advise(case, capabilities):\n    return {'offer': None, 'reason': 'abstain'}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "solution.toml").write_text(MANIFEST, "utf-8")
    (tmp_path / "main.py").write_text(MAIN, "utf-8")
    return tmp_path


def test_load(folder: Path) -> None:
    (folder / "helper.py").write_text("X = 1\n", "utf-8")
    (folder / "README.md").write_bytes(b"\xff not read")
    solution = load(folder)
    assert solution.name == "night-shift@2"
    assert solution.capabilities == ("window", "trend")
    assert solution.solves == ("outside-window",)
    assert [name for name, _text in solution.modules] == ["helper", "main"]


def test_digest_covers_every_byte_that_runs(folder: Path) -> None:
    before = load(folder).digest
    assert load(folder).digest == before
    (folder / "main.py").write_text(MAIN + "#", "utf-8")
    assert load(folder).digest != before


@pytest.mark.parametrize(
    ("line", "instead", "named"),
    [
        ('id = "night-shift"', 'id = "Night Shift"', "id"),
        ('id = "night-shift"', "", "id"),
        ('provider = "somebody"', 'provider = "../up"', "provider"),
        ('decision_point = "recognition/1"', 'decision_point = "recognition"', "decision_point"),
        ("version = 2", "version = 0", "version"),
        ("version = 2", "version = true", "version"),
        ("version = 2", 'version = "2"', "version"),
        ('entry = "main"', 'entry = "other"', "other"),
        ('entry = "main"', 'entry = "a.b"', "entry"),
        ('capabilities = ["window", "trend"]', 'capabilities = ["trend", "trend"]', "capabilities"),
        ('capabilities = ["window", "trend"]', "capabilities = [1]", "capabilities"),
        ('capabilities = ["window", "trend"]', "fuel = 10", "fuel"),
        ("[changelog]", "[changelog]\nprice = 1", "changelog"),
        ("[changelog]", "[changelog", "TOML"),
        ("version = 2", "version = 2\nx = " + "[" * 50_000, "TOML"),
    ],
)
def test_each_wrong_manifest_is_named(folder: Path, line: str, instead: str, named: str) -> None:
    (folder / "solution.toml").write_text(MANIFEST.replace(line, instead), "utf-8")
    with pytest.raises(ProviderError) as caught:
        load(folder)
    assert named in str(caught.value)
    assert caught.value.hint


def test_exec_1_a_folder_that_is_too_large_or_too_many_is_refused(folder: Path) -> None:
    (folder / "large.py").write_bytes(b"#" * (1024 * 1024))
    with pytest.raises(ProviderError, match="larger"):
        load(folder)
    (folder / "large.py").unlink()
    for number in range(64):
        (folder / f"part{number}.py").write_bytes(b"")
    with pytest.raises(ProviderError, match="at most 64"):
        load(folder)


def test_exec_1_a_link_to_the_institutions_file_is_refused(folder: Path) -> None:
    (folder / "stolen.py").symlink_to("/etc/hostname")
    with pytest.raises(ProviderError, match="ordinary"):
        load(folder)


@pytest.mark.parametrize("name", ["json.py", "wit_world.py", "poju.py", "Über.py", "two words.py"])
def test_exec_1_a_module_cannot_hide_anothers(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    with pytest.raises(ProviderError) as caught:
        load(folder)
    assert caught.value.code == "solution.source"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = 1\0"])
def test_source_that_is_no_text_is_refused(folder: Path, content: bytes) -> None:
    (folder / "main.py").write_bytes(content)
    with pytest.raises(ProviderError):
        load(folder)


def test_an_absent_folder_or_manifest_is_one_clear_error(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ProviderError):
            load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"offer": null}',
        '{"offer": null, "reason": "abstain", "note": "hello"}',
        '{"offer": "r9", "reason": "valid-result"}',
        '{"offer": 1, "reason": "valid-result"}',
        '{"offer": null, "reason": "because the patient said so"}',
        '{"offer": null, "reason": ["abstain"]}',
        "[" * 100_000,
    ],
)
def test_priv_1_advice_is_an_enumerated_code_or_invalid(text: str) -> None:
    with pytest.raises(InvalidAdviceError):
        decode_advice(text, {"r1"}, RECOGNITION_REASONS)


def test_reasons_are_the_packages(root: Path) -> None:
    import tomllib  # noqa: PLC0415 - this test alone reads TOML

    package = tomllib.loads((root / "src/poju/packages/healthcare/scenario.toml").read_text("utf-8"))
    assert tuple(reason["id"] for reason in package["reasons"]["advice"]) == RECOGNITION_REASONS


CASE = {"case": "c1", "patient": "p1", "input": {"order": {}, "earlier": [{"id": "r1"}], "catalogue": {}}}


@pytest.mark.parametrize(
    "case",
    [
        {},
        {**CASE, "truth": {"valid": ["r1"]}},
        {**CASE, "case": 1},
        {**CASE, "patient": ""},
        {**CASE, "input": {}},
        {**CASE, "input": {"earlier": [{}]}},
        {**CASE, "input": {"earlier": [], "order": {"time": 1.5}}},
        {**CASE, "input": {"earlier": [], "order": "x" * 300_000}},
    ],
)
def test_a_malformed_case_is_refused_above_all_one_that_brings_its_truth(case: dict[str, object]) -> None:
    with pytest.raises(CallerError) as caught:
        check_cases([case])
    assert caught.value.code == "solution.cases"
    assert "{" not in str(caught.value).replace("{case, patient, input}", "")


def test_a_case_twice_is_refused() -> None:
    with pytest.raises(CallerError, match="twice"):
        check_cases([CASE, CASE])


def test_fund_2_a_commitment_binds_cases_key_and_salt() -> None:
    salt, key = b"s" * 32, {"c1": {"valid": ["r1"], "must_repeat": None}}
    commitment = cohort_commitment([CASE], key, salt)
    assert len(commitment) == 32
    assert commitment == cohort_commitment([dict(reversed(CASE.items()))], key, salt)
    assert commitment != cohort_commitment([CASE], {"c1": {"valid": [], "must_repeat": "quality"}}, salt)
    assert commitment != cohort_commitment([CASE], key, b"t" * 32)
    assert input_commitment(CASE, salt) != input_commitment({**CASE, "input": {"earlier": []}}, salt)
    with pytest.raises(CallerError):
        cohort_commitment([CASE], key, b"short")


HEADER = Header("night-shift@2", "sha256:00", (), {"guest": "sha256:11"})
ROWS = [Row(f"c{number}", f"p{number // 2}", None, "abstain", "none") for number in range(7)]


def test_exec_2_shards_merge_to_the_same_root() -> None:
    whole = make_trace(HEADER, ROWS)
    parts = [make_trace(HEADER, ROWS[4:]), make_trace(HEADER, ROWS[:4])]
    assert merge(parts).root == whole.root
    with pytest.raises(CallerError):
        merge([whole, whole])


def test_exec_2_every_row_and_the_header_move_the_root() -> None:
    root = make_trace(HEADER, ROWS).root
    roots = {root}
    for number, row in enumerate(ROWS):
        changed = [*ROWS[:number], Row(row.case, row.patient, None, "quality", "none"), *ROWS[number + 1 :]]
        roots.add(make_trace(HEADER, changed).root)
    roots.add(make_trace(Header("night-shift@3", "sha256:00", (), {"guest": "sha256:11"}), ROWS).root)
    assert len(roots) == len(ROWS) + 2


def test_trace_is_read_back_exactly_or_not_at_all() -> None:
    content = encode_trace(make_trace(HEADER, ROWS))
    assert encode_trace(decode_trace(content)) == content
    for wrong in (b"", b"{}", content + b" ", content.replace(b'"none"', b'"great"'), content[:-1], b"[" * 100_000):
        with pytest.raises(CallerError):
            decode_trace(wrong)


def test_a_trace_that_hung_on_the_clock_is_not_repeatable() -> None:
    assert make_trace(HEADER, ROWS).repeatable
    assert not make_trace(HEADER, [*ROWS, Row("c9", "p9", None, None, "timeout")]).repeatable
