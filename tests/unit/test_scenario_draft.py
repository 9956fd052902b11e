"""``poju scenario new``: a draft is closed, opens in a ledger, pays nothing, and says what is still to be decided."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support_rules import START, Ledger, key_of

from poju.cli.scenario import command, strict_terms
from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.errors import CallerError, OperatorError, PojuError
from poju.evidence import indicator
from poju.evidence.query import Table
from poju.evidence.tables import HEAD, log_tables
from poju.fit import catalogue, rank
from poju.i18n import LANGUAGES
from poju.ledger import cbor, receipt
from poju.ledger.statement import new_identifier, sign
from poju.ledger.store import Store
from poju.rulebook import compose
from poju.scenario import check_draft, draft, draft_fit, runtime
from poju.scenario.check import check
from poju.scenario.package import Package, load
from poju.units import Seconds

THREE = ("port-shipping", "supply-chain-finance", "elder-care")
SCENARIOS = [entry["id"] for entry in catalogue()]


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    return rank("440000")


@pytest.fixture(scope="module")
def fit_file(answer: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "fit.json"
    path.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
    return path


def entry(scenario: str) -> dict[str, Any]:
    return next(one for one in catalogue() if one["id"] == scenario)


def drafted(answer: dict[str, Any], scenario: str, folder: Path) -> Package:
    planned = draft.plan(f"my-{scenario}", entry(scenario), draft_fit.choice(answer, scenario))
    draft.write(planned, folder)
    return load(folder)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_of_the_catalogue_gives_a_closed_draft(
    answer: dict[str, Any], scenario: str, tmp_path: Path
) -> None:
    package = drafted(answer, scenario, tmp_path / "draft")
    assert [str(problem) for problem in check(tmp_path / "draft")] == []
    assert strict_terms(package) == []
    assert package.id == f"my-{scenario}"
    notes = check_draft.notes(package.files)
    assert {note.code for note in notes} >= {"draft.money", "draft.windows", "draft.evidence"}
    assert "draft.open-mark" not in {note.code for note in notes}
    if entry(scenario)["package"] is None:
        assert {track.status for track in package.tracks.values()} == {"declared"}
        assert list(package.classes.values()) == entry(scenario)["needs"]
        assert package.sectors == tuple(entry(scenario)["industries"])


def test_every_scenario_has_institutions_of_its_own(answer: dict[str, Any]) -> None:
    common = set(draft.empty("x").able("custodian"))
    for scenario in SCENARIOS:
        planned = draft.plan("x", entry(scenario), draft_fit.choice(answer, scenario))
        if planned.package is None:
            assert planned.able("custodian"), scenario
            assert planned.able("requester"), scenario
            assert not common & set(planned.able("custodian")), scenario


def test_a_draft_without_a_fit_is_closed(tmp_path: Path) -> None:
    draft.write(draft.empty("first-try"), tmp_path / "new" / "draft")
    package = load(tmp_path / "new" / "draft")
    assert check(tmp_path / "new" / "draft") == []
    assert strict_terms(package) == []
    assert "draft.sectors" in {note.code for note in check_draft.notes(package.files)}


def test_the_same_plan_gives_the_same_bytes(answer: dict[str, Any], tmp_path: Path) -> None:
    first = drafted(answer, "port-shipping", tmp_path / "one")
    assert first.digest == drafted(answer, "port-shipping", tmp_path / "two").digest


def opened(package: Package) -> Ledger:
    """A ledger on which the drafted scenario is open and its institutions are admitted, one for each role."""
    ledger = Ledger(package)
    ledger.open_ledger()
    chosen = {"scenario": package.id, "region": "440000", "evidence": [], "missing": []}
    ledger.must("selection", "commission", "selection/1", rank_common=1, **chosen)
    opening: dict[str, cbor.Value] = {"package": package.digest, "runtime": dict(runtime.describe())}
    ledger.must("scenario-open", "commission", f"scenario/{package.id}", selection="selection/1", **opening)
    ledger.open_call()
    for role in package.roles:
        if role != "authority":
            ledger.admit(f"a-{role}", role)
    return ledger


def holder(package: Package) -> str:
    return next(role.id for role in package.roles.values() if "custodian" in role.capabilities)


def asker(package: Package) -> str:
    return next(role.id for role in package.roles.values() if "requester" in role.capabilities)


def offer(package: Package, **changed: cbor.Value) -> dict[str, cbor.Value]:
    fields = {"class": next(iter(package.classes)), "description": bytes(32), "records": 10, "refreshed_every": 86400}
    return {**fields, **changed}


@pytest.mark.parametrize("scenario", THREE)
def test_a_draft_opens_in_a_ledger_and_its_first_statements_register(
    answer: dict[str, Any], scenario: str, tmp_path: Path
) -> None:
    package = drafted(answer, scenario, tmp_path / "draft")
    ledger = opened(package)
    keeper, user = f"a-{holder(package)}", f"a-{asker(package)}"
    ledger.must("data-open", keeper, "dataset/1", **offer(package))
    ledger.must("data-check", "a-auditor", "dataset/1", outcome="returned", reason="codes-unmapped")
    ledger.must("data-open", keeper, "dataset/1", **offer(package, records=12))
    ledger.must("data-check", "commission", "dataset/1", outcome="usable", reason="complete")
    ledger.must("case-open", user, "order/1", track=next(iter(package.tracks)), handle="a" * 32)
    ledger.must("case-decision", user, "order/1", outcome="without-advice", reason="no-advice")
    ledger.must("case-check", "a-auditor", "order/1", result="right")


@pytest.mark.parametrize("scenario", THREE)
def test_rule_1_a_draft_refuses_what_its_table_does_not_list(
    answer: dict[str, Any], scenario: str, tmp_path: Path
) -> None:
    package = drafted(answer, scenario, tmp_path / "draft")
    ledger = opened(package)
    keeper = f"a-{holder(package)}"
    before = dict(ledger.values)
    assert (
        ledger.say("data-check", "commission", "dataset/1", outcome="usable", reason="complete") == "workflow.illegal"
    )
    assert ledger.say("data-open", "a-provider", "dataset/1", **offer(package)) == "member.role"
    assert ledger.say("data-open", keeper, "dataset/1", **offer(package, **{"class": "names"})) == "field.range"
    assert ledger.say("case-check", "a-auditor", "order/1", result="right") == "workflow.illegal"
    assert ledger.values == before


def test_rule_1_nobody_checks_the_data_that_it_offers_itself(answer: dict[str, Any], tmp_path: Path) -> None:
    package = drafted(answer, "port-shipping", tmp_path / "draft")
    ledger = opened(package)
    ledger.must("data-open", "a-terminal", "dataset/1", **offer(package))
    assert ledger.say("data-check", "a-terminal", "dataset/1", outcome="usable", reason="complete") == "member.role"


@pytest.fixture
def engine(answer: dict[str, Any], tmp_path: Path) -> Iterator[tuple[EmbeddedEngine, Package]]:
    package = drafted(answer, "port-shipping", tmp_path / "draft")
    store = Store.open(tmp_path / "ledger.sqlite")
    made = EmbeddedEngine(store, compose(tmp_path / "draft"), key_of("log"), "test.example/log", lambda: Seconds(START))
    yield made, package
    made.close()
    store.close()


def told(engine: EmbeddedEngine, kind: str, issuer: str, subject: str, **fields: cbor.Value) -> Registration | Refusal:
    raw = sign(
        key_of(issuer),
        kind,
        issuer=issuer,
        subject=subject,
        issued_at=Seconds(START),
        identifier=new_identifier(),
        fields=fields,
    )
    said = engine.register(raw)
    if isinstance(said, Registration):
        receipt.verify(said.receipt, raw, key_of("log").public)
    assert isinstance(said, (Registration, Refusal))
    return said


def test_fund_2_a_draft_opens_in_an_embedded_ledger_where_nothing_can_be_submitted(
    engine: tuple[EmbeddedEngine, Package],
) -> None:
    made, package = engine
    name = "commission"
    raw, log = key_of(name).public.raw, key_of("log").public.raw
    steps: list[tuple[str, str, str, dict[str, cbor.Value]]] = [
        ("ledger-open", name, "ledger", {"key": raw, "origin": "test.invalid", "log_key": log, "demonstration": True}),
        (
            "selection",
            name,
            "selection/1",
            {"scenario": package.id, "region": "440000", "evidence": [], "missing": [], "rank_common": 1},
        ),
        (
            "scenario-open",
            name,
            f"scenario/{package.id}",
            {"package": package.digest, "runtime": dict(runtime.describe()), "selection": "selection/1"},
        ),
        (
            "call-open",
            name,
            "call/1",
            {
                "roles": ["terminal", "provider"],
                "closes": START + 3600,
                "programme": hashlib.sha256(package.files["programme.toml"]).digest(),
                "cohorts": [],
            },
        ),
    ]
    for member in ("terminal", "provider"):
        key = key_of(f"a-{member}").public.raw
        applied = {"key": key, "name": f"a-{member}", "roles": [member], "call": "call/1"}
        steps += [
            ("member-apply", f"a-{member}", f"member/a-{member}", applied),
            ("member-admit", name, f"member/a-{member}", {"roles": [member]}),
        ]
    steps.append(("data-open", "a-terminal", "dataset/1", offer(package)))
    for kind, issuer, subject, fields in steps:
        assert isinstance(told(made, kind, issuer, subject, **fields), Registration), kind
    submitted = {"digest": bytes(32), "track": next(iter(package.tracks)), "capabilities": [], "solves": []}
    refused = told(made, "solution-submit", "a-provider", "solution/a-provider/first/1", **submitted)
    assert isinstance(refused, Refusal)
    assert refused.code == "solution.track-not-open"


def test_the_drafts_indicator_counts_what_its_header_says(answer: dict[str, Any], tmp_path: Path) -> None:
    package = drafted(answer, "port-shipping", tmp_path / "draft")
    found = indicator.of(package, "confirmed-decisions")
    tables = log_tables([], package.kinds)
    rows = {"case_open": [], "case_decision": [], "case_check": []}
    for number, (outcome, result) in enumerate(
        [("as-advised", "right"), ("as-advised", "wrong"), ("as-advised", ""), ("otherwise", "right")]
    ):
        head = [number, START, "a-terminal", f"order/{number}"]
        rows["case_open"].append([*head, "berth", "a" * 32 if number < 2 else "b" * 32])
        rows["case_decision"].append([*head, outcome, "advice-right"])
        if result:
            rows["case_check"].append([*head, result])
    filled = {name: Table(tables[name].columns, rows[name]) for name in rows}
    assert set(HEAD) <= set(filled["case_open"].columns)
    (row,) = found.compute({**tables, **filled})
    assert row == {"numerator": 1, "denominator": 2, "patients": 1, "unchecked": 1, "decided": 3}


def test_a_finished_package_is_copied_under_the_new_name(answer: dict[str, Any], tmp_path: Path) -> None:
    package = drafted(answer, "medical-system", tmp_path / "draft")
    assert package.id == "my-medical-system"
    assert {"test-order", "recognition", "charge"} == set(package.kinds)
    assert package.tracks["mutual-recognition"].status == "open"
    assert {note.code for note in check_draft.notes(package.files)} == {
        "draft.windows",
        "draft.money",
        "draft.evidence",
    }


def test_a_copy_opens_in_a_ledger_too(answer: dict[str, Any], tmp_path: Path) -> None:
    package = drafted(answer, "medical-system", tmp_path / "draft")
    ledger = opened(package)
    order: dict[str, cbor.Value] = {"class": "lab-chemistry", "handle": "a" * 32, "item": "GLU"}
    ledger.must("test-order", "a-hospital", "order/1", **order)


def test_the_page_tells_evidence_and_what_was_missing_in_three_languages(
    answer: dict[str, Any], tmp_path: Path
) -> None:
    drafted(answer, "port-shipping", tmp_path / "draft")
    page = (tmp_path / "draft" / "README.md").read_text(encoding="utf-8")
    row = next(one for one in answer["distinctive"] if one["scenario"] == "port-shipping")
    for language in LANGUAGES:
        assert answer["region"]["name"][language] in page
        for item in row["prerequisites"]:
            assert (item["text"][language] in page) is (item["met"] is not True)
        for track in entry("port-shipping").get("tracks", []):
            assert track["names"][language] in page
    assert f"{row['reasons'][0]['value']:,}" in page
    assert str(row["reasons"][0]["year"]) in page


def test_an_assumed_figure_is_marked_on_the_page(tmp_path: Path) -> None:
    drafted(rank("440000", settings=("TS063=40",)), "port-shipping", tmp_path / "draft")
    page = (tmp_path / "draft" / "README.md").read_text(encoding="utf-8")
    assert "assumed, not measured" in page
    assert "假設，非實測" in page


def test_marks_are_told_with_file_and_line_in_every_language(tmp_path: Path) -> None:
    draft.write(draft.empty("first-try"), tmp_path / "draft")
    files = load(tmp_path / "draft").files
    for note in check_draft.notes(files):
        line = files[note.file].decode().splitlines()[int(str(note.parameters["line"])) - 1]
        assert note.code in line
        for language in LANGUAGES:
            message, hint = note.explain(language)
            assert message
            assert hint
            assert not re.search(r"{[a-z]+}", message + hint)
    assert check_draft.notes({"scenario.toml": b"# TODO ask the bureau\n"})[0].code == "draft.open-mark"
    assert check_draft.notes({"scenario.toml": b"# TODO draft.nonsense\n"})[0].code == "draft.open-mark"


def test_a_package_whose_tracks_are_all_declared_needs_the_mark(answer: dict[str, Any], tmp_path: Path) -> None:
    drafted(answer, "port-shipping", tmp_path / "draft")
    path = tmp_path / "draft" / "scenario.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("TODO draft.tracks", "done"), encoding="utf-8")
    assert [problem.code for problem in check(tmp_path / "draft")] == ["track.none-open"]
    with (tmp_path / "draft" / "README.md").open("a", encoding="utf-8") as page:
        page.write("TODO draft.tracks\n")
    assert [problem.code for problem in check(tmp_path / "draft")] == ["track.none-open"], "only its own file counts"


def test_check_reports_notes_and_still_ends_0(answer: dict[str, Any], tmp_path: Path) -> None:
    drafted(answer, "port-shipping", tmp_path / "draft")
    result = run("check", str(tmp_path / "draft"), "--lang", "zh-Hans")
    assert result.exit_code == 0
    assert "draft.tracks" in result.output
    told = json.loads(run("check", str(tmp_path / "draft"), "--json").output)
    assert told["closed"] is True
    assert told["problems"] == []
    assert {"file", "code", "message", "do"} == set(told["notes"][0])


def test_new_writes_a_draft_of_the_first_choice_and_names_what_is_open(fit_file: Path, tmp_path: Path) -> None:
    result = run("new", "my-first", "--from", str(fit_file), "--out", str(tmp_path / "draft"), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    answer = json.loads(fit_file.read_text(encoding="utf-8"))
    assert told["scenario"] == draft_fit.preferred(answer)
    assert sorted(told["files"]) == told["files"]
    assert "README.md" in told["files"]
    assert told["notes"]
    shown = run("new", "again", "--from", str(fit_file), "--out", str(tmp_path / "other"), "--lang", "zh-Hant")
    assert shown.exit_code == 0
    assert "草案" in shown.output


def test_the_first_choice_has_no_prerequisite_known_to_be_missing() -> None:
    names = dict.fromkeys(LANGUAGES, "x")
    rows = [
        {"scenario": "one", "prerequisites": [{"text": names, "met": False}]},
        {"scenario": "two", "prerequisites": [{"text": names, "met": None}]},
    ]
    assert draft_fit.preferred({"distinctive": rows}) == "two"
    assert draft_fit.preferred({"distinctive": rows, "brief": {"choices": [{"scenario": "one"}]}}) == "one"
    with pytest.raises(CallerError, match="without --scenario"):
        draft_fit.preferred({"distinctive": rows[:1]})


def failed(result: Result) -> PojuError:
    assert isinstance(result.exception, PojuError), result.output
    return result.exception


def test_a_folder_that_holds_something_is_left_alone(fit_file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("x", encoding="utf-8")
    for place in (taken, taken / "mine.txt"):
        error = failed(run("new", "mine", "--from", str(fit_file), "--out", str(place)))
        assert error.code == "draft-folder-taken"
    (tmp_path / "link").symlink_to(taken)
    assert failed(run("new", "mine", "--out", str(tmp_path / "link"))).code == "draft-folder-taken"
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert run("new", "mine", "--out", str(tmp_path / "empty")).exit_code == 0
    assert (tmp_path / "empty" / "scenario.toml").is_file()


def test_without_an_out_the_folder_is_named_like_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("new", "port-calls").exit_code == 0
    assert check(tmp_path / "port-calls") == []
    assert [path.name for path in tmp_path.iterdir()] == ["port-calls"]


@pytest.mark.parametrize("name", ["", "A", "-x", "a b", "../x", "x" * 49, "港口", "a/b", "a\x00b"])
def test_a_name_that_cannot_be_an_id_is_refused(name: str, tmp_path: Path) -> None:
    error = failed(run("new", "--out", str(tmp_path / "draft"), "--", name))
    assert error.code == "draft-name"
    assert not (tmp_path / "draft").exists()


BROKEN = {
    "no json": b"{",
    "no object": b"[]",
    "not utf-8": b"\xff\xfe{}",
    "nan": b'{"region": NaN}',
    "twice": b'{"region": {}, "region": {}}',
    "deep": b"[" * 200_000,
    "empty": b"{}",
    "no region": b'{"common": [{"scenario": "port-shipping", "rank": 1}]}',
    "wrong types": b'{"region": 5, "common": 7, "distinctive": "x"}',
    "rank": b'{"region": {"code": "1", "name": {"zh-Hant": "a", "zh-Hans": "a", "en": "a"}},'
    b' "common": [{"scenario": "port-shipping", "rank": true}]}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("scenario", [(), ("--scenario", "port-shipping")], ids=["", "named"])
def test_what_is_no_answer_ends_in_one_clear_error(content: bytes, scenario: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_bytes(content)
    error = failed(run("new", "mine", "--from", str(path), "--out", str(tmp_path / "draft"), *scenario))
    assert error.code in {"draft-fit-shape", "draft-scenario-unknown"}
    assert error.hint
    assert not (tmp_path / "draft").exists()


def test_a_missing_file_and_an_unknown_scenario_are_named(fit_file: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "draft"))
    error = failed(run("new", "mine", "--from", str(tmp_path / "absent.json"), *out))
    assert (error.code, isinstance(error, OperatorError)) == ("draft-fit-unreadable", True)
    error = failed(run("new", "mine", "--from", str(fit_file), "--scenario", "moon", *out))
    assert error.code == "draft-scenario-unknown"
    assert "port-shipping" in str(error)
    assert failed(run("new", "mine", "--scenario", "moon", *out)).code == "draft-without-fit"


def test_a_file_above_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_fit, "MAXIMUM_BYTES", 10)
    (tmp_path / "fit.json").write_bytes(b" " * 11)
    with pytest.raises(CallerError, match="16 MiB"):
        draft_fit.read(tmp_path / "fit.json")


def test_texts_of_the_answer_can_neither_break_out_of_the_page_nor_of_its_table(
    answer: dict[str, Any], tmp_path: Path
) -> None:
    hostile = 'x" | y\n\n# z\n<script>alert(1)</script> [a](javascript:1) --> `TODO draft.tracks` ' + "長" * 5000
    changed = json.loads(json.dumps(answer))
    for row in changed["distinctive"]:
        for reason in row["reasons"]:
            reason["source"] = hostile
            reason["industry"] = dict.fromkeys(LANGUAGES, hostile)
        for item in row["prerequisites"]:
            item["text"] = dict.fromkeys(LANGUAGES, hostile)
            item["met"] = None
    changed["region"] = {"code": hostile, "name": dict.fromkeys(LANGUAGES, hostile)}
    drafted(changed, "port-shipping", tmp_path / "draft")
    assert check(tmp_path / "draft") == []
    page = (tmp_path / "draft" / "README.md").read_text(encoding="utf-8")
    assert "<script" not in page.replace("\\<script", "")
    assert "# z" not in page.replace("\\# z", "")
    assert "長" * 400 not in page
    for name in ("scenario.toml", "workflows.toml", "programme.toml", "access.cedar"):
        assert "alert" not in (tmp_path / "draft" / name).read_text(encoding="utf-8")


def test_nothing_is_left_behind_where_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "move", refuse)
    with pytest.raises(OperatorError, match="No space left"):
        draft.write(draft.empty("mine"), tmp_path / "draft")
    assert list(tmp_path.iterdir()) == []
