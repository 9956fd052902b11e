"""Which files are read: folders of all kinds, lists of addresses, links that lead nowhere good."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_survey_input import cid_pdf, docx_of, paragraph

from poju import survey
from poju.errors import CallerError, PojuError
from poju.survey.input.sources import find

TEXT = "2018年5月,貴州省政府發布醫療應用場景開放清單,支持區塊鏈技術落地應用。"


def folder_of(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")
    (folder / "b.TXT").write_bytes(TEXT.encode("gb18030"))
    (folder / "c.html").write_text(f"<html><body><p>{TEXT}</p></body></html>", encoding="utf-8")
    (folder / "d.pdf").write_bytes(cid_pdf([TEXT]))
    (folder / "sub").mkdir()
    (folder / "sub" / "e.docx").write_bytes(docx_of(paragraph(TEXT)))
    (folder / "notes.md").write_text("not read", encoding="utf-8")
    return folder


def test_a_folder_gives_every_kind_in_order(tmp_path: Path) -> None:
    documents = survey.read([folder_of(tmp_path / "in")])
    assert [Path(item.path).name for item in documents] == ["a.txt", "b.TXT", "c.html", "d.pdf", "e.docx"]
    assert {item.text.strip() for item in documents} == {TEXT}
    assert len({item.media_type for item in documents}) == 4


def test_a_file_named_twice_is_read_once_and_results_inside_the_folder_are_left(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / "out" / "texts").mkdir(parents=True)
    (folder / "out" / "texts" / "x.txt").write_text(TEXT, encoding="utf-8")
    found = find([folder / "a.txt", folder], on_skip=_never, leave=folder / "out")
    assert [source.file.name for source in found].count("a.txt") == 1
    assert "x.txt" not in [source.file.name for source in found]


def _never(path: Path, error: PojuError) -> None:
    raise AssertionError((path, error))


def listed(tmp_path: Path, *lines: str) -> tuple[list[tuple[str, str | None, str | None]], list[str]]:
    folder = tmp_path / "saved"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "outside.txt").write_text("秘密", encoding="utf-8")
    (folder / "all.urls").write_text("\n".join(lines) + "\n", encoding="utf-8")
    skipped: list[str] = []
    found = find([folder / "all.urls"], on_skip=lambda _path, error: skipped.append(error.code))
    return [(source.file.name, source.url, source.retrieved) for source in found], skipped


def test_a_list_gives_documents_their_address_and_day(tmp_path: Path) -> None:
    found, skipped = listed(tmp_path, "# saved", "", "https://example.org/a?x=1\ta.txt\t2026-11-01")
    assert found == [("a.txt", "https://example.org/a?x=1", "2026-11-01")]
    assert not skipped
    (document,) = survey.read([tmp_path / "saved"])
    assert (document.url, document.retrieved) == ("https://example.org/a?x=1", "2026-11-01")
    record = survey.record(survey.extract(document))
    assert record["url"] == "https://example.org/a?x=1"
    assert survey.landscape_of([record])["documents"][0]["url"] == "https://example.org/a?x=1"


@pytest.mark.parametrize(
    "line",
    [
        "https://example.org/a",
        "https://example.org/a\t",
        "javascript:alert(1)\ta.txt",
        "file:///etc/passwd\ta.txt",
        "https:///a\ta.txt",
        "https://exa mple.org/\ta.txt",
        "https://example.org/\u202ea\ta.txt",
        "https://[bad/\ta.txt",
        "https://example.org/a\t../outside.txt",
        "https://example.org/a\t/etc/passwd",
        "https://example.org/a\ta.txt\tyesterday",
        "https://example.org/a\ta.txt\t2026-11-01\tmore",
        "https://example.org/" + "a" * 3000 + "\ta.txt",
    ],
)
def test_a_wrong_line_of_a_list_is_reported_and_passed_over(tmp_path: Path, line: str) -> None:
    found, skipped = listed(tmp_path, line)
    assert (found, skipped) == ([], ["survey-list-line"])


def test_too_many_documents_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poju.survey.input.sources.MAX_DOCUMENTS", 2)
    with pytest.raises(CallerError) as caught:
        find([folder_of(tmp_path / "in")], on_skip=_never)
    assert caught.value.code == "survey-too-many"
