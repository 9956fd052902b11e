from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poju.errors import CallerError, OperatorError
from poju.fit import rank
from poju.fit.auc import area, areas_across, interval, resampled_area
from poju.fit.evaluation import evaluate, gathered, render_evaluation, sealed, write_page
from poju.fit.figures import shipped_figures
from poju.fit.noise import disturbed, generator, laws
from poju.fit.ranking import NOISES, Structure, kendall, known_missing, ranks, robustness
from poju.fit.scenarios import report_counts, scenarios
from poju.fit.structure import FEWEST_REGIONS, Component, standings
from poju.i18n import LANGUAGES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "fit-evaluation.md"


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    return evaluate(draws=200)


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_structure_reaches_65_percent_on_distinctive_and_says_what_the_sealed_third_says(
    evaluation: dict[str, Any],
) -> None:
    parts = evaluation["distinctive"]
    assert parts["all"]["auc_ppm"] >= 650_000
    assert parts["all"]["n"] == 31
    assert (parts["development"]["n"], parts["sealed"]["n"]) == (21, 10)
    assert parts["all"]["low_ppm"] < parts["all"]["auc_ppm"] < parts["all"]["high_ppm"]
    weighed = (21 * parts["development"]["auc_ppm"] + 10 * parts["sealed"]["auc_ppm"]) / 31
    assert weighed == pytest.approx(parts["all"]["auc_ppm"], abs=2)


def test_the_reference_gives_the_figures_that_the_command_gives(evaluation: dict[str, Any]) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    for name in ("all", "development", "sealed"):
        assert f".{round(evaluation['distinctive'][name]['auc_ppm'] / 1000):03d}" in text
    for part in evaluation["robustness"].values():
        assert f".{round(part['kendall_ppm'] / 10_000):02d}" in text
    for code in sealed(shipped_figures().regions):
        assert code in text


def test_shuffled_provinces_know_nothing(evaluation: dict[str, Any]) -> None:
    shuffled = evaluation["permutation"]
    assert 470_000 < shuffled["mean_ppm"] < 530_000
    assert shuffled["p95_ppm"] < shuffled["observed_ppm"]
    assert shuffled["p_value_ppm"] <= 20_000
    assert sum(part["count"] for part in shuffled["histogram"]) == 200


def test_popularity_is_asked_both_questions(evaluation: dict[str, Any]) -> None:
    popular = evaluation["popularity"]
    assert popular["distinctive"]["auc_ppm"] < 500_000
    assert popular["most_named"]["popularity"]["auc_ppm"] > popular["most_named"]["structure"]["auc_ppm"]


def test_every_field_has_its_number_and_its_interval(evaluation: dict[str, Any]) -> None:
    assert [field["scenario"] for field in evaluation["fields"]] == list(scenarios())
    for field in evaluation["fields"]:
        assert 0 < field["stressed"] < field["n"] == 31
        assert field["low_ppm"] <= field["auc_ppm"] <= field["high_ppm"]
        assert field["told"] == (
            "yes" if field["low_ppm"] > 500_000 else "no" if field["high_ppm"] < 500_000 else "open"
        )


def test_figures_move_ranks_more_than_weights_and_both_are_told_apart(evaluation: dict[str, Any]) -> None:
    told = evaluation["robustness"]
    assert list(told) == list(NOISES)
    assert told["data"]["kendall_ppm"] < told["weights"]["kendall_ppm"] < 1_000_000
    for part in told.values():
        assert part["auc_low_ppm"] <= part["auc_ppm"] <= part["auc_high_ppm"]


def test_the_answer_holds_integers_and_strings_and_the_same_seed_gives_the_same_bytes(
    evaluation: dict[str, Any],
) -> None:
    assert all(leaf is None or isinstance(leaf, (int, str)) for leaf in leaves(evaluation))
    assert json.dumps(evaluate(draws=200)) == json.dumps(evaluation)
    other = evaluate(draws=200, seed=2)
    assert other["distinctive"]["all"]["auc_ppm"] == evaluation["distinctive"]["all"]["auc_ppm"]
    assert other["permutation"] != evaluation["permutation"]


