from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support_rules import HEALTHCARE, Ledger, key_of

from poju.errors import CallerError
from poju.ledger.block import Declined, Entered, execute
from poju.ledger.leaf import is_statement
from poju.ledger.rulebook import Registered
from poju.ledger.statement import decode
from poju.rulebook import compose
from poju.scenario import runtime
from poju.scenario.rulebook import ScenarioRules

HANDLE = "a" * 32
ORDER = {"class": "lab-chemistry", "handle": HANDLE, "item": "GLU"}


@pytest.fixture(scope="module")
def opened() -> Ledger:
    return Ledger().with_members()


@pytest.fixture
def ledger(opened: Ledger) -> Ledger:
    return Ledger(opened.package, dict(opened.values), dict(opened.known), opened.head, opened.now)


def code(ledger: Ledger, raw: bytes) -> str:
    before = (dict(ledger.values), ledger.head)
    answer = ledger.submit(raw)
    assert isinstance(answer, Declined), "it was registered"
    # RULE-2: whatever the reason, nothing has changed.
    assert (ledger.values, ledger.head) == before
    return answer.code


def test_the_composed_rule_book_knows_a_rule_for_every_kind_but_the_packages_own() -> None:
    rules = compose(HEALTHCARE)
    assert set(rules.kinds) - set(rules._rules) == set(rules.package.kinds)
    assert set(rules._rules) <= set(rules.kinds)


def test_rule_1_an_unknown_kind_is_refused(ledger: Ledger) -> None:
    assert code(ledger, ledger.signed("coin-mint", "commission", "coin/1", {})) == "kind.unknown"


def test_rule_1_a_stranger_has_no_key_here(ledger: Ledger) -> None:
    assert code(ledger, ledger.signed("test-order", "stranger", "order/1", ORDER)) == "key.unknown"


def test_rule_1_an_applicant_can_do_nothing_before_admission(ledger: Ledger) -> None:
    assert not ledger.apply("hospital-c", "hospital")
    assert code(ledger, ledger.signed("test-order", "hospital-c", "order/1", ORDER)) == "member.not-admitted"


def test_rule_1_a_suspended_member_can_do_nothing_any_more(ledger: Ledger) -> None:
    ledger.must("member-suspend", "commission", "member/hospital-a", reason="breach")
    assert code(ledger, ledger.signed("test-order", "hospital-a", "order/1", ORDER)) == "member.not-admitted"


def test_rule_1_a_member_cannot_speak_for_another_with_its_own_key(ledger: Ledger) -> None:
    forged = ledger.signed("test-order", "hospital-a", "order/1", ORDER, signer="hospital-b")
    assert code(ledger, forged) == "member.key"


def test_rule_1_a_false_signature_under_a_known_key_is_refused(ledger: Ledger) -> None:
    raw = ledger.signed("test-order", "hospital-a", "order/1", ORDER)
    assert code(ledger, raw[:-1] + bytes([raw[-1] ^ 1])) == "signature.invalid"


@pytest.mark.parametrize(
    ("kind", "issuer", "subject", "fields"),
    [
        ("test-order", "insurer", "order/1", ORDER),
        ("test-order", "commission", "order/1", ORDER),
        ("member-admit", "hospital-a", "member/hospital-b", {"roles": ["hospital"]}),
        ("consent-revoke", "commission", f"consent/{HANDLE}", {"grantee": "hospital-a"}),
        ("consent-revoke", "insurer", f"consent/{HANDLE}", {"grantee": "hospital-a"}),
        ("pointer", "insurer", f"pointer/{HANDLE}", {"commitment": bytes(32), "class": "claim", "handle": HANDLE}),
    ],
)
def test_rule_1_nobody_issues_outside_its_role(
    ledger: Ledger, kind: str, issuer: str, subject: str, fields: dict[str, object]
) -> None:
    assert code(ledger, ledger.signed(kind, issuer, subject, fields)) == "member.role"


