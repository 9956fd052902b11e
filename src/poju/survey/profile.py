"""What a document says about itself: genre, title, region, date, issuer, effect. Each with its span (SURV-1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from poju.survey.actors import parliament
from poju.survey.dates import Anchor, Mention, find_dates, resolve
from poju.survey.gazetteer import divisions, full_name
from poju.survey.model import NO_DATE, Json, Named, Region, Span, When
from poju.survey.places import find_places
from poju.survey.text import Page, stripped

_HEAD_LINES = 20
_LONGEST_TITLE = 90
_FRONT = re.compile(r"\ufeff?---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_FRONT_FIELD = re.compile(r"^(?P<key>[a-z_]+): *(?P<value>[^\r\n]+)", re.MULTILINE)
_LAW = r"(?:条例|办法|规定|决定|法|细则|规则)"
_PLAN = (
    r"(?:若干措施|若干政策|政策措施|措施|实施意见|指导意见|若干意见|意见|行动计划|行动方案|实施方案|工作方案|方案"
    r"|规划|纲要|工作报告|政策汇编|计划|通知|政策)"
)
_NOTICE = r"(?:公告|通告|清单|目录|公示|榜单)"
_TITLE = re.compile(
    rf"^[#\s]*(?!(?:推动|实施|制定|编制|出台|开展|落实|加快|深入|推进|支持|鼓励|研究|强化|加强|完善|健全|贯彻|按照|根据|依据|严格|全面)(?![^，。]{0, 30}关于)|第[一二三四五六七八九十]+[条章]|[一二三四五六七八九十]+、|（|\d+[.、])(?P<title>[^，。！？]{{4,80}}?(?:(?P<law>{_LAW})|(?P<plan>{_PLAN})|(?P<notice>{_NOTICE})))(?:[（(][^）)]{{1,20}}[）)])*$"
)
_TITLE_EN = re.compile(
    r"^[#\s]*(?P<title>[A-Z][^.!?\n]{6,140}?\b(?:(?P<law>Act|Ordinance|Regulations?|Law|Rules)|(?P<plan>Measures|Plan|Opinions|Strategy|Programme|Guidelines)|(?P<notice>Notice|Announcement)))$"
)
_ADOPTED = re.compile(
    r"(?:会议)?(?:通过|修订|修正|公布|批准)[）)]?$|会议上[）)]?$|promulgated on|adopted (?:on|by)|enacted on"
)
_CONFIRMED = re.compile(r"(?:批准|公布)[）)]?$")
_ARTICLE = re.compile(r"^[#\s]*(?:第[一二三四五六七八九十百零]+条|article \d+)", re.MULTILINE)
_NUMBERED = re.compile(r"^[#\s]*(?:[一二三四五六七八九十]+、|（[一二三四五六七八九十]+）|\d{1,2}[.、．])", re.MULTILINE)
_ISSUED_TO = re.compile(
    r"印发给你们|请(?:遵照|认真|结合实际).{0,8}(?:执行|贯彻)|现(?:将|就).{0,60}(?:印发|公告如下|通知如下)"
)
_DATE_LINE = re.compile(
    r"^[（(]?\d{4}年\d{1,2}月\d{1,2}日[）)]?$|^[〇零一二三四五六七八九○]{4}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日$"
)
_DATELINE = re.compile(
    r"^(?P<city>[A-Z][A-Za-z .'-]{2,30}), (?P<date>\d{1,2} [A-Z][a-z]+ \d{4}|[A-Z][a-z]+ \d{1,2}, \d{4})"
)
_META = re.compile(r"^(?:来源|时间|发布时间|发布日期|日期|成文日期|published|date|source)[:：]")
_SIGNER = re.compile(r"(?:人民政府|委员会|局|厅|办公室|办公厅|管委会)$")
_ENOUGH_ARTICLES = 2
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
    issuer: Named | None = None
    effective: Json | None = None
    body_start: int = 0
    dateline: Span | None = None
    apart: list[Span] = field(default_factory=list)


def profile_of(page: Page) -> Profile:
    """Read the head, the adoption line, the sign-off and the clause of effect of ``page``."""
    profile = Profile()
    _front_matter(page, profile)
    lines = [line for line in page.lines() if line.start >= profile.body_start]
    for line in lines[:_HEAD_LINES]:
        _head_line(page, line, profile)
    signed = _sign_off(page, lines, profile)
    _settle_genre(page, profile, signed=signed)
    if profile.genre == "official":
        _settle_region(page, lines, profile)
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
        elif item["key"] == "date":
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


def _head_line(page: Page, line: Span, profile: Profile) -> None:
    words = page.norm[line.start : line.end]
    if profile.title is None and len(words) <= _LONGEST_TITLE:
        _title(page, line, profile)
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
    dateline = _DATELINE.match(page.text[line.start : line.end])
    if dateline:
        profile.dateline = Span(line.start, line.start + dateline.end("city"))
    if dateline and profile.date.value is None:
        profile.date = _first_date(page, Span(line.start + dateline.start("date"), line.start + dateline.end("date")))


def _title(page: Page, line: Span, profile: Profile) -> None:
    original = page.text[line.start : line.end]
    match = _TITLE_EN.match(original) if page.english else _TITLE.match(page.norm[line.start : line.end])
    if match is None:
        return
    start = line.start + match.start("title")
    span = stripped(page.text, Span(start, line.end))
    profile.title = Named(page.text[span.start : span.end], span)
    profile.apart.append(line)
    if profile.form == "none":
        profile.form = "law" if match["law"] else "plan" if match["plan"] else "notice"
    if "工作报告" in match["title"]:
        profile.form = "report"


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
    articles = len(_ARTICLE.findall(page.norm, profile.body_start))
    numbered = len(_NUMBERED.findall(page.norm, profile.body_start))
    told = (
        profile.adoption is not None or signed or _ISSUED_TO.search(page.norm) is not None or profile.region is not None
    )
    official = (
        (profile.title is not None and (told or profile.form in {"law", "notice", "plan"} or articles or numbered))
        or profile.adoption is not None
        or articles >= _ENOUGH_ARTICLES
        or numbered >= _ENOUGH_ARTICLES
        or (told and profile.body_start > 0)
    )
    sure = profile.adoption is not None or articles >= _ENOUGH_ARTICLES or told
    if official and (sure or not page.speech):
        profile.genre = "official"


def _settle_region(page: Page, lines: list[Span], profile: Profile) -> None:
    """Take the region from the title, the adoption line, the signer or else the first place of the body."""
    sources = [named.span for named in (profile.title, profile.issuer) if named is not None]
    if profile.adoption is not None:
        sources.append(profile.adoption)
    if profile.region is None:
        for span in (*sources, *lines):
            places = find_places(page, span)
            if places:
                profile.region = places[0]
                break
    if profile.issuer is None and profile.adoption is not None and profile.region is not None:
        _issuer_of_meeting(page, profile)


def _issuer_of_meeting(page: Page, profile: Profile) -> None:
    if profile.adoption is None or profile.region is None:
        return
    if profile.form == "report":
        profile.issuer = Named(f"{profile.region.name}人民政府", profile.region.span)
        return
    match = re.search(
        r"[一-鿿]{2,12}第[一二三四五六七八九十]+届人民代表大会(?:常务委员会)?",
        page.norm[profile.adoption.start : profile.adoption.end],
    )
    if match:
        span = Span(profile.adoption.start + match.start(), profile.adoption.start + match.end())
        profile.issuer = Named(parliament(page.norm[span.start : span.end]), span)


def _effect(page: Page, profile: Profile) -> None:
    whole = Span(profile.body_start, len(page.norm))
    tail = Span(max(whole.start, whole.end - 1500), whole.end)
    for mention in find_dates(page, tail):
        if mention.kind == "effective":
            profile.effective = _effective(page, mention)
            return


def _effective(page: Page, mention: Mention) -> Json:
    year, month, day = (int(mention.parts[name]) for name in ("year", "month", "day"))
    found: Json = {"value": f"{year:04d}-{month:02d}-{day:02d}", "expr": mention.span.cite(page.text)}
    length = "一二三四五六七八九十".find(mention.parts.get("length", "x")) + 1 or mention.parts.get("length")
    if length and str(length).isdigit():
        found["until"] = f"{year + int(length):04d}-{month:02d}-{day:02d}"
    return found
