"""The console over HTTP, in process."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from poju.cli.console import command
from poju.console import guard, page
from poju.console.app import accepted_language, create
from poju.console.serve import serve
from poju.errors import CallerError, OperatorError

SAMPLE = Path(__file__).parents[1] / "console" / "report-sample.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE, tmp_path / "report.json")
    (tmp_path / "secret.txt").write_text("not for the console", encoding="utf-8")
    return tmp_path


def ask(
    folder: Path,
    path: str,
    *,
    method: str = "GET",
    host: str = "127.0.0.1:8000",
    language: str | None = None,
    **headers: str,
) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app=create(folder, language))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.request(
                method, path, headers={"host": host} | {k.replace("_", "-"): v for k, v in headers.items()}
            )

    return asyncio.run(once())


@pytest.mark.parametrize("room", page.ROOMS)
def test_every_page_answers_in_three_languages_and_has_a_twin(folder: Path, room: str) -> None:
    path = "/" if room == "index" else f"/{room}"
    for language in page.LANGUAGE_NAMES:
        answer = ask(folder, f"{path}?lang={language}")
        assert answer.status_code == 200
        assert f'<html lang="{language}">' in answer.text
        assert f'href="/{room}.json' in answer.text or room == "landscape"
    found = ask(folder, f"/{room}.json").json()
    assert found["room"] == room
    assert set(page.ROOMS[room][1]) <= set(found)


def test_the_first_screen_shows_push_filled_and_pull_empty_until_the_demonstration(folder: Path) -> None:
    text = ask(folder, "/?lang=en").text
    assert "17 policy acts in 22 places, and none of them pulls." in text
    told, after = text.split('<tbody class="demonstration">')
    assert told.count("■") > 15
    assert "◆" not in told.split("<tbody>")[1]
    assert after.split("</tbody>")[0].count("◆") == 1
    assert "Guizhou" in after


def test_a_square_leads_to_its_sentences_with_the_cited_span_marked(folder: Path) -> None:
    answer = ask(folder, "/landscape?lang=zh-Hant&region=520100&instrument=award_grant")
    assert answer.text.count("<article") == 1
    assert "<mark>對符合條件的企業一次性獎勵,最高500萬元</mark>" in answer.text
    twin = ask(folder, "/landscape.json?region=520100&instrument=award_grant").json()["landscape"]
    assert [event["instrument"] for event in twin["events"]] == ["award_grant"]
    assert ask(folder, "/landscape?lang=en&region=nowhere").text.count("No policy event stands here.") == 1


def test_figures_are_written_as_each_language_writes_them(folder: Path) -> None:
    assert "5,000,000 yuan" in ask(folder, "/award?lang=en").text
    assert "500萬元" in ask(folder, "/award?lang=zh-Hant").text
    assert "500万元" in ask(folder, "/award?lang=zh-Hans").text
    assert "2018年4月" in ask(folder, "/landscape?lang=zh-Hant").text
    assert "April 2018" in ask(folder, "/landscape?lang=en").text


@pytest.mark.parametrize("path", ["/", "/landscape.json", "/static/console.css", "/nowhere", "/?lang=xx"])
def test_every_answer_has_the_strict_headers(folder: Path, path: str) -> None:
    answer = ask(folder, path)
    for name, value in guard.HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert " style=" not in answer.text
    assert "<style" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_get_and_head_is_taken(folder: Path, method: str) -> None:
    answer = ask(folder, "/?lang=en", method=method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert ask(folder, "/", method="HEAD").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "", "localhost.", "10.0.0.1", "127.0.0.1:8000@x"]
)
def test_a_foreign_name_is_refused(folder: Path, host: str) -> None:
    assert ask(folder, "/", host=host).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:9000"])
def test_this_machine_s_names_are_answered(folder: Path, host: str) -> None:
    assert ask(folder, "/", host=host).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt",
        "/report.json",
        "/static/",
        "/static/../report.json",
        "/static/%2e%2e/app.py",
        "/docs",
        "/openapi.json",
        "//etc/passwd",
    ],
)
def test_only_the_pages_are_served_and_no_folder_is_listed(folder: Path, path: str) -> None:
    answer = ask(folder, path)
    assert answer.status_code == 404
    assert "not for the console" not in answer.text
    if path.endswith(".json"):
        assert answer.json()["status"] == 404


def test_a_long_or_wrong_question_is_refused(folder: Path) -> None:
    assert ask(folder, "/?lang=" + "x" * 600).status_code == 400
    answer = ask(folder, "/?lang=<script>")
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_the_language_is_the_url_s_then_the_option_s_then_the_browser_s(folder: Path) -> None:
    assert 'lang="en"' in ask(folder, "/?lang=en", language="zh-Hans", accept_language="zh-TW").text
    assert '<html lang="zh-Hans">' in ask(folder, "/", language="zh-Hans", accept_language="zh-TW").text
    assert '<html lang="zh-Hant">' in ask(folder, "/", accept_language="fr, zh-TW;q=0.9, en;q=0.4").text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-Hant-HK", "zh-Hant"),
        ("zh", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB;q=0.5, zh-TW;q=0.7", "zh-Hant"),
        ("en;q=0", None),
        ("fr", None),
        ("", None),
        ("en;q=x", None),
        ("en;q=nan", None),
        ("," * 100_000 + "en", None),
    ],
)
def test_accept_language_is_read_with_its_weights(header: str, language: str | None) -> None:
    assert accepted_language(header) == language


def test_a_report_that_breaks_while_served_is_told_without_a_traceback(folder: Path) -> None:
    async def twice() -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=create(folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            (folder / "report.json").write_text("{", encoding="utf-8")
            broken = await client.get("/award?lang=en")
            twin = await client.get("/award.json")
            shutil.copy(SAMPLE, folder / "report.json")
            return broken, twin, await client.get("/award?lang=en")

    broken, twin, healed = asyncio.run(twice())
    assert broken.status_code == twin.status_code == 503
    assert "Traceback" not in broken.text
    assert "not strict JSON" in broken.text
    assert twin.headers["content-type"].startswith("application/problem+json")
    assert healed.status_code == 200


def test_a_change_of_the_report_is_shown(folder: Path) -> None:
    async def changed() -> str:
        transport = httpx.ASGITransport(app=create(folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.get("/")
            report = json.loads(SAMPLE.read_text(encoding="utf-8"))
            report["award"]["programme"]["cap_fen"] = 123_400
            (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
            return (await client.get("/award?lang=en")).text

    assert "1,234 yuan" in asyncio.run(changed())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])  # noqa: S104 - what is refused
def test_the_console_stays_on_this_machine(folder: Path, host: str) -> None:
    with pytest.raises(CallerError) as caught:
        serve(folder, host=host)
    assert caught.value.code == "console-not-loopback"


@pytest.mark.network
def test_a_taken_port_ends_in_one_clear_message(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OperatorError) as caught:
            serve(folder, port=other.getsockname()[1])
    assert caught.value.code == "console-port"


def test_the_verb_shows_help_and_refuses_a_folder_without_a_report(tmp_path: Path) -> None:
    shown = CliRunner().invoke(command, ["--help"])
    assert shown.exit_code == 0
    assert "Example: poju console" in shown.output
    failed = CliRunner().invoke(command, [str(tmp_path)])
    assert isinstance(failed.exception, CallerError)
    assert failed.exception.exit_status == 2
