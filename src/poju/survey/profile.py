"""What a document says about itself: genre, title, region, date, issuer, effect. Each with its span (SURV-1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from poju.survey.dateline import dateline_of
from poju.survey.dates import Mention, find_dates
from poju.survey.gazetteer import divisions, full_name
from poju.survey.genre import is_official, issued_to
from poju.survey.model import NO_DATE, Json, Named, Region, Span, When
from poju.survey.places import find_places
from poju.survey.resolution import Anchor, resolve
from poju.survey.seat import issuer_of_meeting, issuer_of_title, place_of
from poju.survey.text import Page, stripped

_HEAD_LINES = 20
_LONGEST_TITLE = 90
_FRONT = re.compile(r"\ufeff?---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_FRONT_DATES = frozenset({"date", "published", "filed"})
_FRONT_FIELD = re.compile(r"^(?P<key>[a-z_]+): *(?P<value>[^\r\n]+)", re.MULTILINE)
_LAW = r"(?:条例|办法|规定|决定|法|细则|规则)"
_PLAN = (
    r"(?:若干措施|若干政策|政策措施|措施|实施意见|指导意见|若干意见|意见|行动计划|行动方案|实施方案|工作方案|方案"
    r"|规划|纲要|工作报告|施政报告|政策汇编|计划|通知|政策|批复)"
)
_NOTICE = r"(?:公告|通告|清单|目录|公示|榜单)"
_VERB_FIRST = (
    r"(?:推动|实施|制定|编制|出台|开展|落实|加快|深入|推进|支持|鼓励|研究|强化|加强|完善|健全|贯彻|按照|根据|依据|严格|全面"
    r"|持续|积极|大力|探索|扎实|着力|接续|加力|优化|深化|扩大|提升)(?![^，。]{0,40}关于)"
)
_TITLE = re.compile(
    rf"^[#\s]*(?!{_VERB_FIRST}|第[一二三四五六七八九十]+[条章]|[一二三四五六七八九十]+、|（|\d+[.、])(?P<title>[^，。！？]{{4,80}}?(?:(?P<law>{_LAW})|(?P<plan>{_PLAN})|(?P<notice>{_NOTICE})))(?:[（(][^）)]{{1,20}}[）)])*$"
)
_VERB_START = re.compile(_VERB_FIRST.replace("(?![^，。]{0,40}关于)", "") + "|进一步")
_KINDS = ("意见", "措施", "办法", "通知", "方案", "规划", "计划", "政策", "条例", "规定", "批复", "纲要", "决定")
_TITLE_EN = re.compile(
    r"^[#\s]*(?P<title>(?=[A-Z])[^.!?\n]{0,140}?\b(?:(?P<law>Act|Ordinance|Regulations?|Law|Rules)"
    r"|(?P<plan>Measures|Plan|Opinions|Strategy|Programme|Guidelines|Roadmap|Policy Address|Work Report|Policies)"
    r"|(?P<notice>Notice|Announcement))(?: (?:of|on|for|to|concerning|regarding) [^.!?\n]{3,90})?"
    r"(?: \(?(?:20\d\d|[Cc]ap\.? ?\d+)[^)\n]{0,12}\)?)?)$"
)
_ADOPTED = re.compile(
    r"(?:会议)?(?:通过|修订|修正|公布|批准|公布全文\d*条?|发布|发布施行|订定发布)[）)]?$|会议上(?:[）)\s]|$)|制定公布|修正公布|订定发布"
    r"|promulgated on|adopted (?:on|by)|enacted on|^(?:assented to|dated|commencement:?|as at) "
)
_CONFIRMED = re.compile(r"(?:批准|公布)[）)]?$")
_DATE_LINE = re.compile(
    r"^[（(]?\d{4}年\d{1,2}月\d{1,2}日[）)]?$|^[〇零一二三四五六七八九○]{4}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日$"
)
_META = re.compile(
    r"^(?:来源|时间|发布时间|发表时间|发布日期|印发日期|发文日期|成文日期|日期|更新时间|published|date|source|issued|posted)[:：]"
)
_STAMP = re.compile(r"^(?:19|20)\d\d[-./年]\d{1,2}[-./月]\d{1,2}日?(?:\s+\d{1,2}:\d\d(?::\d\d)?)?$")
_NUMBER = re.compile(r"[一-鿿]{2,12}[〔﹝\[（(](?P<year>(?:19|20)\d\d)[〕﹞\]）)]\s*第?\s*\d+\s*号")
_TITLE_YEAR = re.compile(r"(?<![\d—–-])(?<!至)(?P<year>20\d\d)(?=年|[—–-]+20\d\d|\b)")
_OPEN_TITLE = re.compile(r"^[#\s]*[^，。；！？：:]{4,40}$")
_SIGNER = re.compile(r"(?:人民政府|委员会|局|厅|办公室|办公厅|管委会)$")
_RANK = {"province": 0, "city": 1, "zone": 2, "district": 3}


@dataclass(slots=True)
class Profile:
    """A document's own data; ``form`` is law, plan, report, notice or none."""

    genre: str = "news"
    form: str = "none"
    title: Named | None = None
    adoption: Span | None = None
    region: Region | None = None
    date: When = NO_DATE
    published: When = NO_DATE
    issuer: Named | None = None
    effective: Json | None = None
    body_start: int = 0
    dateline: Span | None = None
    datestamp: Span | None = None
    bylines: list[Span] = field(default_factory=list)
    apart: list[Span] = field(default_factory=list)


