import os
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

from poju.errors import CallerError
from poju.survey.datacheck import check, choose
from poju.survey.datafiles import VARIABLE, data_digest, data_names, use_data
from poju.survey.kept import rules_digest
from poju.survey.patterns import TooSlowError, try_hard

DATA = Path(str(resources.files("poju.survey") / "data"))
CUE = """
[[cue]]
instrument = "{instrument}"
keys = ["{key}"]
pattern = '''{pattern}'''
"""


def edited(folder: Path, name: str, *changes: tuple[str, str], more: str = "") -> Path:
    text = (DATA / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / name).write_text(text + more, encoding="utf-8")
    return folder


def told(folder: Path) -> list[str]:
    return [problem.explain() for problem in check(folder)]


def test_the_data_files_of_the_package_hold_no_problem() -> None:
    assert [problem.explain() for problem in check()] == []


def test_every_data_file_is_checked_for_its_source_and_licence(tmp_path: Path) -> None:
    for name in data_names():
        text = (DATA / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text("\n".join(x for x in text.splitlines() if not x.startswith("#")), encoding="utf-8")
    found = check(tmp_path)
    assert {p.file for p in found if "licence" in p.message} == set(data_names())


@pytest.mark.parametrize(
    ("pattern", "key", "instrument", "words"),
    [
        ("(", "建设", "industrial_park", "no regular expression"),
        ("(?:建+设*)+(?:建+设*)+园$", "建", "industrial_park", "takes more than"),
        ("{nothing}园", "园", "industrial_park", "{nothing} is not known"),
        ("园区", "园区", "free_lunch", "free_lunch is not known"),
        ("消费场景", "场景", "scenario_opening", "narrow the pattern"),
    ],
)
def test_a_faulty_cue_is_named_with_its_line(
    tmp_path: Path, pattern: str, key: str, instrument: str, words: str
) -> None:
    more = CUE.format(pattern=pattern, key=key, instrument=instrument)
    edited(tmp_path, "lexicon.toml", more=more)
    line = (tmp_path / "lexicon.toml").read_text(encoding="utf-8").splitlines().index("[[cue]]") + 1
    last = max(i for i, x in enumerate((tmp_path / "lexicon.toml").read_text().splitlines(), 1) if x == "[[cue]]")
    found = told(tmp_path)
    assert any(one.startswith(f"lexicon.toml:{last}: ") and words in one for one in found), (line, found)


def test_a_cue_that_stands_twice_is_found(tmp_path: Path) -> None:
    more = CUE.format(pattern="甲乙丙丁园", key="园", instrument="industrial_park") * 2
    assert any("stands twice" in one for one in told(edited(tmp_path, "lexicon.toml", more=more)))


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("taxonomy.toml", 'side = "push"', 'side = "sideways"', "sideways is not known"),
        ("taxonomy.toml", 'id = "industrial_park"', 'id = "award_grant"', "stands twice"),
        ("taxonomy.toml", "[[instrument]]", "[[other]]", "31 instead of 32"),
        ("gazetteer.csv", "\n330100,city", "\n33010,city", "no code of six digits"),
        ("gazetteer.csv", "\n330106,district,西湖区", "\n330106,district,拱墅区", "stands twice"),
        ("gazetteer.csv", "\n330000,province", "\n990000,province", "below no division"),
        ("gazetteer.csv", ",Hangzhou\n", ",Fuzhou City of Nowhere,more\n", "code, level"),
        ("gazetteer.csv", ",Nanjing\n", ",Hangzhou\n", "names several cities"),
        ("gazetteer_history.csv", ",2009,,110101", ",2009,,999999", "999999 is not known"),
        ("gazetteer_history.csv", ",2014,,,\n", ",2014,2001,,\n", "begins after it ends"),
        ("tiles.csv", "110000,6,3\n", "", "33 instead of 34"),
        ("tiles.csv", "110000,6,3", "110000,7,3", "stands twice"),
        ("tiers.toml", '"110000"', '"119999"', "119999 is not known"),
        ("places.toml", '"台北市" = "710000"', '"台北市" = "719999"', "719999 is not known"),
        ("dates.toml", "regex = '''", "regex = '''(", "no regular expression"),
        ("wording.toml", "[recap]", "[recap", "no TOML"),
        ("amounts.toml", "clause = '''", "own = '''(?:一+)+(?:一+)+甲'''\nclause = '''", "takes more than"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(tmp_path: Path, name: str, old: str, new: str, words: str) -> None:
    found = [one for one in told(edited(tmp_path, name, (old, new))) if one.startswith(f"{name}:")]
    assert any(words in one for one in found), found
    assert all(re.match(r"[a-z_.]+:\d+: ", one) for one in found)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"# Source. Licence.\n[[[", b"", b"[" * 5000])
