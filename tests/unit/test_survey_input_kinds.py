"""What a file is and how its bytes become characters; wrong ones end in one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_survey_input import cid_pdf, docx_of, paragraph

from poju.errors import CallerError
from poju.survey.document import Document
from poju.survey.input.encodings import decode, known, looks_chinese
from poju.survey.input.load import document_of
from poju.survey.input.sources import Source

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "data" / "policy" / "corpus"
HANT = "2018年5月，貴州省政府發布醫療應用場景開放清單，最高獎勵五百萬元。"
HANS = "2018年5月，贵州省政府发布医疗应用场景开放清单，最高奖励五百万元。"


def read(content: bytes, encoding: str | None = None) -> Document:
    return document_of(Source("x", Path("x")), content, encoding=encoding)


def code_of(content: bytes, encoding: str | None = None) -> str:
    with pytest.raises(CallerError) as caught:
        read(content, encoding)
    for language in ("zh-Hant", "zh-Hans", "en"):
        assert len(caught.value.explain(language).splitlines()) == 2
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (HANS, "gb18030", "gb18030"),
        (HANS, "gb2312", "gb18030"),
        (HANT, "gbk", "gb18030"),
        (HANT, "big5", "cp950"),
        (HANT, "cp950", "cp950"),
        (HANT + "香港邨的咗", "big5hkscs", "big5hkscs"),
        (HANT, "utf-8", "utf-8"),
        (HANT, "utf-16", "utf-16"),
        ("The Government’s “plan” – in force.", "cp1252", "cp1252"),
    ],
)
def test_an_encoding_is_recognised_and_the_text_is_whole(text: str, encoding: str, expected: str) -> None:
    found = read(text.encode(encoding))
    assert (found.text, found.encoding) == (text, expected)
    assert found.exact == (expected == "utf-8")


def test_a_byte_order_mark_stays_where_python_keeps_it() -> None:
    assert read(b"\xef\xbb\xbf" + HANT.encode()).text == "\ufeff" + HANT
    assert read(HANT.encode("utf-16")).text == HANT


def test_surv_1_a_utf_8_text_keeps_its_line_ends_and_offsets() -> None:
    assert read("一\r\n二\r三\n".encode()).text == "一\r\n二\r三\n"


@pytest.mark.parametrize("name", ["shift_jis", "euc_jp", "euc_kr", "cp1251", "koi8-r"])
def test_what_is_not_chinese_is_refused_and_not_read_as_other_characters(name: str) -> None:
    texts = {
        "shift_jis": "政府は二〇一八年五月、ブロックチェーン技術の活用に関する基本方針を決定した。",
        "euc_jp": "政府は二〇一八年五月、ブロックチェーン技術の活用に関する基本方針を決定した。",
        "euc_kr": "정부는 이천십팔년 오월 기술 활용에 관한 기본 방침을 결정했다. 지방자치단체의 실증 실험을 지원한다.",
        "cp1251": "Правительство приняло план развития технологий.",
        "koi8-r": "Правительство приняло план развития технологий.",
    }
    assert code_of(texts[name].encode(name)) == "survey-not-utf8"


def test_what_could_be_two_encodings_is_asked_about_and_can_be_said() -> None:
    content = next(
        c.encode("gb18030") + d.encode("gb18030")
        for c in "中国经济发展科技创新"
        for d in "中国经济发展科技创新"
        if _ambiguous((c + d).encode("gb18030"))
    )
    assert code_of(content) == "survey-ambiguous"
    assert read(content, "gb18030").text == content.decode("gb18030")
    assert read(content, "big5").encoding in {"cp950", "big5hkscs"}


def _ambiguous(content: bytes) -> bool:
    try:
        decode("x", content)
    except CallerError as error:
        return error.code == "survey-ambiguous"
    return False


def test_the_encoding_that_was_said_is_taken_or_refused() -> None:
    assert read(HANT.encode("utf-16-le"), "utf-16-le").text == HANT
    assert code_of(HANT.encode("utf-16-le")) == "survey-binary"
    assert code_of(HANT.encode("gb18030"), "utf-8") == "survey-wrong-encoding"
    for name in ("nonsense", "rot13", "zip", "unicode_escape", "idna", "hex", ""):
        with pytest.raises(CallerError) as caught:
            known(name)
        assert caught.value.code == "survey-no-encoding"


def test_a_page_says_its_own_encoding_but_is_not_believed_blindly() -> None:
    page = '<html><head><meta charset="{}"></head><body><p>' + HANS + "</p></body></html>"
    right = read(page.format("gb2312").encode("gb18030"))
    assert (right.text, right.encoding, right.reason) == (HANS + "\n", "gb18030", "declared as gb2312")
    wrong = read(page.format("big5").encode("gb18030"))
    assert (wrong.text, wrong.encoding) == (HANS + "\n", "gb18030")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "survey-empty"),
        (b"\xef\xbb\xbf \n", "survey-empty"),
        (b"\xff\xfe", "survey-empty"),
        (b"\xff\xfea", "survey-not-utf8"),
        (b"a\x00b", "survey-binary"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "survey-kind"),
        (b"PK\x03\x04\x00\x00", "survey-kind"),
        (b"{\\rtf1 text}", "survey-kind"),
        (b"\x89PNG\r\n\x1a\n", "survey-kind"),
        (b"%PDF-1.7\nnothing", "survey-pdf-damaged"),
        (b"a" * 5_000_001, "survey-too-large"),
        (b"<html><body><script>x</script></body></html>", "survey-empty"),
    ],
)
def test_bad_bytes_end_in_one_clear_error(content: bytes, code: str) -> None:
    assert code_of(content) == code


def test_kinds_are_told_by_content_and_records_say_what_was_read() -> None:
    word, portable = read(docx_of(paragraph(HANT))), read(cid_pdf([HANT * 3]))
    assert (word.text, word.media_type.rsplit(".", 1)[-1], word.encoding) == (HANT + "\n", "document", None)
    assert (portable.text, portable.media_type) == (HANT * 3 + "\n", "application/pdf")
    assert portable.extractor is not None
    assert portable.extractor.startswith("pypdfium2 ")
    assert len(portable.sha256) == len(portable.text_sha256) == 64
    assert portable.sha256 != portable.text_sha256


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.exists(), reason="../shared is not here")
@pytest.mark.parametrize("length", [20, 60, 400])
def test_pieces_of_real_texts_are_recognised_in_gb18030(length: int) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("gwr*.txt"))]
    pieces = [text[at : at + length] for text in texts for at in range(1000, 9000, 1600)]
    right = sum(decoded(piece.encode("gb18030")) == piece for piece in pieces)
    assert right >= 0.99 * len(pieces)


def decoded(content: bytes) -> str | None:
    try:
        return decode("x", content).text
    except CallerError:
        return None


def test_random_bytes_never_break_the_decoder() -> None:
    state = 1
    for size in (1, 2, 3, 7, 50, 400) * 30:
        piece = bytearray()
        for _byte in range(size):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            piece.append(state >> 16 & 0xFF)
        text = decoded(bytes(piece))
        assert text is None or isinstance(text, str)
    assert not looks_chinese("plain English")
