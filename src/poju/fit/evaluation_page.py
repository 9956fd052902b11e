"""The evaluation in words: as text for a terminal, and as one page in three languages, with no program in it.

Both are made of the same sections, so that neither says what the other does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from poju.errors import OperatorError
from poju.fit.text import PAGE as COLUMNS
from poju.fit.text import columned, shortened, width, wrapped
from poju.i18n import LANGUAGES, _, translate
from poju.units import PPM

Json = dict[str, Any]

PAGE = "evaluation.html"
DATA = "evaluation.json"
STYLE = "evaluation.css"

TITLE = _("How far the ranking can be trusted")
QUESTION = _(
    "Does the order in which scenarios are put for a province agree with what the province itself stresses in its"
    " government work report of {year}?"
)
LABELS = _(
    "A province stresses a field whose share of its report is at least {threshold} times the mean share. The figure is"
    " the chance that, within a province, a stressed field stands above one that is not: 50 % is chance, 100 % is"
    " always."
)
UNSEEN = _("No label enters a score, so every province is scored without its own report and without anyone else's.")
NO_CLAIM = _("Emphasis in a report is not an award and not a success: nothing here predicts either.")
STRESSED = _("What is distinctive")
PARTS = {
    "all": _("all provinces"),
    "development": _("provinces on which the method was chosen"),
    "sealed": _("provinces that were opened once, after the choice"),
    "ranked": _("all provinces, fields that an answer ranks"),
}
SHUFFLED = _(
    "With provinces shuffled {draws} times: mean {mean}, 95th percentile {p95}; chance of {observed} or more: {p}."
)
POPULAR = _("What the other provinces do (popularity), asked the same: {auc} [{low} to {high}].")
EARLIER = _(
    "An earlier method had been compared on all provinces before these were set apart: they are sealed for the choice"
    " of this one. The protocol stands in docs/reference/fit-evaluation.md."
)
MOST_NAMED = _("The five fields that a province names most")
SOURCES = {
    "structure": _("structure"),
    "popularity": _("popularity"),
    "both": _("both places added up"),
}
MOST_NAMED_NOTE = _(
    "What most provinces do tells best what a province talks about most. That is why two rankings stand side by side."
)
STEPS = _("What each step adds")
STEP_NAMES = {
    "quotient": _("quotients alone"),
    "quotient-prerequisites": _("quotients, missing prerequisites last"),
    "standing": _("standing among all provinces"),
    "standing-prerequisites": _("standing, missing prerequisites last (as shown)"),
}
FIELDS = _("Each field")
FIELDS_NOTE = _(
    "Over {n} provinces. Read the interval: few provinces stress a field, and of {count} fields one or two leave chance"
    " behind by chance."
)
TOLD = {"yes": _("told"), "open": _("not decided"), "no": _("the other way round")}
NOISE = _("What noise does to it")
NOISES = {
    "weights": _("weights, from half to twice"),
    "data": _("figures, within their error"),
    "both": _("both"),
}
NOISE_NOTE = _(
    "Kendall's tau compares the order of a province's scenarios with and without noise: 1 is the same order."
)
PROVINCES = _("Each province")


@dataclass(frozen=True)
class Cell:
    """One cell: its text, and for a figure the (low, middle, high) parts of one that a bar shows."""

    text: str
    bar: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Section:
    """A heading, sentences before and after, and a table whose first row is the header; the table may be empty."""

    title: str
    before: list[str]
    rows: list[list[Cell]]
    after: list[str]


def render_evaluation(evaluation: Json, language: str) -> str:
    """Return the evaluation as text in ``language``, lines of at most 100 columns, a newline at the end."""
    blocks = []
    for section in _sections(evaluation, language):
        table = _fitted([[cell.text for cell in row] for row in section.rows]) if section.rows else []
        lines = [wrapped(line) for line in section.before]
        lines += [line.rstrip() for line in table]
        lines += [wrapped(line) for line in section.after]
        blocks.append("\n".join([section.title, *lines]))
    return "\n\n".join(blocks) + "\n"


def _fitted(rows: list[list[str]]) -> list[str]:
    """Return the rows aligned, names in the first column shortened by what is too much for a terminal."""
    excess = max(width(line.rstrip()) for line in columned(rows)) - COLUMNS
    if excess <= 0:
        return columned(rows)
    room = max(width(row[0]) for row in rows) - excess
    return columned([[shortened(row[0], room), *row[1:]] for row in rows])


def write_page(evaluation: Json, out: Path) -> Path:
    """Write ``evaluation.html`` (three languages) and ``evaluation.json`` into ``out``; return the path of the page.

    Raises :class:`OperatorError` ``fit-evaluation-not-written`` where the disk refuses.
    """
    style = (resources.files("poju.fit") / "templates" / STYLE).read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("poju.fit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("evaluation.html.j2").render(
        policy=f"default-src 'none'; style-src 'sha256-{_digest(style)}'; base-uri 'none'; form-action 'none'",
        style=style,
        title=translate(TITLE, LANGUAGES[0]),
        languages=[(language, _sections(evaluation, language)) for language in LANGUAGES],
    )
    data = json.dumps(evaluation, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in ((PAGE, page), (DATA, data)):
            draft = out / f"{name}.part"
            draft.write_bytes(content.encode())
            draft.replace(out / name)
    except OSError as error:
        raise OperatorError(
            "fit-evaluation-not-written",
            _("The evaluation could not be written to {folder}: {reason}"),
            hint=_("Check that the folder may be written to and has space left."),
            folder=out,
            reason=error.strerror or "",
        ) from error
    return out / PAGE


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _sections(found: Json, language: str) -> list[Section]:
    """Return everything that is told, in its order."""
    return [
        Section(
            translate(TITLE, language),
            [
                translate(QUESTION, language, year=found["year"]),
                translate(LABELS, language, threshold=f"{found['threshold_ppm'] / PPM:.1f}"),
                translate(UNSEEN, language),
                translate(NO_CLAIM, language),
            ],
            [],
            [],
        ),
        _distinctive(found, language),
        _most_named(found, language),
        _steps(found, language),
        _fields(found, language),
        _noise(found, language),
        _provinces(found, language),
    ]


def _distinctive(found: Json, language: str) -> Section:
    shuffled, popular = found["permutation"], found["popularity"]["distinctive"]
    return Section(
        translate(STRESSED, language),
        [],
        [_header(language, ""), *_means({PARTS[name]: part for name, part in found["distinctive"].items()}, language)],
        [
            translate(EARLIER, language),
            translate(
                SHUFFLED,
                language,
                draws=found["draws"]["permutation"],
                mean=_percent(shuffled["mean_ppm"]),
                p95=_percent(shuffled["p95_ppm"]),
                observed=_percent(shuffled["observed_ppm"]),
                p=_percent(shuffled["p_value_ppm"]),
            ),
            translate(
                POPULAR,
                language,
                auc=_percent(popular["auc_ppm"]),
                low=_percent(popular["low_ppm"]),
                high=_percent(popular["high_ppm"]),
            ),
        ],
    )


def _most_named(found: Json, language: str) -> Section:
    parts = {SOURCES[name]: part for name, part in found["popularity"]["most_named"].items()}
    rows = [_header(language, ""), *_means(parts, language)]
    return Section(translate(MOST_NAMED, language), [], rows, [translate(MOST_NAMED_NOTE, language)])


def _header(language: str, first: str) -> list[Cell]:
    words = (_("right order"), _("95 % interval"), _("provinces"))
    return [Cell(first), *(Cell(translate(word, language)) for word in words)]


def _means(parts: dict[str, Json], language: str) -> list[list[Cell]]:
    return [
        [Cell(translate(name, language)), Cell(_percent(part["auc_ppm"])), _interval(part), Cell(str(part["n"]))]
        for name, part in parts.items()
    ]


def _steps(found: Json, language: str) -> Section:
    words = (_("all"), _("chosen on"), _("sealed"))
    rows = [[Cell(""), *(Cell(translate(word, language)) for word in words)]]
    rows += [
        [
            Cell(translate(STEP_NAMES[step["step"]], language)),
            *(Cell(_percent(step[key])) for key in ("auc_ppm", "development_ppm", "sealed_ppm")),
        ]
        for step in found["steps"]
    ]
    return Section(translate(STEPS, language), [], rows, [])


def _fields(found: Json, language: str) -> Section:
    words = (_("stress it"), _("right order"), _("95 % interval"), _("structure tells it"))
    rows = [[Cell(""), *(Cell(translate(word, language)) for word in words)]]
    rows += [
        [
            Cell(field["names"][language]),
            Cell(str(field["stressed"])),
            Cell(_percent(field["auc_ppm"])),
            _interval(field),
            Cell(translate(TOLD[field["told"]], language)),
        ]
        for field in sorted(found["fields"], key=lambda one: (-(one["auc_ppm"] or 0), one["scenario"]))
    ]
    count = len(found["fields"])
    note = translate(FIELDS_NOTE, language, n=found["fields"][0]["n"], count=count)
    return Section(translate(FIELDS, language), [note], rows, [])


def _noise(found: Json, language: str) -> Section:
    words = (_("Kendall's tau"), _("right order"), _("lowest to highest"))
    rows = [[Cell(""), *(Cell(translate(word, language)) for word in words)]]
    rows += [
        [
            Cell(translate(NOISES[kind], language)),
            Cell(f"{part['kendall_ppm'] / PPM:.2f}"),
            Cell(_percent(part["auc_ppm"])),
            Cell(f"{_percent(part['auc_low_ppm'])} – {_percent(part['auc_high_ppm'])}"),
        ]
        for kind, part in found["robustness"].items()
    ]
    return Section(translate(NOISE, language), [], rows, [translate(NOISE_NOTE, language)])


def _provinces(found: Json, language: str) -> Section:
    words = (_("fields it stresses"), _("structure"), _("popularity"), _("sealed"))
    rows = [[Cell(""), *(Cell(translate(word, language)) for word in words)]]
    rows += [
        [
            Cell(province["names"][language]),
            Cell(str(province["stressed"])),
            Cell(_percent(province["auc_ppm"])),
            Cell(_percent(province["popularity_auc_ppm"])),
            Cell("●" if province["sealed"] else ""),
        ]
        for province in found["provinces"]
    ]
    return Section(translate(PROVINCES, language), [], rows, [])


def _percent(ppm: int | None) -> str:
    return "–" if ppm is None else f"{ppm / (PPM // 100):.1f} %"


def _interval(part: Json) -> Cell:
    ends = (part["low_ppm"], part["auc_ppm"], part["high_ppm"])
    if None in ends:
        return Cell("–")
    low, middle, high = (value / PPM for value in ends)
    return Cell(f"{_percent(part['low_ppm'])} – {_percent(part['high_ppm'])}", (low, middle, high))
