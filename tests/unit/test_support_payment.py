"""Payment orders, the offline check of released awards, and refusals in words."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import string
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from poju.errors import CallerError
from poju.i18n import LANGUAGES, catalogue
from poju.ledger import leaf
from poju.ledger.statement import decode
from poju.support.check import check_awards
from poju.support.explain import explain, figures_of, sentences
from poju.support.payment import NAMESPACE, payments, to_csv, to_pain001
from poju.support.programme import load
from poju.units import Seconds

ROOM = Path(__file__).parents[2] / "src" / "poju"


def helper() -> ModuleType:
    name = "support_awards"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


award = helper()


class Recorder(award.World):
    """Keeps each registered statement with its decision, as a published folder does."""

    def submit(self, raw: bytes) -> object:
        answer = super().submit(raw)
        if self.last is not None and self.last.leaves:
            decisions = [leaf.decode(item) for item in self.last.leaves if not leaf.is_statement(item)]
            first = decisions[0] if isinstance(decisions[0], leaf.DecisionLeaf) else None
            self.published.append((decode(raw), first))
        return answer


@pytest.fixture(scope="module")
def world() -> Recorder:
    world = Recorder()
    world.published = []
    world.ready().submit_version()
    assert world.claim(world.prove(award.trace(wrong=1))) == ""
    world.must("award-release", "commission", "award/1", amount=award.CAP, treasury="T1")
    return world


def test_a_released_award_is_checked_again_from_what_is_published(world: Recorder) -> None:
    (found,) = check_awards(world.published, award.rules.HEALTHCARE)
    assert (found.provider, found.amount) == ("provider-a", award.CAP)
    assert check_awards([], award.rules.HEALTHCARE) == []


@pytest.mark.parametrize("kind", ["programme-open", "attestation", "cohort-commit"])
def test_fund_2_an_award_without_what_it_rests_on_is_refused(world: Recorder, kind: str) -> None:
    missing = next(pair for pair in world.published if pair[0].kind == kind)
    with pytest.raises(CallerError) as caught:
        check_awards([pair for pair in world.published if pair is not missing], award.rules.HEALTHCARE)
    assert caught.value.code == "award.unproved"


def test_fund_1_a_log_that_released_twice_is_refused(world: Recorder) -> None:
    claim = next(pair for pair in world.published if pair[0].kind == "award-claim")
    with pytest.raises(CallerError) as caught:
        check_awards([*world.published, claim], award.rules.HEALTHCARE)
    assert caught.value.code == "award.unproved"


@pytest.mark.parametrize(
    "changes", [{"amount": award.CAP + 1}, {"programme": "programme/other"}, {"solution": "solution/provider-b/x/1"}]
)
def test_fund_1_a_log_that_released_what_the_rules_refuse_is_refused(world: Recorder, changes: dict) -> None:
    statements = list(world.published)
    at = next(number for number, pair in enumerate(statements) if pair[0].kind == "award-claim")
    item, decision = statements[at]
    fields = {**item.fields, **changes}
    forged = decode(world.signed("award-claim", "provider-a", item.subject, fields))
    statements[at] = (forged, decision)
    with pytest.raises(CallerError) as caught:
        check_awards(statements, award.rules.HEALTHCARE)
    assert caught.value.code == "award.unproved"


def test_csv_for_a_treasury(world: Recorder) -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv(payments(world.published)).decode()))
    assert (row["award"], row["provider"], row["amount_yuan"]) == ("award/1", "provider-a", "5000000.00")
    assert (row["currency"], row["account"], row["treasury"]) == ("CNY", "DEMO-provider-a", "T1")


def test_pain_001_for_a_treasury_is_deterministic_and_adds_up(world: Recorder) -> None:
    orders = payments(world.published)
    document = to_pain001(orders, initiator="commission", time=Seconds(1_700_000_000))
    assert document == to_pain001(orders, initiator="commission", time=Seconds(1_700_000_000))
    tree = ET.fromstring(document)  # noqa: S314 - our own document
    names = {"p": NAMESPACE}
    assert tree.tag == f"{{{NAMESPACE}}}Document"
    text = {name: [found.text for found in tree.iterfind(f".//p:{name}", names)] for name in ("CtrlSum", "NbOfTxs")}
    assert text == {"CtrlSum": ["5000000.00"] * 2, "NbOfTxs": ["1", "1"]}
    (amount,) = tree.iterfind(".//p:InstdAmt", names)
    assert (amount.text, amount.get("Ccy")) == ("5000000.00", "CNY")
    (day,) = tree.iterfind(".//p:ReqdExctnDt/p:Dt", names)
    assert day.text == "2023-11-14"
    for name, longest in [("MsgId", 35), ("EndToEndId", 35), ("PmtInfId", 35), ("Ustrd", 140)]:
        assert all(0 < len(found.text) <= longest for found in tree.iterfind(f".//p:{name}", names))


def test_a_claim_without_an_order_is_not_paid(world: Recorder) -> None:
    waiting = [pair for pair in world.published if pair[0].kind != "award-release"]
    assert payments(waiting) == []
    with pytest.raises(CallerError) as caught:
        to_pain001([], initiator="commission", time=Seconds(0))
    assert caught.value.code == "payment.none"


def test_every_refusal_of_the_room_has_a_sentence() -> None:
    source = "".join(path.read_text() for path in (ROOM / "support").glob("*.py"))
    codes = set(re.findall(r'"((?:award|support)\.[a-z-]+)"', source)) - {"award.unproved"}
    assert codes == set(sentences())


def test_every_code_of_the_three_rooms_rules_is_in_the_reference() -> None:
    page = (ROOM.parents[1] / "docs" / "reference" / "support.md").read_text(encoding="utf-8")
    rules = [ROOM / "solution" / "rules.py", ROOM / "evidence" / "rules.py"]
    sources = [*rules, *(ROOM / "support").glob("*.py")]
    found = {
        code
        for path in sources
        for code in re.findall(r'"((?:award|support|evidence|solution)\.[a-z-]+)"', path.read_text())
    }
    missing = sorted(code for code in found if f"`{code}`" not in page)
    assert found
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_says_what_was_needed_and_what_was_shown(language: str, world: Recorder) -> None:
    terms = load(world.package.files["programme.toml"])
    shown = figures_of(terms, world.measured(award.trace(wrong=8)).result, amount=award.CAP + 1)
    below = explain("award.below-condition", language, **shown)
    assert "80.00" in below
    assert shown["lower"] in below
    assert "5,000,000.01" in explain("award.above-cap", language, **shown)
    assert "–" in explain("award.below-condition", language)
    assert "award.other" in explain("award.other", language)


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_every_sentence_is_translated_with_the_same_figures(language: str) -> None:
    def figures(text: str) -> set[str | None]:
        return {name for _text, name, _format, _conversion in string.Formatter().parse(text) if name}

    known = catalogue(language)
    for sentence in sentences().values():
        assert sentence in known, sentence
        assert figures(known[sentence]) == figures(sentence)