def profile_of(page: Page) -> Profile:
    """Read the head, the adoption line, the sign-off and the clause of effect of ``page``."""
    profile = Profile()
    _front_matter(page, profile)
    lines = [line for line in page.lines() if line.start >= profile.body_start]
    for before, line in zip([None, *lines], lines[:_HEAD_LINES], strict=False):
        _head_line(page, line, profile, before)
    signed = _sign_off(page, lines, profile)
    _published(page, lines, profile)
    _settle_date(page, lines, profile)
    _settle_genre(page, profile, signed=signed)
    if profile.genre == "official":
        _settle_seat(page, lines, profile)
        _effect(page, profile)
    return profile


def _front_matter(page: Page, profile: Profile) -> None:
    block = _FRONT.match(page.text)
    if block is None:
        return
    profile.body_start = block.end()
    for item in _FRONT_FIELD.finditer(page.text, block.start(1), block.end(1)):
        span = Span(*item.span("value"))
        if item["key"] == "region" and item["value"].strip() in divisions():
            code = item["value"].strip()
            profile.region = Region(code, full_name(code), divisions()[code].level, span)
        elif item["key"] in _FRONT_DATES and profile.date.value is None:
            year = item["value"].strip()
            profile.date = When(year, "year", span) if re.fullmatch(r"(?:19|20)\d\d", year) else _first_date(page, span)
        elif item["key"] == "issuer":
            profile.issuer = Named(item["value"].strip(), span)


def _first_date(page: Page, span: Span) -> When:
    for mention in find_dates(page, span):
        when = resolve(mention, Anchor(None, None))
        if when is not None:
            return when
    return NO_DATE


def _head_line(page: Page, line: Span, profile: Profile, before: Span | None) -> None:
    words = page.norm[line.start : line.end]
    if profile.title is None and len(words) <= _LONGEST_TITLE:
        _title(page, line, profile, before)
    if len(words) <= 2 * _LONGEST_TITLE and _ADOPTED.search(words):
        when = _first_date(page, line)
        if when.value is not None:
            profile.apart.append(line)
        later = when.value is not None and when.value > (profile.date.value or "") and not _CONFIRMED.search(words)
        if when.value is not None and (profile.adoption is None or later):
            profile.adoption, profile.date = line, when
            if "会议上" in words:
                profile.form = "report"
    if _META.match(words):
        profile.apart.append(line)


def _title(page: Page, line: Span, profile: Profile, before: Span | None) -> None:
    original = page.text[line.start : line.end]
    match = _TITLE_EN.match(original) if page.english else _TITLE.match(page.norm[line.start : line.end])
    joined = None if page.english else _open_title(page, line, before)
    if match is None and joined is not None:
        match = _TITLE.match(page.norm[joined.start : joined.end].replace("\r", " ").replace("\n", " "))
    if match is None:
        return
    whole = joined or line
    start = whole.start if joined is not None else line.start + match.start("title")
    span = stripped(page.text, Span(start, line.end))
    profile.title = Named(" ".join(page.text[span.start : span.end].split()), span)
    profile.apart.append(line)
    if joined is not None and before is not None:
        profile.apart.append(before)
    if profile.form == "none":
        profile.form = "law" if match["law"] else "plan" if match["plan"] else "notice"
    if match["title"].endswith(("工作报告", "施政报告", "Policy Address")):
        profile.form = "report"


def _open_title(page: Page, line: Span, before: Span | None) -> Span | None:
    """Return a title that runs over two lines: the first ends open, the second ends with the kind of document."""
    if before is None or page.norm[before.end : line.start].count("\n") != 1:
        return None
    first, second = page.norm[slice(*before)], page.norm[slice(*line)]
    if _OPEN_TITLE.match(first) is None or _META.match(first) or _STAMP.match(first) or _ADOPTED.search(first):
        return None
    starts = "关于" in first or find_places(page, before) or _VERB_START.match(first)
    complete = _TITLE.match(first) is not None or not second.endswith(_KINDS)
    return Span(before.start, line.end) if starts and not complete else None