def test_no_bytes_of_a_data_file_end_in_a_traceback(tmp_path: Path, content: bytes) -> None:
    for name in data_names():
        (tmp_path / name).write_bytes(content)
    assert check(tmp_path)


def test_problems_are_told_in_three_languages(tmp_path: Path) -> None:
    problem = check(edited(tmp_path, "tiles.csv", ("110000,6,3\n", "")))[0]
    assert len({problem.explain(language) for language in ("en", "zh-Hant", "zh-Hans")}) == 3


def test_a_pattern_without_end_is_ended() -> None:
    with pytest.raises(TooSlowError):
        try_hard(re.compile("(?:一+)+(?:一+)+甲"))


def test_a_folder_without_data_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        use_data(tmp_path)
    assert caught.value.code == "survey-no-data"


def test_a_faulty_folder_is_refused_before_it_is_used(tmp_path: Path) -> None:
    edited(tmp_path, "lexicon.toml", more=CUE.format(pattern="(", key="园", instrument="industrial_park"))
    with pytest.raises(CallerError) as caught:
        choose(tmp_path)
    assert caught.value.code == "survey-data-faulty"
    assert "lexicon.toml:" in str(caught.value)
    assert VARIABLE not in os.environ


PROGRAM = """
import sys
from pathlib import Path
from poju import survey
from poju.survey.datacheck import choose
from poju.survey.datafiles import data_digest
choose(Path(sys.argv[1]))
text = "2023年3月,杭州市开设甲乙丙丁馆。"
print(len(survey.extract(survey.Document("t", text)).events), data_digest())
"""


def test_an_operators_copy_changes_what_is_found_without_touching_code(tmp_path: Path) -> None:
    edited(
        tmp_path, "lexicon.toml", more=CUE.format(pattern="开设甲乙丙丁馆", key="甲乙", instrument="industrial_park")
    )
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], check=True, capture_output=True, text=True, env=environment
    )
    count, digest = finished.stdout.split()
    assert count == "1"
    assert digest != data_digest()


def test_the_command_ends_with_status_one_and_names_the_lines(tmp_path: Path) -> None:
    edited(tmp_path, "tiles.csv", ("110000,6,3", "110000,7,3"))
    command = [sys.executable, "-c", "from poju.cli.main import main; main()", "survey", "check-data"]
    bad = subprocess.run([*command, str(tmp_path)], check=False, capture_output=True, text=True)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout.startswith("tiles.csv:")
    good = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")


def test_a_run_with_other_data_never_goes_on_from_results_of_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rules_digest.__wrapped__()
    monkeypatch.setenv(VARIABLE, str(edited(tmp_path, "lexicon.toml", more="\n# other\n")))
    assert rules_digest.__wrapped__() != before


def test_no_dependency_at_run_time_is_under_the_gpl() -> None:
    """The whole closure of what pyproject.toml names, as installed here."""
    waiting, seen = ["poju"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        bare = [line for line in requirements if "extra ==" not in line]
        waiting += [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower().replace("_", "-") for line in bare]
    assert len(seen) > 20
    guilty = {name: found for name in seen if (found := _gpl(name))}
    assert guilty == {}


def _gpl(name: str) -> list[str]:
    """Return what a distribution says of its licence where that is GPL or AGPL; the LGPL is another licence."""
    try:
        data = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    said = [data.get("License-Expression") or "", *(data.get("License") or "").splitlines()[:1]]
    said += [line for line in data.get_all("Classifier") or [] if line.startswith("License")]
    strict = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|(?<!Lesser )(?:Affero )?General Public License", re.IGNORECASE)
    return [line for line in said if strict.search(line)]
