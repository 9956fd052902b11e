"""Reading report.json strictly, writing report.html whole."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_python
from jinja2.ext import babel_extract

from poju.console import explain, page, report, shape
from poju.console.speaker import View
from poju.errors import CallerError, OperatorError
from poju.i18n import LANGUAGES, catalogue

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "console" / "report-sample.json"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}{%x%}\u202e\x00{place}'


def sample() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return found


class Elements(HTMLParser):
    """The names of all elements and attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _value in attrs}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "xlink:href"}}


def poison(value: object, key: str = "") -> object:
    """Put the hostile text at the end of every text and beside every name, keeping what the shape requires."""
    if isinstance(value, dict):
        return {name: poison(item, name) for name, item in value.items()} | {"<b>extra</b>": HOSTILE}
    if isinstance(value, list):
        return [poison(item, key) for item in value]
    return HOSTILE + value if isinstance(value, str) and key not in {"schema", "language"} else value


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_is_one_small_page_that_loads_nothing(tmp_path: Path, language: str) -> None:
    target = tmp_path / "report.html"
    size = report.write(sample(), target, language)
    text = target.read_text(encoding="utf-8")
    assert size == target.stat().st_size < 2_000_000
    assert f'<html lang="{language}">' in text
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert not re.search(r'(?:src|href)="(?!#|data:|report\.json)', text)
    assert not list(tmp_path.glob("*.part"))
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', text)), "every link inside the page leads somewhere"
    identifiers = re.findall(r' id="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_text_stays_text(language: str) -> None:
    hostile = shape.check(poison(sample()))
    texts = [report.render(hostile, language).decode()]
    for room in page.ROOMS:
        view = View(language=language, single=False, room=room, region=HOSTILE, instrument=HOSTILE)
        texts.append(page.room_page(hostile, view))
    for text in texts:
        reader = Elements()
        reader.feed(text)
        assert not reader.found & {"script", "img", "iframe", "object", "form"}
        assert not [name for name in reader.attributes if name.startswith("on") or name in {"style", "srcdoc"}]
        assert not [
            link for link in reader.links if not link.startswith(("/", "#", "data:image/svg+xml;", "report.json"))
        ]
        assert "&lt;script&gt;" in text
        assert "49{%x%}" not in text


def test_an_empty_report_shows_pages_that_say_so() -> None:
    empty = shape.check({"schema": shape.SCHEMA})
    text = report.render(empty, "en").decode()
    assert text.count("The report does not hold this part.") >= 6
    for room in page.ROOMS:
        assert "<h1" in page.room_page(empty, View(language="zh-Hant", single=False, room=room))
        assert page.twin(empty, room)["schema"] == shape.SCHEMA


@pytest.mark.parametrize("part", [name for name in shape.REPORT if name != "schema"])
def test_any_part_may_be_missing(part: str) -> None:
    partial = sample()
    del partial[part]
    assert report.render(shape.check(partial), "zh-Hans")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("landscape",), []),
        (("landscape", "events"), {}),
        (("landscape", "problems_solved"), "0"),
        (("landscape", "problems_solved"), True),
        (("landscape", "events", 0, "regions"), "x"),
        (("fit", "year"), 2023.5),
        (("seed",), 2**64),
        (("run", "read", "checked"), 1),
        (("award", "claims", 0, "amount_fen"), "5000000"),
        (("award", "programme", "names"), ["x"]),
        (("scenario", "digest"), "x" * 200_001),
    ],
)
def test_a_field_of_another_type_ends_in_one_error_that_names_it(place: tuple[str | int, ...], value: object) -> None:
    broken = sample()
    inner: Any = broken
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(CallerError) as caught:
        shape.check(broken)
    assert caught.value.code == "report-shape"
    assert str(place[-1]) in str(caught.value.parameters["place"])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "report-not-json"),
        (b"\xff\xfe", "report-not-json"),
        (b"[" * 100_000, "report-not-json"),
        (b'{"schema":"poju-report/1","schema":"poju-report/1"}', "report-not-json"),
        (b'{"schema":"poju-report/1","seed":NaN}', "report-not-json"),
        (b'{"schema":"poju-report/1","seed":' + b"9" * 5000 + b"}", "report-not-json"),
        (b'{"schema":"poju-report/1","x":' + b"[" * 100 + b"]" * 100 + b"}", "report-shape"),
        (b'{"schema":"poju-report/2"}', "report-schema"),
        (b"[]", "report-schema"),
        (b"null", "report-schema"),
    ],
)
def test_bytes_that_are_no_report_end_in_one_error(data: bytes, code: str) -> None:
    with pytest.raises(CallerError) as caught:
        report.decode(data)
    assert caught.value.code == code
    assert "\n" in caught.value.explain("zh-Hant"), "message and hint"


def test_a_missing_and_a_too_large_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        report.load(tmp_path)
    assert caught.value.code == "report-missing"
    with (tmp_path / report.FILE).open("wb") as handle:
        handle.truncate(report.LARGEST_FILE + 1)
    with pytest.raises(CallerError) as caught:
        report.load(tmp_path)
    assert caught.value.code == "report-too-large"


def test_writing_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as failed:
        report.write(sample(), tmp_path / "absent" / "report.html", "en")
    assert failed.value.code == "report-not-written"
    with pytest.raises(CallerError) as caught:
        report.write(sample(), tmp_path / "report.html", "fr")
    assert caught.value.code == "language-unknown"
    assert not list(tmp_path.iterdir())


def test_a_large_report_is_cut_and_says_so() -> None:
    large = sample()
    event = large["landscape"]["events"][0]
    text = "字" * 600
    large["landscape"]["events"] = [
        copy.deepcopy(event) | {"id": f"n{number}", "sentences": [event["sentences"][0] | {"text": text}] * 6}
        for number in range(3000)
    ]
    codes = [f"{600000 + number}" for number in range(300)]
    large["landscape"]["regions"] = [{"code": code, "name": code, "level": "x", "parts": []} for code in codes]
    large["landscape"]["cells"] = [
        {"region": code, "instrument": event["instrument"], "events": [f"n{10 * index + i}" for i in range(10)]}
        for index, code in enumerate(codes)
    ]
    data = report.render(shape.check(large), "en")
    assert len(data) < report.LARGEST_PAGE
    assert "of 300 lines; all stand in the data." in data.decode()


def messages() -> set[str]:
    source = ROOT / "src" / "poju"
    found: list[Any] = []
    for path in sorted((source / "console" / "templates").rglob("*.html")):
        with path.open("rb") as handle:
            found += [message for _line, _name, message, _notes in babel_extract(handle, ["t"], [], {})]
    for path in [*sorted((source / "console").glob("*.py")), source / "cli" / "console.py"]:
        with path.open("rb") as handle:
            found += [message for _line, _name, message, _notes in extract_python(handle, ["_"], [], {})]
    found += [text for group in explain.table().values() for text in group.values()]
    return {str(item[0] if isinstance(item, tuple) else item) for item in found if item}


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_every_word_of_the_console_is_translated_with_the_same_fields(language: str) -> None:
    translated = catalogue(language)
    wanted = messages()
    assert len(wanted) > 200
    assert sorted(wanted - set(translated)) == []
    fields = re.compile(r"{(\w+)}")
    for message in wanted:
        assert set(fields.findall(message)) == set(fields.findall(translated[message])), message
