"""The folder that `write` makes: every figure opens exactly its sentences, nothing foreign runs, nothing is lost."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from poju import survey
from poju.errors import CallerError
from poju.survey import page, sheet
from poju.survey.model import Document, Json
from poju.survey.speech import money, shown, web_address
from poju.survey.tables import cell, table, tables

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "examples" / "policies"
SHARED = ROOT.parent / "shared" / "data" / "policy"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>=cmd|' /C calc'!A0{{7*7}}\u202e\u2066"
VOID = {"meta", "input", "br", "img", "link", "col"}


def of_texts(*texts: str) -> Json:
    return survey.landscape([survey.extract(Document(f"{i}.txt", text, f"{i}")) for i, text in enumerate(texts)])


@pytest.fixture(scope="module")
def digest() -> Json:
    return survey.landscape([survey.extract(document) for document in survey.read([POLICIES / "zh-Hant"])])


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _tag, attributes in self.tags if "id" in attributes]

    def links(self) -> list[str]:
        return [str(attributes["href"]) for tag, attributes in self.tags if tag == "a" and "href" in attributes]


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def test_the_folder_holds_all_files_and_the_same_bytes_again(tmp_path: Path, digest: Json) -> None:
    first, second = page.write(digest, tmp_path / "a"), page.write(digest, tmp_path / "b")
    names = [path.name for path in first]
    assert names[0] == "landscape.json"
    assert {"events.csv", "matrix.csv", "outcomes.csv", "sentences.csv", "landscape.html"} <= set(names)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert json.loads((tmp_path / "a" / "landscape.json").read_text(encoding="utf-8")) == digest
    assert not list((tmp_path / "a").glob("*.part"))


def test_the_page_is_well_formed_and_every_link_within_it_leads_somewhere(tmp_path: Path, digest: Json) -> None:
    page.write(digest, tmp_path)
    found = read(tmp_path / "landscape.html")
    assert not found.open
    ids = found.ids()
    assert len(ids) == len(set(ids))
    assert {link for link in found.links() if link.startswith("#")} <= {f"#{name}" for name in ids} | {"#close"}


def test_surv_1_every_figure_opens_exactly_the_events_that_it_counts(digest: Json) -> None:
    drawn = sheet.Sheet(digest, 1000)
    html = page.page(digest).decode("utf-8")
    for key in drawn.evidence.keys:
        shown_events = re.findall(rf'<li id="e-([^"]+)" class="(?:[^"]* )?{key.anchor}(?: [^"]*)?"', html)
        assert sorted(shown_events) == sorted(key.events), key
        assert f"#{key.anchor}:target~ol>.{key.anchor}" in html
    for cells in digest["cells"]:
        key = drawn.evidence.key("cell", cells["region"], cells["instrument"])
        assert key is not None
        assert f'<a href="#{key.anchor}">{len(cells["events"])}</a>' in html


def test_surv_1_the_page_shows_the_cited_words_of_every_event(digest: Json) -> None:
    html = page.page(digest).decode("utf-8")
    for event in digest["events"]:
        item = html[html.index(f'<li id="e-{event["id"]}"') :]
        item = item[: item.index("</li>")]
        for sentence in event["sentences"]:
            assert f"<mark>{sentence['text']}</mark>" in item


def test_pull_columns_are_there_although_they_are_empty(digest: Json) -> None:
    drawn = sheet.Sheet(digest, 1000)
    assert [item["thrust"] for item in drawn.columns[drawn.pushing :]] == ["pull"] * 9
    assert all(item["thrust"] == "push" for item in drawn.columns[: drawn.pushing])


def test_a_page_holds_its_three_languages(digest: Json) -> None:
    html = page.page(digest, "zh-Hans").decode("utf-8")
    for words in ("誰用了哪種政策工具", "谁用了哪种政策工具", "Who uses which instrument"):
        assert words in html
    assert '<html lang="zh-Hans">' in html
    assert re.search(r'id="in-zh-Hans"[^>]* checked', html)


def test_the_policy_allows_the_page_s_own_style_and_nothing_else(tmp_path: Path, digest: Json) -> None:
    page.write(digest, tmp_path, against=digest)
    for name in ("landscape.html", "comparison.html"):
        html = (tmp_path / name).read_text(encoding="utf-8")
        style = html[html.index("<style>") + len("<style>") : html.index("</style>")]
        digested = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"default-src 'none'; style-src 'sha256-{digested}'" in html.replace("&#39;", "'")
        found = Reader(html)
        assert not {"script", "img", "link", "iframe", "form", "object", "base"} & {
            tag for tag, _attributes in found.tags
        }
        names = {attribute for _tag, attributes in found.tags for attribute in attributes}
        assert not {attribute for attribute in names if attribute.startswith("on") or attribute in ("style", "src")}
        assert "http" not in style
        assert all(re.match(r"#|landscape\.html#", link) for link in found.links())


def hostile() -> Json:
    found = of_texts("2018年5月,貴州省政府發布白皮書。\n\n結果已有30餘家企業落戶青島。\n\n應該開放更多場景。")

    def spoil(node: object) -> object:
        if isinstance(node, dict):
            return {
                key: HOSTILE
                if key in {"text", "before", "after", "title", "name", "path", "status"} and isinstance(value, str)
                else spoil(value)
                for key, value in node.items()
            }
        return [spoil(item) for item in node] if isinstance(node, list) else node

    spoiled = spoil(found)
    assert isinstance(spoiled, dict)
    for document in spoiled["documents"]:
        document["url"] = "javascript:alert(1)"
    return spoiled


def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    found = hostile()
    page.write(found, tmp_path, against=found)
    for name in ("landscape.html", "comparison.html"):
        html = (tmp_path / name).read_text(encoding="utf-8")
        assert "<script" not in html
        assert "<img" not in html
        assert "javascript:" not in html
        assert "{{7*7}}" in html or name == "comparison.html"
        assert "\u202e" not in html
        assert not Reader(html).open
    assert "[U+202E]" in (tmp_path / "landscape.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＠", " =", "\n="])
def test_no_cell_of_a_table_is_a_formula(start: str) -> None:
    (row,) = rows(table([{"a": f"{start}HYPERLINK(1)", "b": [f"{start}x", "y"], "c": -5}]))
    assert row["a"] == f"'{start}HYPERLINK(1)"
    assert row["b"].startswith("'")
    assert row["c"] == "-5", "a number is no text"
    assert cell("a=b") == "a=b"


def test_tables_open_in_a_spreadsheet_and_hold_everything(digest: Json) -> None:
    made = dict(tables(digest))
    assert all(data.startswith(b"\xef\xbb\xbf") for data in made.values())
    assert len(rows(made["events.csv"])) == len(digest["events"])
    sentences = rows(made["sentences.csv"])
    assert len(sentences) == sum(
        len(item["sentences"]) for g in ("events", "outcomes", "findings") for item in digest[g]
    )
    matrix = rows(made["matrix.csv"])
    assert sum(int(row[item["id"]]) for row in matrix for item in digest["instruments"]) == sum(
        len(c["events"]) for c in digest["cells"]
    )
    award = next(row for row in rows(made["events.csv"]) if row["instrument"] == "award_grant")
    assert "5000000 CNY" in award["amounts"]
    assert rows(made["similarity.csv"])[0]["expected_ppm"]


def test_a_line_of_a_megabyte_is_cut_not_refused(tmp_path: Path) -> None:
    found = of_texts("2018年5月,貴州省政府發布白皮書" + "區塊鏈" * 350_000 + "。")
    page.write(found, tmp_path)
    assert (tmp_path / "landscape.html").stat().st_size < 200_000


def test_a_large_landscape_shows_some_sentences_of_every_square_and_says_so() -> None:
    text = "\n\n".join(
        f"{2000 + i // 12}年{i % 12 + 1}月,{place}政府發布白皮書。"
        for i in range(120)
        for place in ("貴州省", "浙江省")
    )
    found = of_texts(text)
    events = len(found["events"])
    assert events > 200
    held = sheet.held_events(found, 40)
    assert 0 < len(held) <= 40
    assert {region for event in found["events"] if event["id"] in held for region in [event["regions"][0]["code"]]} == {
        "520000",
        "330000",
    }
    html = page._page(found, "en", 40).decode("utf-8")
    assert f"{len(held)} of {events} events" in html
    assert html.count('<li id="e-') == len(held)


def test_the_largest_page_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_texts(*[f"2018年{i % 12 + 1}月,貴州省政府發布白皮書。" for i in range(400)])
    whole = len(page.page(found))
    monkeypatch.setattr(page, "LARGEST_PAGE", whole - 1)
    monkeypatch.setattr(page, "MOST_EVENTS", (4000, 100))
    assert len(page.page(found)) < whole


def test_an_empty_landscape_is_a_page_too(tmp_path: Path) -> None:
    page.write(of_texts("今天天氣很好。"), tmp_path)
    assert "No policy event was found" in (tmp_path / "landscape.html").read_text(encoding="utf-8")
    assert not read(tmp_path / "landscape.html").open


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, digest: Json) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CallerError) as refused:
        page.write(digest, tmp_path / "file")
    assert refused.value.code == "survey-cannot-write"


def test_what_is_compared_is_checked_before_anything_is_written(tmp_path: Path, digest: Json) -> None:
    with pytest.raises(CallerError) as refused:
        page.write(digest, tmp_path / "out", against={"documents": []})
    assert refused.value.code == "survey-not-a-landscape"
    assert not (tmp_path / "out").exists()


def test_an_absolute_path_is_not_told_to_the_readers_of_the_page() -> None:
    found = survey.landscape(
        [survey.extract(Document("/home/someone/policies/a.txt", "2018年5月,貴州省政府發布白皮書。", "0"))]
    )
    html = page.page(found).decode("utf-8")
    assert "a.txt" in html
    assert "/home" not in html


@pytest.mark.parametrize(
    ("url", "link"),
    [("https://www.gov.cn/a", True), ("http://x.cn", True), ("javascript:alert(1)", False), ("file:///etc", False),
     ("javascript://x.cn/%0aalert(1)", False),
        ("//x.cn", False), ("https://", False), (None, False), (5, False), ("http://[", False)],
)  # fmt: skip
def test_only_addresses_of_the_web_become_links(url: object, link: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert (web_address(url) is not None) == link


def test_money_and_hidden_characters_as_people_read_them() -> None:
    assert [money(5_000_000, tag) for tag in ("zh-Hant", "zh-Hans", "en")] == ["500萬", "500万", "5,000,000"]
    assert money(10**10, "zh-Hant") == "100億"
    assert money(12_345, "zh-Hant") == "12,345"
    assert shown("a\x00\u200f中　文\n") == "a[U+0000][U+200F]中　文\n"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_the_page_of_the_real_texts_stays_below_its_limit() -> None:
    found = survey.landscape(survey.extract(document) for document in survey.read([SHARED / "corpus"]))
    data = page.page(found)
    assert len(data) < page.LARGEST_PAGE
    assert data.count(b'<li id="e-') == len(found["events"]) > 1500
