"""Check the data files that an operator may edit: each problem names file and line, and says what to do."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.datafiles import use_data
from poju.survey.dataplaces import check_gazetteer, check_grids, check_history, check_places
from poju.survey.datasources import COUNT, FIELD, TWICE, UNKNOWN, Problem, Sources
from poju.survey.patterns import SECONDS, TooSlowError, filled, is_pattern, strings, try_hard, unique_groups

_TAGS = ("zh-Hans", "zh-Hant", "en")
_SIDES = ("push", "environment", "pull")
_INSTRUMENTS = 32
_LICENCES = ("licence", "license", "apache-2.0", "cc0")
NO_PROBLEM = _("The data files hold no problem.")
_HEADLESS = _("its head names no source, or no licence: write both into comment lines at the top")
_NO_PATTERN = _("the pattern is no regular expression: {reason}")
_SLOW = _("the pattern takes more than {seconds} s for one sentence: bound its repetitions")
_UNSAID = _("no cue says {name}: add one")
_FRIEND = _("it takes {words} for {name}, which it is not: narrow the pattern, or add unless")


def check(folder: Path | None = None) -> list[Problem]:
    """Return the problems of the data files in ``folder``; a file that it lacks is taken from the package.

    Without ``folder`` the package's own files are checked. An empty list: nothing to mend.
    """
    sources = Sources(folder)
    for name, text in sources.texts.items():
        head = " ".join(line for line in text.splitlines()[:12] if line.startswith("#")).lower()
        if "source" not in head or not any(word in head for word in _LICENCES):
            sources.add(name, 1, _HEADLESS)
    for run in (_patterns, _taxonomy, _lexicon, check_gazetteer, check_history, check_places, check_grids):
        run(sources)
    once = {(item.file, item.line, item.explain()): item for item in sources.found}
    return [once[key] for key in sorted(once)]


def choose(folder: Path) -> None:
    """Check ``folder``, then use it for this run; raise `CallerError` ``survey-data-faulty`` where it has a problem."""
    found = check(folder)
    if found:
        raise CallerError(
            "survey-data-faulty",
            _("{count} problems in the data files of {path}; the first: {problem}"),
            hint=_("Run: poju survey check-data {path}"),
            count=len(found),
            path=folder,
            problem=found[0].explain(),
        )
    use_data(folder)


def _patterns(sources: Sources) -> None:
    """Compile every text that uses the signs of a regular expression, and try it on hard sentences."""
    for name, table in sources.tables.items():
        if name == "lexicon.toml":
            continue
        parts = {path.rsplit(".", 1)[-1]: text for path, text in strings(table)}
        for _path, text in strings(table):
            if is_pattern(text):
                _pattern(sources, name, sources.line(name, text[:40]), unique_groups(filled(text, parts)))


def _pattern(sources: Sources, name: str, line: int, text: str, words: tuple[str, ...] = ()) -> re.Pattern[str] | None:
    try:
        pattern = re.compile(text)
        try_hard(pattern, words)
    except (re.error, OverflowError, RecursionError) as error:
        sources.add(name, line, _NO_PATTERN, reason=str(error))
        return None
    except TooSlowError:
        sources.add(name, line, _SLOW, seconds=SECONDS)
        return None
    return pattern


def _taxonomy(sources: Sources) -> None:
    name = "taxonomy.toml"
    items = sources.items(name, "instrument")
    if len(items) != _INSTRUMENTS:
        sources.add(name, 1, COUNT, count=len(items), wanted=_INSTRUMENTS)
    seen: Counter[str] = Counter()
    for line, item in items:
        for wanted in ("id", "side", *_TAGS, *(f"short-{tag}" for tag in _TAGS)):
            if not isinstance(item.get(wanted), str) or not item[wanted].strip():
                sources.add(name, line, FIELD, field=wanted)
        if item.get("side") not in _SIDES:
            sources.add(name, line, UNKNOWN, name=item.get("side"), where=", ".join(_SIDES))
        seen[str(item.get("id"))] += 1
        if seen[str(item.get("id"))] > 1:
            sources.add(name, line, TWICE, name=item.get("id"))


def _known(sources: Sources) -> list[str]:
    return [str(item.get("id")) for _, item in sources.items("taxonomy.toml", "instrument")]


def _lexicon(sources: Sources) -> None:
    name, known = "lexicon.toml", _known(sources)
    table = sources.tables.get(name, {})
    groups = {key: text for key, text in table.get("groups", {}).items() if isinstance(text, str)}
    seen: set[tuple[object, ...]] = set()
    said: set[str] = set()
    for line, cue in sources.items(name, "cue"):
        kind = str(cue.get("instrument"))
        for wanted in (kind, *cue.get("with", ())):
            if wanted not in known:
                sources.add(name, line, UNKNOWN, name=wanted, where="taxonomy.toml")
        keys = cue.get("keys")
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
            sources.add(name, line, FIELD, field="keys")
            keys = []
        if not isinstance(cue.get("pattern"), str) or not cue["pattern"]:
            sources.add(name, line, FIELD, field="pattern")
            continue
        if not set(cue.get("genres", ())) <= {"official", "news"} or cue.get("kind", "act") not in {"act", "grant"}:
            sources.add(name, line, FIELD, field="genres, kind")
        identity = (kind, cue["pattern"], cue.get("kind"), tuple(cue.get("genres", ())), cue.get("language"))
        if identity in seen:
            sources.add(name, line, TWICE, name=cue["pattern"][:40])
        seen.add(identity)
        said.add(kind)
        _cue(sources, line, cue, kind, groups, tuple(keys))
    for kind in known:
        if kind not in said:
            sources.add(name, 1, _UNSAID, name=kind)


def _cue(
    sources: Sources, line: int, cue: dict[str, Any], kind: str, groups: dict[str, str], keys: tuple[str, ...]
) -> None:
    """Compile a cue's pattern and exception, and try them on the false friends."""
    texts = [cue["pattern"], cue.get("unless", "")]
    for missing in {m[1] for text in texts for m in re.finditer(r"\{([a-z_]+)\}", text)} - set(groups):
        sources.add("lexicon.toml", line, UNKNOWN, name="{" + missing + "}", where="[groups]")
    pattern, unless = (_pattern(sources, "lexicon.toml", line, filled(text, groups), keys[:3]) for text in texts)
    if pattern is None or cue.get("kind", "act") != "act":
        return
    for _line, friend in sources.items("false_friends.toml", "phrase"):
        words = str(friend.get("text"))
        if friend.get("instrument", kind) != kind or not any(key in words for key in keys or ("",)):
            continue
        if pattern.search(words) and not (texts[1] and unless is not None and unless.search(words)):
            sources.add("lexicon.toml", line, _FRIEND, words=words, name=kind)
