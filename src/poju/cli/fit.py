"""``poju fit``: rank scenarios for a region."""

from __future__ import annotations

import json
from pathlib import Path

import click

from poju.fit import rank, render
from poju.fit.report import MAXIMUM_SEED
from poju.i18n import LANGUAGES, choose_language


@click.command()
@click.argument("region")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON, ratios in parts per million.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="CSV in the tidy format; its figures replace shipped ones."
)
@click.option(
    "--seed", type=click.IntRange(0, MAXIMUM_SEED), default=1, show_default=True, help="Seed of the weight noise."
)
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language to answer in.")
def command(region: str, *, as_json: bool, data: Path | None, seed: int, lang: str | None) -> None:
    """Rank the scenarios for REGION: what most regions do, beside what is distinctive here.

    REGION is a GB/T 2260 code or a name of a province, in either Chinese script or in Latin letters.

    Example: poju fit 貴州
    """
    answer = rank(region, data=data, seed=seed)
    print(
        json.dumps(answer, ensure_ascii=False, indent=2) if as_json else render(answer, choose_language(lang)), end=""
    )
    if as_json:
        print()
