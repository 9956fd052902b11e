"""Words of a page in three languages at once: each text stands in the page three times, the page shows one."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from poju.i18n import _, translate
from poju.survey.model import Json
from poju.survey.scape.rows import LANGUAGES

Names = dict[str, str]
_WAN, _YI = 10_000, 100_000_000
_YUAN = _("{figure} yuan")
_PLAIN = "\n\t"
_ENDS = "。；！？，、.;!?, "
STATUS = {
    "planned": _("planned"),
    "announced": _("announced"),
    "issued": _("issued"),
    "held": _("held"),
    "reported": _("reported"),
    "in_force": _("in force"),
}
SEMANTICS = {
    "cap": _("at most"),
    "cumulative_cap": _("at most in all"),
    "floor": _("at least"),
    "range": _("from to"),
    "one_off": _("one-off"),
    "annual": _("a year"),
    "percentage": _("percentage"),
    "per_unit": _("for each unit"),
    "tiered": _("tiered"),
    "fund_size": _("size of the fund"),
    "target": _("target"),
    "total": _("in all"),
    "approx": _("about"),
}
FINDINGS = {
    "hypothetical": _("hypothesis"),
    "recommendation": _("recommendation"),
    "gap": _("gap that the text names"),
    "diagnosis": _("diagnosis"),
    "opinion": _("opinion"),
    "unattributed": _("told without a place or an actor"),
}
OUTCOMES = {"settled": _("firms settled"), "problems_solved": _("problems solved")}


def say(names: Mapping[str, str]) -> Markup:
    """Return a text of three languages as markup; once where all three are the same."""
    told = [names[language] for language in LANGUAGES]
    if len(set(told)) == 1:
        return escape(shown(told[0]))
    hant, hans, english = (escape(shown(text)) for text in told)
    chinese = f"<i class=a lang=zh-Hant>{hant}</i><i class=b lang=zh-Hans>{hans}</i>"
    if hant == hans:
        chinese = f"<i class=d lang=zh>{hant}</i>"
    return Markup(f"{chinese}<i class=c lang=en>{english}</i>")  # noqa: S704 - each text is escaped above


def words(text: str, **parameters: object) -> Names:
    """Return ``text`` in three languages; a parameter that is itself a text of three languages is given in each."""
    return {language: translate(text, language, **_of(parameters, language)) for language in LANGUAGES}


def speak(text: str, **parameters: object) -> Markup:
    """Return the translations of ``text`` as markup."""
    return say(words(text, **parameters))


def shown(text: object) -> str:
    """Return ``text`` with what steers a screen made visible: control characters and turns of the writing direction.

    A cited sentence could otherwise be shown in another order than it has; the files beside the page keep it exactly.
    """
    return "".join(_visible(character) for character in str(text))


def own_paragraph(sentence: Json) -> tuple[str, str, str]:
    """Return a citation and what stands around it in its own paragraph; an ellipsis where that is cut."""
    before, after = sentence["before"], sentence["after"]
    lead, trail = before.rpartition("\n")[2], after.partition("\n")[0]
    if lead and lead == before and sentence["start"] > len(before):
        lead = "…" + lead.lstrip(_ENDS)
    if trail and trail == after and trail[-1] not in _ENDS:
        trail += "…"
    return lead, sentence["text"], trail


def web_address(url: object) -> str | None:
    """Return ``url`` where it is an address of the web; nothing else becomes a link."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def amount(item: Json) -> Markup:
    """Return a sum of money with what it means: at most 500 萬元, one-off."""
    meanings = [words(SEMANTICS[name]) for name in item["semantics"] if name in SEMANTICS]
    if item.get("percent") is not None:
        figure = dict.fromkeys(LANGUAGES, f"{item['percent']:g} %")
    elif item.get("yuan") is not None:
        figure = {language: translate(_YUAN, language, figure=money(item["yuan"], language)) for language in LANGUAGES}
    else:
        figure = dict.fromkeys(LANGUAGES, f"{item['currency']} {item.get('value'):,}")
    told = {
        language: figure[language] + "".join(f"{_comma(language)}{name[language]}" for name in meanings)
        for language in LANGUAGES
    }
    return say(told)


def money(value: float, language: str) -> str:
    """Return a sum as people write it: 500萬, 100億, or with commas where it is not whole in these."""
    if language != "en":
        for unit, name in (
            (_YI, "億" if language == "zh-Hant" else "亿"),
            (_WAN, "萬" if language == "zh-Hant" else "万"),
        ):
            if value >= unit and value % (unit // 100) == 0:
                return f"{value / unit:,g}{name}" if value / unit < unit else f"{value // unit:,}{name}"
    return f"{value:,}"


def _comma(language: str) -> str:
    return ", " if language == "en" else "，"


def _of(parameters: dict[str, object], language: str) -> dict[str, object]:
    return {name: value[language] if isinstance(value, dict) else value for name, value in parameters.items()}


def _visible(character: str) -> str:
    if character.isprintable() or character in _PLAIN or unicodedata.category(character) == "Zs":
        return character
    return f"[U+{ord(character):04X}]"
