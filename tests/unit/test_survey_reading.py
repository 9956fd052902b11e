"""Wrong input ends in one clear message; spans are offsets of the text as read."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from poju import survey
from poju.cli.survey import command
from poju.errors import CallerError, PojuError
from poju.survey.reading import MAX_BYTES


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04\x00\x00", "survey-kind"),
        (b"", "survey-empty"),
        (b" \n\r\n\t", "survey-empty"),
        (b"\x81\xff\xfe\xff\xa0\x80 abc \xff\xff\xff", "survey-not-utf8"),
        (b"a" * (MAX_BYTES + 1), "survey-too-large"),
    ],
)
def test_bad_file_is_one_clear_error(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(CallerError) as caught:
        survey.read([path])
    assert caught.value.code == code
    for language in ("zh-Hant", "zh-Hans", "en"):
        assert len(caught.value.explain(language).splitlines()) == 2
    assert caught.value.exit_status == 2


def test_missing_file_and_empty_folder_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="There is no file"):
        survey.read([tmp_path / "none.txt"])
    with pytest.raises(CallerError, match="no text to read"):
        survey.read([tmp_path])


def test_bad_file_in_a_folder_is_reported_and_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "b.txt").write_text("2017年4月,杭州市政府主辦了區塊鏈峰會。", encoding="utf-8")
    skipped: list[tuple[Path, PojuError]] = []
    documents = survey.read([tmp_path], on_skip=lambda path, error: skipped.append((path, error)))
    assert [Path(document.path).name for document in documents] == ["b.txt"]
    assert [(path.name, error.code) for path, error in skipped] == [("a.txt", "survey-empty")]


def test_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("秘密", encoding="utf-8")
    inside = tmp_path / "folder"
    inside.mkdir()
    (inside / "link.txt").symlink_to(outside)
    (inside / "real.txt").write_text("真", encoding="utf-8")
    skipped: list[str] = []
    documents = survey.read([inside], on_skip=lambda _path, error: skipped.append(error.code))
    assert [document.text for document in documents] == ["真"]
    assert skipped == ["survey-outside-folder"]


def test_line_ends_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "crlf.txt"
    path.write_bytes("一\r\n二\n".encode())
    assert survey.read([path])[0].text == "一\r\n二\n"


def test_command_prints_json_table_and_files(tmp_path: Path) -> None:
    path = tmp_path / "n.txt"
    path.write_text("2018年5月,貴州省政府發布醫療應用場景開放清單", encoding="utf-8")
    told = CliRunner().invoke(command, [str(path), "--json"])
    assert told.exit_code == 0
    assert '"instrument": "scenario_opening"' in told.output
    table = CliRunner().invoke(command, [str(path), "--lang", "zh-Hans", "--out", str(tmp_path / "out")])
    assert "■" in table.output
    written = {item.name for item in (tmp_path / "out").iterdir()}
    assert {"events.json", "events.csv", "landscape.json", "landscape.html", "manifest.json", "matrix.csv"} <= written


def test_command_reads_standard_input() -> None:
    told = CliRunner().invoke(command, ["-", "--json"], input="2018年5月,貴州省政府發布醫療應用場景開放清單".encode())
    assert '"path": "-"' in told.output
    assert '"code": "520000"' in told.output


def test_command_without_path_is_refused() -> None:
    assert isinstance(CliRunner().invoke(command, []).exception, CallerError)
