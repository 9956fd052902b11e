"""The run: order, skips, dead and slow workers, results kept and used again, the command around it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support_survey_input import cid_pdf

from poju import survey
from poju.cli.survey import command
from poju.errors import CallerError, PojuError
from poju.survey.earlier import landscape_at
from poju.survey.input.sources import Source
from poju.survey.kept import Kept, as_json, rules_digest
from poju.survey.progress import Teller, duration
from poju.survey.run import Progress, Run, into
from poju.survey.workers import Crew

TEXT = "2018年{}月,貴州省政府發布醫療應用場景開放清單,支持區塊鏈技術落地應用。"


def folder_of(folder: Path, count: int = 5) -> Path:
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"{number:02d}.txt").write_text(TEXT.format(number), encoding="utf-8")
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def invoke(*arguments: object, stdin: bytes | None = None) -> Any:  # noqa: ANN401 - click's result
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)


def test_records_come_in_order_and_equal_whatever_the_number_of_workers(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 9)
    one, three = (list(Run([folder], jobs=jobs).records()) for jobs in (1, 3))
    assert one == three
    assert [Path(record["path"]).name for record in one] == [f"{number:02d}.txt" for number in range(1, 10)]
    direct = [survey.record(survey.extract(document)) for document in survey.read([folder])]
    assert [record["events"] for record in one] == [record["events"] for record in direct]


def test_a_bad_file_is_skipped_beside_others_and_ends_the_run_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 2)
    bad = folder / "bad.txt"
    bad.write_bytes(b"\x00")
    run = Run([folder / "01.txt", bad, folder / "none.txt"], jobs=1)
    assert len(list(run.records())) == 1
    assert [item["code"] for item in run.skipped] == ["survey-binary", "survey-no-file"]
    with pytest.raises(CallerError) as caught:
        list(Run([bad]).records())
    assert caught.value.code == "survey-binary"
    with pytest.raises(CallerError) as caught:
        list(Run([bad, folder / "none.txt"]).records())
    assert caught.value.code == "survey-nothing-to-read"


def pipe(tmp_path: Path) -> Source:
    """Return a source that is never read to its end: opening it waits for somebody who writes."""
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    return Source(str(path), path)


def test_a_document_that_takes_too_long_is_lost_alone(tmp_path: Path) -> None:
    good = folder_of(tmp_path / "in", 1) / "01.txt"
    sources = [Source("a", good), pipe(tmp_path), Source("b", good)]
    with Crew(1, seconds=1.5) as crew:
        answers = [answer for _source, answer in crew.in_order(iter([(source, None) for source in sources]), {})]
    assert [item.code if isinstance(item, PojuError) else item["path"] for item in answers] == [
        "a",
        "survey-too-slow",
        "b",
    ]


def test_a_worker_that_dies_loses_its_document_alone(tmp_path: Path) -> None:
    good = folder_of(tmp_path / "in", 1) / "01.txt"
    sources = [pipe(tmp_path), Source("b", good)]

    def kill_when_started(crew: Crew) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            process = crew._all[0]._process
            if process is not None:
                time.sleep(1.0)
                os.kill(process.pid, signal.SIGKILL)
                return
            time.sleep(0.05)

    with Crew(1, seconds=30) as crew:
        killer = threading.Thread(target=kill_when_started, args=(crew,))
        killer.start()
        answers = [answer for _source, answer in crew.in_order(iter([(source, None) for source in sources]), {})]
        killer.join()
    assert isinstance(answers[0], PojuError)
    assert answers[0].code == "survey-worker-died"
    assert isinstance(answers[1], dict)


def test_leaving_a_crew_ends_its_workers_in_the_middle_of_a_document(tmp_path: Path) -> None:
    started = time.monotonic()
    with Crew(1, seconds=60) as crew:
        crew._threads.submit(crew._ask, pipe(tmp_path), {})
        time.sleep(1.0)
        process = crew._all[0]._process
    assert process is not None
    assert process.poll() is not None
    assert time.monotonic() - started < 20


def test_pdf_is_opened_in_a_process_of_its_own_also_by_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(cid_pdf([TEXT.format(5)]))
    (document,) = survey.read([path])
    assert document.text == TEXT.format(5) + "\n"


def kept_run(folder: Path, out: Path, *, stop_after: int | None = None, jobs: int = 1) -> list[dict[str, Any]]:
    """Run into ``out``; with ``stop_after``, break off after so many documents as an interrupt does."""
    run = Run([folder], jobs=jobs)
    if stop_after is None:
        return list(into(run, out))
    with Kept(out) as kept:
        records = run.records(kept)
        for _number in range(stop_after):
            next(records)
        records.close()  # type: ignore[attr-defined] # it is a generator
    return []


def told_of(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "events.json").read_text(encoding="utf-8"))
    return found


def test_a_resumed_run_has_the_same_bytes_and_reads_nothing_twice(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / "03.pdf").write_bytes(cid_pdf([TEXT.format(3)]))
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    kept_run(folder, whole)
    kept_run(folder, resumed, stop_after=2)
    assert json.loads((resumed / "manifest.json").read_text())["complete"] is False
    seen: list[Progress] = []
    list(into(Run([folder], jobs=2, on_progress=seen.append), resumed))
    assert seen[-1] == Progress(done=6, total=6, skipped=0, kept=2)
    assert digests(whole) == digests(resumed)


@pytest.mark.parametrize("torn", [b"", b'{"key": "', b'{"key": "00', b"nonsense"])
def test_a_line_that_a_crash_cut_off_is_read_again(tmp_path: Path, torn: bytes) -> None:
    folder = folder_of(tmp_path / "in")
    whole, out = tmp_path / "whole", tmp_path / "out"
    kept_run(folder, whole)
    kept_run(folder, out, stop_after=3)
    lines = (out / "events.jsonl").read_bytes().splitlines(keepends=True)
    (out / "events.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:50] * (not torn) + torn)
    kept_run(folder, out)
    assert digests(whole) == digests(out)


def test_changed_added_and_removed_documents_change_exactly_that(tmp_path: Path) -> None:
    folder, out, fresh = folder_of(tmp_path / "in"), tmp_path / "out", tmp_path / "fresh"
    kept_run(folder, out)
    (folder / "02.txt").write_text(TEXT.format(11), encoding="utf-8")
    (folder / "04.txt").unlink()
    (folder / "00.txt").write_text(TEXT.format(12), encoding="utf-8")
    seen: list[Progress] = []
    list(into(Run([folder], jobs=1, on_progress=seen.append), out))
    assert seen[-1].kept == 3
    kept_run(folder, fresh)
    assert digests(out) == digests(fresh)
    assert [Path(item["path"]).name for item in told_of(out)["documents"]] == [
        "00.txt",
        "01.txt",
        "02.txt",
        "03.txt",
        "05.txt",
    ]


def test_changed_rules_or_encoding_read_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = folder_of(tmp_path / "in", 2), tmp_path / "out"
    kept_run(folder, out)
    for change in ("encoding", "rules"):
        seen: list[Progress] = []
        run = Run([folder], jobs=1, on_progress=seen.append, encoding="utf-8" if change == "encoding" else None)
        if change == "rules":
            monkeypatch.setattr("poju.survey.kept.rules_digest", lambda: "other")
        list(into(run, out))
        assert seen[-1].kept == 0
    assert len(rules_digest()) == 64


def test_a_lost_text_is_extracted_again_and_an_old_one_is_removed(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "in", 1), tmp_path / "out"
    (folder / "x.txt").write_bytes(TEXT.format(7).encode("gb18030"))
    kept_run(folder, out)
    (text,) = (out / "texts").iterdir()
    assert text.read_bytes() == TEXT.format(7).encode()
    assert text.stem == hashlib.sha256(text.read_bytes()).hexdigest()
    text.unlink()
    (out / "texts" / ("0" * 64 + ".txt")).write_text("old", encoding="utf-8")
    kept_run(folder, out)
    assert [path.name for path in (out / "texts").iterdir()] == [text.name]


def test_surv_1_every_citation_can_be_opened_in_the_file_or_the_text_kept_beside(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "in", 1), tmp_path / "out"
    (folder / "p.pdf").write_bytes(cid_pdf([TEXT.format(3), TEXT.format(4) * 4]))
    (folder / "q.html").write_text(f"<html><body><nav>x</nav><p>{TEXT.format(6)}</p></body></html>", encoding="utf-8")
    (folder / "r.txt").write_bytes(TEXT.format(8).encode("big5"))
    kept_run(folder, out)
    documents = told_of(out)["documents"]
    assert len(documents) == 4
    for document in documents:
        file = out / document["text_file"] if "text_file" in document else Path(document["path"])
        with file.open(encoding="utf-8", newline="") as handle:
            text = handle.read()
        assert hashlib.sha256(text.encode()).hexdigest() == document["text_sha256"]
        cited = [citation for event in document["events"] for citation in event["citations"]]
        assert cited
        assert all(text[item["start"] : item["end"]] == item["text"] for item in cited)


def test_one_run_at_a_time_has_the_folder(tmp_path: Path) -> None:
    with Kept(tmp_path / "out"), pytest.raises(CallerError) as caught, Kept(tmp_path / "out"):
        pass
    assert caught.value.code == "survey-folder-in-use"


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CallerError) as caught:
        kept_run(folder_of(tmp_path / "in", 1), tmp_path / "file")
    assert caught.value.code == "survey-cannot-write"


def test_streamed_json_is_what_json_writes() -> None:
    items: list[dict[str, Any]] = [
        {"key": "k", "path": "「a」", "events": [{"id": "e01", "sentences": ["s"]}], "outcomes": [], "findings": []},
        {"path": "b", "events": [], "outcomes": [], "findings": []},
    ]
    skipped = [{"path": "c", "code": "survey-empty", "message": "c is empty."}]
    for count in (0, 1, 2):
        for left in ([], skipped):
            text = "".join(as_json(iter(items[:count]), left))
            plain = json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"
            assert text == plain
            assert "sentences" not in text
            assert "key" not in text


def test_the_command_streams_json_with_what_was_skipped(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", 2)
    (folder / "bad.txt").write_bytes(b"")
    told = invoke(folder, "--json", "--jobs", "1")
    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert len(found["documents"]) == 2
    assert [(Path(item["path"]).name, item["code"]) for item in found["skipped"]] == [("bad.txt", "survey-empty")]
    assert "skipped" in told.stderr
    assert "1 of what was named" in told.stderr


def test_the_command_prints_nothing_where_nothing_can_be_read(tmp_path: Path) -> None:
    told = invoke(tmp_path / "none.txt", "--json")
    assert isinstance(told.exception, CallerError)
    assert told.stdout == ""


def test_the_command_writes_a_folder_and_compares_with_an_earlier_one(tmp_path: Path) -> None:
    folder, early, late = folder_of(tmp_path / "in", 2), tmp_path / "early", tmp_path / "late"
    assert invoke(folder, "--out", early, "--jobs", "1").exit_code == 0
    names = {path.name for path in early.iterdir()}
    assert {"events.json", "events.jsonl", "landscape.json", "landscape.html", "manifest.json"} <= names
    assert landscape_at(early) == landscape_at(early / "landscape.json")
    (folder / "02.txt").unlink()
    assert invoke(folder, "--out", late, "--against", early, "--jobs", "1").exit_code == 0
    assert (late / "comparison.json").exists()
    told = invoke("compare", early, late, "--json")
    assert told.exit_code == 0
    assert isinstance(json.loads(told.stdout), dict)


@pytest.mark.parametrize("content", [None, "nonsense", "[]", "{}", "[" * 100_000])
def test_what_is_no_earlier_landscape_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "landscape.json").write_text(content, encoding="utf-8")
    with pytest.raises(CallerError) as caught:
        landscape_at(tmp_path)
    assert caught.value.code == "survey-no-landscape"


def test_against_without_out_is_refused(tmp_path: Path) -> None:
    told = invoke(folder_of(tmp_path / "in", 1), "--against", tmp_path)
    assert isinstance(told.exception, CallerError)
    assert told.exception.code == "survey-against-nothing"


def test_a_file_called_like_a_sub_verb_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compare").write_text(TEXT.format(5), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = invoke("./compare", "--json")
    assert json.loads(told.stdout)["documents"][0]["path"] == "compare"


def test_options_may_stand_before_and_after_the_paths(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "in", 1) / "01.txt"
    assert invoke("--json", path).stdout == invoke(path, "--json").stdout


def test_standard_input_may_be_of_any_kind() -> None:
    for content in (TEXT.format(5).encode("gb18030"), cid_pdf([TEXT.format(5)])):
        (document,) = json.loads(invoke("-", "--json", stdin=content).stdout)["documents"]
        assert document["path"] == "-"
        assert document["events"]


def test_help_teaches_with_examples_and_lists_the_sub_verbs() -> None:
    told = invoke("--help").output
    assert "Example: poju survey" in told
    assert "compare" in told
    assert "--against" in told


def ticking(steps: list[float]) -> Callable[[], float]:
    return iter(steps).__next__


def test_progress_tells_rate_time_left_and_skips_and_not_too_often() -> None:
    stream = io.StringIO()
    teller = Teller("en", stream, ticking([0.0, 1.0, 10.0, 20.0]))
    for done in (1, 20, 40):
        teller(Progress(done=done, total=40, skipped=1, kept=0))
    assert stream.getvalue().splitlines() == [
        "20 of 40 documents, 2.0 a second, 0:10 left, 1 skipped, 0 read before",
        "40 of 40 documents, 2.0 a second, 0:00 left, 1 skipped, 0 read before",
    ]
    assert [duration(seconds) for seconds in (5, 65, 3665)] == ["0:05", "1:05", "1:01:05"]