def test_rule_1_steps_outside_the_workflows_table_are_refused(ledger: Ledger) -> None:
    decided = {"outcome": "recognised", "reason": "accepted"}
    assert code(ledger, ledger.signed("recognition", "hospital-a", "order/1", decided)) == "workflow.illegal"
    ledger.must("test-order", "hospital-a", "order/1", **ORDER)
    assert code(ledger, ledger.signed("test-order", "hospital-a", "order/1", ORDER)) == "workflow.illegal"
    ledger.must("recognition", "hospital-a", "order/1", **decided)
    assert code(ledger, ledger.signed("recognition", "hospital-a", "order/1", decided)) == "workflow.illegal"
    assert ledger.get("subject/order/1") == "recognised"


def test_rule_1_only_the_member_that_opened_an_order_decides_on_it(ledger: Ledger) -> None:
    ledger.must("test-order", "hospital-a", "order/1", **ORDER)
    decided = {"outcome": "repeated", "reason": "quality"}
    assert code(ledger, ledger.signed("recognition", "hospital-b", "order/1", decided)) == "workflow.not-opener"


def test_a_charge_without_an_order_is_kept_so_that_the_indicator_can_count_it(ledger: Ledger) -> None:
    ledger.must("charge", "insurer", "order/9", amount=1200, billed=True)
    assert ledger.get("subject/order/9") == "unordered"


@pytest.mark.parametrize("age", [601, -601])
def test_a_statement_outside_the_freshness_window_is_stale(ledger: Ledger, age: int) -> None:
    assert code(ledger, ledger.signed("test-order", "hospital-a", "order/1", ORDER, age=age)) == "ledger.stale"


@pytest.mark.parametrize("age", [600, -600])
def test_a_statement_at_the_edge_of_the_freshness_window_is_registered(ledger: Ledger, age: int) -> None:
    assert isinstance(ledger.submit(ledger.signed("test-order", "hospital-a", "order/1", ORDER, age=age)), Entered)


def test_a_subject_of_another_kind_is_refused(ledger: Ledger) -> None:
    for subject in ("access/1", "orders/1", "order", "member/hospital-a"):
        assert code(ledger, ledger.signed("test-order", "hospital-a", subject, ORDER)) == "subject.wrong"


def test_priv_1_a_name_fits_no_field(ledger: Ledger) -> None:
    named = {**ORDER, "handle": "Wang Fang"}
    assert code(ledger, ledger.signed("test-order", "hospital-a", "order/1", named)) == "field.range"
    noted = {**ORDER, "note": "Wang Fang, 1970-01-01"}
    assert code(ledger, ledger.signed("test-order", "hospital-a", "order/1", noted)) == "field.unknown"


def test_rule_2_a_refused_statement_inside_a_block_leaves_the_others_as_if_it_had_not_been(ledger: Ledger) -> None:
    good = ledger.signed("test-order", "hospital-a", "order/1", ORDER)
    bad = ledger.signed("test-order", "insurer", "order/2", ORDER)
    items = [decode(raw).verify(key_of(name).public) for raw, name in ((good, "hospital-a"), (bad, "insurer"))]
    both = execute(ledger.rules, ledger, ledger, ledger.head, ledger.now, items)
    alone = execute(ledger.rules, ledger, ledger, ledger.head, ledger.now, items[:1])
    assert both.answers[1] == Declined("member.role")
    assert (both.leaves, both.writes, both.head) == (alone.leaves, alone.writes, alone.head)
    assert [is_statement(leaf) for leaf in both.leaves] == [True, False]


def test_ledger_open_happens_once_and_only_with_the_key_it_carries() -> None:
    ledger = Ledger()
    fields = {"origin": "test.invalid", "log_key": bytes(32), "demonstration": True}
    stolen = {**fields, "key": key_of("somebody").public.raw}
    assert code(ledger, ledger.signed("ledger-open", "commission", "ledger", stolen)) == "key.unknown"
    ledger.open_ledger()
    again = {**fields, "key": key_of("usurper").public.raw}
    assert code(ledger, ledger.signed("ledger-open", "usurper", "ledger", again)) == "ledger.already-open"
    assert ledger.get("ledger")["authority"] == "commission"


def test_nothing_but_the_opening_is_possible_before_the_scenario_is_open() -> None:
    ledger = Ledger()
    ledger.open_ledger()
    call = {"roles": ["hospital"], "closes": ledger.now + 9, "programme": bytes(32), "cohorts": []}
    assert ledger.say("call-open", "commission", "call/1", **call) == "scenario.not-open"
    assert ledger.apply("hospital-a", "hospital") == "scenario.not-open"


