"""HTML, DOCX and PDF: the text, whole sentences, no furniture; hostile files are bounded."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from support_survey_input import NAMESPACE, cid_pdf, docx_of, paragraph, pdf_of, stream

from poju.errors import CallerError
from poju.survey.input import limits, markup, portable, word
from poju.survey.input.ideographs import foldable, folded, strange
from poju.survey.input.layout import Line, paragraphs
from poju.survey.input.portable import disagreement_ppm

SENTENCE = "二〇一八年五月貴州省政府發布醫療應用場景開放清單並對首批入選企業最高獎勵五百萬元以支持區塊鏈技術落地應用。"
PAGE = """<!DOCTYPE html><html><head><title>通知</title><script>var x = "獎勵100萬元";</script></head>
<body class="home nav-fixed">
<div class="header"><ul class="nav"><li><a href="/">首頁</a></li><li><a href="/p">政策</a></li></ul></div>
<div class="BreadcrumbNav">當前位置：首頁 &gt; 政策文件</div>
<article><h1>關於支持區塊鏈發展的若干措施</h1>
<p>第一條　對入駐企業<b>給予</b>租金補貼，
最高<span>100</span>萬元。</p>
<table><tr><th>項目</th><th>金額</th></tr><tr><td>研發</td><td>50萬元</td></tr></table>
<p hidden>隱藏</p><p style="display: none">隱藏</p></article>
<div class="share">分享到：微信</div><ul><li><a href="/1">相關通知一</a></li><li><a href="/2">相關通知二</a></li></ul>
<footer>版權所有 某市政府</footer><div class="cookie-bar">We use cookies</div></body></html>"""


def test_html_gives_its_text_without_the_page_around_it() -> None:
    text, extractor = markup.text_of("x", PAGE)
    assert text.splitlines() == [
        "關於支持區塊鏈發展的若干措施",
        "第一條　對入駐企業給予租金補貼，最高100萬元。",
        "項目\t金額",
        "研發\t50萬元",
    ]
    assert "lxml" in extractor


def test_html_keeps_a_page_whose_whole_text_is_in_something_named_like_furniture() -> None:
    page = f'<html><body><div id="print-content" class="related"><p>{SENTENCE}</p></div></body></html>'
    assert markup.text_of("x", page)[0].strip() == SENTENCE
    form = f"<html><body><form id=aspnetForm><p>{SENTENCE}</p></form></body></html>"
    assert markup.text_of("x", form)[0].strip() == SENTENCE


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 50_000 + SENTENCE,
        "<p>" * 50_000 + SENTENCE,
        '<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><html><body><p>'
        + SENTENCE
        + "&b;</p></body></html>",
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>{SENTENCE}&x;</p></body></html>',
        "<html><body><p>" + SENTENCE + "&#0;&#xD800;&#x110000;</p></body></html>",
        '<?xml version="1.0" encoding="gb2312"?><html><body><p>' + SENTENCE + "</p></body></html>",
    ],
)
def test_hostile_html_is_read_or_refused_without_harm(page: str) -> None:
    text = markup.text_of("x", page)[0]
    assert "root:" not in text
    assert len(text) < 3 * len(SENTENCE)


def test_docx_gives_paragraphs_and_tables_in_order_with_inserted_and_without_deleted_text() -> None:
    cell = "<w:tc>{}</w:tc>"
    body = (
        paragraph("關於印發措施的通知")
        + "<w:p><w:ins><w:r><w:t>插入</w:t></w:r></w:ins><w:del><w:r><w:delText>刪去</w:delText></w:r></w:del>"
        + "<w:hyperlink><w:r><w:t>連結</w:t></w:r></w:hyperlink><w:r><w:br/><w:t>下一行</w:t></w:r></w:p>"
        + f"<w:tbl><w:tr>{cell.format(paragraph('研發'))}"
        + f"{cell.format(paragraph('最高') + paragraph('50萬元'))}</w:tr></w:tbl>"
        + "<w:sdt><w:sdtContent>"
        + paragraph("末段")
        + "</w:sdtContent></w:sdt>"
    )
    text, _extractor = word.text_of("x", docx_of(body))
    assert text.splitlines() == ["關於印發措施的通知", "插入連結", "下一行", "研發\t最高 50萬元", "末段"]


def test_docx_equals_what_a_word_library_writes(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    made = docx.Document()
    made.add_heading("關於支持區塊鏈的措施", 1)
    made.add_paragraph(SENTENCE)
    table = made.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "研發", "50萬元"
    made.save(str(tmp_path / "x.docx"))
    text, _extractor = word.text_of("x", (tmp_path / "x.docx").read_bytes())
    assert text.splitlines() == ["關於支持區塊鏈的措施", SENTENCE, "研發\t50萬元"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = docx_of(paragraph("一" * 3_000_000))
    assert len(bomb) < 100_000
    monkeypatch.setattr(word, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(CallerError) as caught:
        word.text_of("x", bomb)
    assert caught.value.code == "survey-too-large"


def test_an_archive_that_lies_about_its_size_is_stopped_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = bytearray(docx_of(paragraph("一" * 3_000_000)))
    size = (9_000_000 + 200).to_bytes(4, "little")
    assert size[2:] in bytes(bomb)
    monkeypatch.setattr(word, "MAX_UNPACKED_BYTES", 1_000_000)
    real = zipfile.ZipFile.getinfo

    def lie(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
        part = real(archive, name)
        part.file_size = 10
        return part

    monkeypatch.setattr(zipfile.ZipFile, "getinfo", lie)
    with pytest.raises(CallerError) as caught:
        word.text_of("x", bytes(bomb))
    assert caught.value.code in {"survey-too-large", "survey-docx-damaged"}


@pytest.mark.parametrize("body", ["<w:p>", "&x;", "\x00"])
def test_a_damaged_docx_is_one_clear_error(body: str) -> None:
    with pytest.raises(CallerError) as caught:
        word.text_of("x", docx_of(body))
    assert caught.value.code == "survey-docx-damaged"


def test_a_docx_cannot_name_files_or_multiply_entities() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(
            "word/document.xml",
            '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
            f'<w:document xmlns:w="{NAMESPACE}"><w:body>{paragraph("甲&x;&b;乙")}</w:body></w:document>',
        )
    text, _extractor = word.text_of("x", held.getvalue())
    assert "root:" not in text
    assert "aaaa" not in text


@pytest.mark.parametrize(
    ("cmap", "codec", "ordering"),
    [
        (b"UniCNS-UCS2-H", "utf-16-be", b"CNS1"),
        (b"ETen-B5-H", "big5", b"CNS1"),
        (b"ETenms-B5-H", "cp950", b"CNS1"),
        (b"HKscs-B5-H", "big5hkscs", b"CNS1"),
        (b"UniGB-UCS2-H", "utf-16-be", b"GB1"),
        (b"GBK-EUC-H", "gbk", b"GB1"),
        (b"GBKp-EUC-H", "gbk", b"GB1"),
        (b"GBK2K-H", "gb18030", b"GB1"),
    ],
)
def test_traditional_chinese_stays_itself_under_every_predefined_cmap(cmap: bytes, codec: str, ordering: bytes) -> None:
    text = SENTENCE.replace("〇", "零")
    found, extractor, reason = portable.text_of("x", cid_pdf([text], cmap=cmap, codec=codec, ordering=ordering))
    assert found == text + "\n"
    assert extractor.startswith("pypdfium2")
    assert reason is None


def test_lines_of_a_pdf_are_joined_into_paragraphs_over_pages_without_heads_and_numbers() -> None:
    told = [f"第{number}條　{chr(0x4E00 + 97 * number)}{SENTENCE[number % 20 :]}" for number in range(1, 61)]
    found, _extractor, _reason = portable.text_of("x", cid_pdf(told, head="某省人民政府公報 第"))
    assert found.splitlines() == told


def test_english_lines_get_a_space_and_lose_their_soft_hyphen() -> None:
    lines = [
        Line("The Government shall sup", 50, 300, 700, 712),
        Line("port open scenar\u00ad", 50, 300, 686, 698),
        Line("ios.", 50, 80, 672, 684),
        Line("A new paragraph begins here.", 50, 250, 658, 670),
    ]
    assert paragraphs([lines]) == "The Government shall sup port open scenarios.\nA new paragraph begins here.\n"


def test_a_short_line_an_indent_a_gap_and_another_size_begin_a_paragraph() -> None:
    full = Line("這一行寫滿了整個版心的寬度沒有剩下任何空間", 50, 500, 700, 712)
    follow = Line("接著寫完。", 50, 110, 686, 698)
    indented = Line("新的一段開頭空兩格並且寫滿了整個版心的寬度", 74, 500, 686, 698)
    apart = Line("隔了一行。", 50, 110, 650, 662)
    larger = Line("標題", 50, 110, 682, 700)
    assert paragraphs([[full, follow]]).count("\n") == 1
    for other in (indented, larger):
        assert paragraphs([[full, other]]).count("\n") == 2
    assert (
        paragraphs([[full, Line("寫滿了整個版心的寬度沒有剩下任何空間的一行", 50, 500, 686, 698), apart]]).count("\n")
        == 2
    )


def test_radicals_are_folded_and_strange_characters_are_counted() -> None:
    assert folded("⼀⽉⾦⺠\uf900\ufb01") == "一月金民豈fi"
    assert folded("區塊鏈「場景」") == "區塊鏈「場景」"
    assert foldable("⼀月⾦") == 2
    assert strange("\ue000\ufffd한") == 3
    assert strange("區塊鏈 ABC 。") == 0


def test_a_text_layer_that_looks_wrong_is_compared_and_the_better_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(text: str) -> list[list[Line]]:
        return [[Line(text, 50, 500, 700, 712)]]

    monkeypatch.setattr(portable, "_by_pdfium", lambda _path, _content: lines("\ue001" * 9 + SENTENCE))
    monkeypatch.setattr(portable, "_by_pdfminer", lambda _content: lines(SENTENCE))
    text, extractor, reason = portable.text_of("x", b"")
    assert text.strip() == SENTENCE
    assert extractor.startswith("pdfminer.six")
    assert reason is not None
    assert "they differ in" in reason
    monkeypatch.setattr(portable, "_by_pdfminer", lambda _content: lines("\ue001" * 30))
    assert portable.text_of("x", b"")[1].startswith("pypdfium2")
    monkeypatch.setattr(portable, "_by_pdfium", lambda _path, _content: lines("\ue001" * 30))
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", b"")
    assert caught.value.code == "survey-pdf-garbled"


def test_a_pdf_whose_font_map_names_private_characters_is_refused() -> None:
    ranges = [b"<%02X00> <%02XFF> <%02X00>" % (row, row, 0xE0 + row % 0x18) for row in range(0x4E, 0xA0)]
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        b"%d beginbfrange\n%s\nendbfrange\nendcmap end end" % (len(ranges), b"\n".join(ranges))
    )
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", cid_pdf([SENTENCE], cmap=b"Identity-H", ordering=b"Identity", to_unicode=cmap))
    assert caught.value.code == "survey-pdf-garbled"


def test_disagreement_counts_characters_and_not_spaces() -> None:
    assert disagreement_ppm("一 二", "一二") == 0
    assert disagreement_ppm("一二", "一三") == 500_000
    assert disagreement_ppm("", "") == 0


def test_a_pdf_without_text_says_so() -> None:
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", cid_pdf([]))
    assert caught.value.code == "survey-pdf-no-text"


def test_an_encrypted_pdf_says_so() -> None:
    trailer = b"/ID[<00><00>]/Encrypt 3 0 R"
    secret = b"<</Filter/Standard/V 1/R 2/O<" + b"11" * 32 + b">/U<" + b"22" * 32 + b">/P -4>>"
    content = pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", secret], trailer)
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", content)
    assert caught.value.code == "survey-pdf-encrypted"


def test_more_pages_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "MAX_PAGES", 1)
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", cid_pdf([SENTENCE] * 60))
    assert caught.value.code == "survey-too-large"


@pytest.mark.parametrize(
    "objects",
    [
        [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"],
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 999999999>>",
            b"<</Type/Page/Parent 2 0 R>>",
        ],
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
            stream(b"/X Do"),
            stream(b"/X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"),
        ],
    ],
    ids=["pages-loop", "page-count-lies", "form-loop"],
)
def test_a_pdf_that_loops_or_lies_is_refused(objects: list[bytes]) -> None:
    with pytest.raises(CallerError) as caught:
        portable.text_of("x", pdf_of(objects))
    assert caught.value.code in {"survey-pdf-no-text", "survey-pdf-damaged", "survey-too-large"}


def test_the_limits_are_stated() -> None:
    assert limits.MAX_BYTES == 5_000_000
    assert limits.SECONDS == 60