def test_what_is_evaluated_is_the_order_that_people_see(evaluation: dict[str, Any]) -> None:
    material = gathered()
    table = material.placed(material.structure.standings({name: item.signals for name, item in scenarios().items()}))
    for code in ("520000", "460000", "110000"):
        shown = [row["scenario"] for row in rank(code)["distinctive"]]
        row = table[material.structure.row[code]]
        place = {name: float(row[column]) for column, name in enumerate(material.names)}
        assert shown == sorted(shown, key=lambda name: (-place[name], name))
    assert evaluation["distinctive"]["ranked"]["n"] == 31


def test_no_label_enters_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: turn every report into nonsense; no score may move."""
    signals = {name: item.signals for name, item in scenarios().items()}
    before = Structure(shipped_figures()).standings(signals)
    counts = report_counts()
    for fields in counts.mentions.values():
        for field in fields:
            monkeypatch.setitem(fields, field, len(field) * 7)
    after = Structure(shipped_figures()).standings(signals)
    for name in signals:
        assert np.array_equal(before.standings[name], after.standings[name], equal_nan=True)


def test_labels_moved_to_other_provinces_bring_the_figure_down_to_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: give each province another one's report. A method that tells something has to lose it."""
    counts = report_counts()
    codes = sorted(counts.mentions)
    original = {code: dict(fields) for code, fields in counts.mentions.items()}
    signals = {name: item.signals for name, item in scenarios().items()}
    figures = []
    for step in (5, 11, 17):
        for place, code in enumerate(codes):
            monkeypatch.setitem(counts.mentions, code, original[codes[(place + step) % len(codes)]])
        material = gathered()
        table = material.placed(material.structure.standings(signals))
        figures.append(np.nanmean([area(*row) for row in zip(table, material.stressed, strict=True)]))
    assert np.mean(figures) < 0.57


def test_the_seal_depends_on_the_codes_alone() -> None:
    codes = shipped_figures().regions
    assert sealed(codes) == sealed(tuple(reversed(codes)))
    assert len(sealed(codes)) == 10


def test_area_is_the_chance_of_the_right_order_ties_half() -> None:
    scores, marked = np.array([3.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False])
    assert area(scores, marked) == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert np.isnan(area(scores, np.ones(4, dtype=bool)))
    table, labels = np.array([[1.0, 2, 3], [3, 2, 1]]), np.array([[False, False, True], [True, True, True]])
    across = areas_across(table, labels)
    assert across[0].tolist() == [1.0, 0.0]
    assert np.isnan(across[1]).all()


def test_resampled_area_is_centred_on_the_area_and_unknown_with_one_class() -> None:
    source = np.random.default_rng(1)
    scores, marked = source.random(40), np.arange(40) < 15
    found = resampled_area(scores, marked, generator(3), 400)
    assert found.mean() == pytest.approx(area(scores, marked), abs=0.02)
    assert np.isnan(interval(resampled_area(scores, np.zeros(40, dtype=bool), generator(3), 20))).all()


def test_standings_have_mean_zero_and_spread_one_and_keep_what_is_unknown_unknown() -> None:
    known = np.array([1.0, 2.0, 4.0, 0.5, 1.0, 1.0, 2.0, np.nan, 3.0])
    parts = [Component(None, "quotient", known, 1.0)]  # type: ignore[list-item]  # a signal is not read here
    found = standings({"one": parts}).standings["one"]
    assert np.isnan(found[7])
    assert (np.nanmean(found), np.nanstd(found)) == pytest.approx((0, 1))
    same = standings({"one": [Component(None, "quotient", np.full(9, 3.0), 1.0)]})  # type: ignore[list-item]  # as above
    assert same.standings["one"].tolist() == [0.0] * 9


def test_few_regions_are_ranked_by_the_quotient_itself() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert len(values) < FEWEST_REGIONS
    parts = [Component(None, "quotient", values, 1.0)]  # type: ignore[list-item]  # a signal is not read here
    assert standings({"one": parts}).standings["one"] == pytest.approx([0.0, 1.0, 2.0])