def test_scenario_open_takes_only_the_package_and_runtime_that_the_node_holds() -> None:
    ledger = Ledger()
    ledger.open_ledger()
    fields = {"package": ledger.package.digest, "runtime": dict(runtime.describe()), "selection": "selection/1"}
    opening = ("scenario-open", "commission", "scenario/healthcare")
    assert ledger.say(*opening, **fields) == "scenario.selection-unknown"
    assert ledger.say(*opening, **{**fields, "package": bytes(32)}) == "scenario.package-unknown"
    other = {**runtime.describe(), "cedarpy": "0.0.1"}
    assert ledger.say(*opening, **{**fields, "runtime": other}) == "scenario.runtime-differs"
    assert ledger.say(*opening, **{**fields, "runtime": {}}) == "scenario.runtime-differs"
    ledger2 = Ledger()
    ledger2.open_scenario()
    assert ledger2.say(*opening, **fields) == "scenario.already-open"


def test_members_apply_under_an_open_call_for_called_roles_with_a_key_of_their_own(ledger: Ledger) -> None:
    assert ledger.apply("x", "authority") == "member.role-not-called"
    assert ledger.apply("x") == "member.role-not-called"
    assert ledger.apply("x", "provider", "auditor") == "member.roles-conflict"
    assert ledger.apply("x", "identity-index", "insurer") == "member.roles-conflict"
    assert ledger.apply("hospital-a", "hospital") == "member.already-applied"
    raw = {"key": key_of("hospital-a").public.raw, "name": "x", "roles": ["hospital"], "call": "call/1"}
    taken = ledger.signed("member-apply", "x", "member/x", raw, signer="hospital-a")
    assert code(ledger, taken) == "member.key-taken"
    other = {**raw, "key": key_of("x").public.raw}
    assert code(ledger, ledger.signed("member-apply", "x", "member/y", other)) == "subject.wrong"
    assert code(ledger, ledger.signed("member-apply", "x", "member/x", {**other, "call": "scenario"})) == "call.unknown"
    ledger.now += 3601
    assert ledger.apply("x", "hospital") == "call.closed"


def test_admission_grants_only_what_was_applied_for_and_only_once(ledger: Ledger) -> None:
    assert not ledger.apply("x", "clinic")
    admit = ("member-admit", "commission", "member/x")
    assert ledger.say(*admit, roles=["clinic", "insurer"]) == "member.role-not-applied"
    assert ledger.say(*admit, roles=[]) == "member.role-not-applied"
    ledger.must(*admit, roles=["clinic"])
    assert ledger.say(*admit, roles=["clinic"]) == "member.not-applied"
    assert ledger.say("member-suspend", "commission", "member/commission", reason="left") == "member.suspends-itself"


def test_policies_that_cannot_be_read_stop_the_node_before_its_first_statement(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HEALTHCARE, tmp_path / "p"))
    (folder / "access.cedar").write_text("permit (", encoding="utf-8")
    with pytest.raises(CallerError, match="access policies"):
        compose(folder)


def test_a_rule_that_breaks_its_kinds_promise_of_a_decision_registers_nothing(ledger: Ledger) -> None:
    silent = ScenarioRules(ledger.package, {"access-request": lambda _context: Registered()}, ledger.rules.kinds)
    ledger.rules = silent
    fields = {"pointer": "pointer/" + "1" * 32, "purpose": "treatment", "basis": "consent", "assertion": b"x"}
    asked = ledger.signed("access-request", "hospital-a", "access/1", fields)
    assert code(ledger, asked) == "kind.decision-missing"


def test_priv_1_only_an_admitted_auditor_reads_everything() -> None:
    ledger = Ledger().with_members()
    assert ledger.apply("court", "auditor") == ""
    assert not ledger.rules.reads_everything(ledger, "court")
    ledger.must("member-admit", "commission", "member/court", roles=["auditor"])
    assert ledger.rules.reads_everything(ledger, "court")
    assert not any(ledger.rules.reads_everything(ledger, name) for name in ("commission", "hospital-a", "nobody"))
    ledger.must("member-suspend", "commission", "member/court", reason="breach")
    assert not ledger.rules.reads_everything(ledger, "court")