def _sign_off(page: Page, lines: list[Span], profile: Profile) -> bool:
    """Take the date and the signer from a line that is nothing but a date, as at an official letter's end."""
    for before, line in zip([None, *lines], lines, strict=False):
        if not _DATE_LINE.match(page.norm[line.start : line.end].strip()):
            continue
        if profile.date.value is None:
            profile.date = _first_date(page, line)
        profile.apart.append(line)
        if before is not None and _SIGNER.search(page.norm[before.start : before.end]) and profile.issuer is None:
            profile.issuer = Named(page.text[before.start : before.end], before)
            profile.apart.append(before)
        return True
    return False


def _settle_genre(page: Page, profile: Profile, *, signed: bool) -> None:
    told = profile.adoption is not None or signed or issued_to(page) or profile.region is not None
    formal = profile.form in {"law", "notice", "plan", "report"}
    told = told and (profile.title is not None or profile.adoption is not None or profile.body_start > 0)
    if (
        profile.dateline is None
        and profile.datestamp is None
        and not profile.bylines
        and is_official(page, profile.body_start, titled=profile.title is not None, told=told, formal=formal)
    ):
        profile.genre = "official"


def _settle_seat(page: Page, lines: list[Span], profile: Profile) -> None:
    """Take the region and the issuer from the head, the region else from the body."""
    sources = [named.span for named in (profile.title, profile.issuer) if named is not None]
    if profile.adoption is not None:
        sources.append(profile.adoption)
    if profile.region is None:
        minguo = profile.date.expr if profile.date.calendar == "minguo" else None
        profile.region = place_of(page, sources, lines, minguo)
    if profile.issuer is None and profile.title is not None:
        profile.issuer = issuer_of_title(page, profile.title)
    if profile.issuer is None and profile.adoption is not None and profile.region is not None:
        profile.issuer = issuer_of_meeting(page, profile.adoption, profile.region, report=profile.form == "report")


def _published(page: Page, lines: list[Span], profile: Profile) -> None:
    """Take what the text says of its own day: dateline, stamps, labelled lines, its address."""
    found = dateline_of(page, lines)
    profile.dateline, profile.datestamp, profile.bylines = found.city, found.stamp, found.bylines
    profile.apart += [line for line in found.apart if line not in profile.apart and line != profile.adoption]
    if profile.adoption is None or found.published.expr is None or not found.published.expr.within(profile.adoption):
        profile.published = found.published


def _settle_date(page: Page, lines: list[Span], profile: Profile) -> None:
    """Give a text without a date of adoption or signature the next best one, and say what it rests on.

    1. The year of its document number (國辦發〔2025〕37號). 2. The day of publication. 3. The year in its title.
    """
    if profile.date.value is not None:
        return
    for line in lines[:_HEAD_LINES]:
        match = _NUMBER.search(page.norm, line.start, line.end)
        if match is not None:
            span = Span(*match.span("year"))
            profile.date = When(match["year"], "year", span, basis="document_number")
            return
    if profile.published.value is not None:
        profile.date = replace(profile.published, relation="on_or_before", basis="published")
        return
    year = _TITLE_YEAR.search(page.norm[slice(*profile.title.span)]) if profile.title is not None else None
    if year is not None and profile.title is not None:
        start = profile.title.span.start + year.start("year")
        profile.date = When(year["year"], "year", Span(start, start + 4), basis="title")


def _effect(page: Page, profile: Profile) -> None:
    whole = Span(profile.body_start, len(page.norm))
    tail = Span(max(whole.start, whole.end - 1500), whole.end)
    for mention in find_dates(page, tail):
        if mention.kind == "effective" and "year" in mention.parts:
            profile.effective = _effective(page, mention)
            if profile.effective is None:
                continue
            if profile.date.value is None:
                day = str(profile.effective["value"])
                profile.date = When(day, "day", mention.span, relation="on_or_before", basis="effective")
            return


def _effective(page: Page, mention: Mention) -> Json | None:
    when = resolve(replace(mention, kind="absolute"), Anchor(None, None))
    if when is None or when.precision != "day":
        return None
    year = int(str(when.value)[:4])
    found: Json = {"value": when.value, "expr": mention.span.cite(page.text)}
    length = "一二三四五六七八九十".find(mention.parts.get("length", "x")) + 1 or mention.parts.get("length")
    if length and str(length).isdigit():
        found["until"] = f"{year + int(length):04d}{str(when.value)[4:]}"
    return found