def test_robustness_is_the_same_for_the_same_seed_and_keeps_the_missing_last() -> None:
    structure = Structure(shipped_figures())
    entries = scenarios()
    signals = {
        name: entries[name].signals for name in ("smart-mine", "port-shipping", "marine-ranching", "public-data")
    }
    missing = {name for name in signals if known_missing(entries[name], structure.figures, "520000")}
    assert "marine-ranching" in missing
    found = robustness(structure, "520000", signals, missing, 4)
    assert found == robustness(structure, "520000", signals, missing, 4)
    assert found != robustness(structure, "520000", signals, missing, 5)
    places = ranks(structure.standings(signals).of(structure.row["520000"]), missing)
    for noise in (found.weights, found.data, found.both):
        assert noise["marine-ranching"][0] > len(signals) - len(missing)
        for name, (low, high) in noise.items():
            assert 1 <= low <= high <= len(signals)
            assert name in places
    assert set(found.kendall_ppm) == set(NOISES)


def test_noise_leaves_the_shipped_figures_as_they_are() -> None:
    structure = Structure(shipped_figures())
    signals = {"smart-mine": scenarios()["smart-mine"].signals}
    before = structure.standings(signals).standings["smart-mine"].copy()
    moved = structure.disturbed(generator(1)).standings(signals).standings["smart-mine"]
    assert not np.array_equal(before, moved)
    assert np.array_equal(before, structure.standings(signals).standings["smart-mine"])


def test_each_table_varies_by_its_own_law() -> None:
    values = np.array([0.0, 4.0, 1e6])
    counts = np.array([disturbed(values, "firms", generator(seed)) for seed in range(300)])
    assert (counts[:, 0] == 0).all()
    assert counts[:, 1].std() == pytest.approx(2, rel=0.2)
    shares = np.array([disturbed(values, "gdp", generator(seed))[2] for seed in range(300)])
    assert np.log(shares / 1e6).std() == pytest.approx(0.025, rel=0.2)
    assert np.array_equal(disturbed(values, "geography", generator(1)), values)
    assert all(law.why for law in laws().values())


def test_kendall_is_one_for_the_same_order_and_minus_one_for_the_reverse() -> None:
    order = {"a": 1, "b": 2, "c": 3}
    assert kendall(order, order) == 1
    assert kendall(order, {"a": 3, "b": 2, "c": 1}) == -1
    assert kendall(order, {"a": 2, "b": 1, "c": 3}) == pytest.approx(1 / 3)
    assert kendall({"a": 1}, {"a": 1}) == 1


@pytest.mark.parametrize(("seed", "draws"), [(-1, 100), (2**63, 100), (1, 19), (1, 100_001)])
def test_a_seed_or_draws_out_of_range_are_refused(seed: int, draws: int) -> None:
    with pytest.raises(CallerError, match="not possible"):
        evaluate(seed=seed, draws=draws)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_fits_a_terminal_and_claims_nothing_about_awards(evaluation: dict[str, Any], language: str) -> None:
    text = render_evaluation(evaluation, language)
    assert "65.9 %" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    if language == "en":
        assert "not an award" in text
    else:
        assert not re.search(r"[a-z]{4,} [a-z]{4,}", text)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_has_three_languages_and_neither_program_nor_outside_resource(
    evaluation: dict[str, Any], tmp_path: Path
) -> None:
    path = write_page(evaluation, tmp_path / "made" / "here")
    parser = Tags()
    text = path.read_text(encoding="utf-8")
    parser.feed(text)
    assert not {tag for tag, _attributes in parser.seen} & {"script", "img", "link", "iframe", "object"}
    assert not any(key.startswith("on") or key in {"src", "style"} for _tag, found in parser.seen for key in found)
    policy = next(found["content"] or "" for _tag, found in parser.seen if found.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert [found["lang"] for tag, found in parser.seen if tag == "main"] == list(LANGUAGES)
    assert json.loads((path.parent / "evaluation.json").read_text(encoding="utf-8")) == evaluation
    again = write_page(evaluation, tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


def test_what_stands_in_the_figures_is_escaped(evaluation: dict[str, Any], tmp_path: Path) -> None:
    fields = [
        field | {"names": dict.fromkeys(LANGUAGES, "<script>alert(1)</script>")} for field in evaluation["fields"]
    ]
    text = write_page(evaluation | {"fields": fields}, tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_folder_that_cannot_be_is_one_clear_error(evaluation: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OperatorError) as caught:
        write_page(evaluation, tmp_path / "file")
    assert caught.value.code == "fit-evaluation-not-written"


def test_a_field_is_marked_readable_where_its_own_test_says_so_and_nowhere_else() -> None:
    for field in evaluate()["fields"]:
        assert (field["readability"] == "yes") == (field["told"] == "yes"), field["scenario"]
