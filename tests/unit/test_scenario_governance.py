"""Proposals, votes and activation: who may, how many must, when it takes effect, and that a replay agrees (LOG-4)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from support_governance import VOTERS, Chamber, validator
from support_rules import HEALTHCARE, key_of

from poju.errors import CallerError, OperatorError
from poju.ledger import cbor
from poju.ledger.block import Declined, execute
from poju.ledger.replay import replay
from poju.ledger.rulebook import Block
from poju.ledger.statement import decode
from poju.rulebook import compose
from poju.scenario import runtime
from poju.scenario.governance import DEFAULT, Threshold
from poju.scenario.governance_keys import prove
from poju.scenario.package import digest, load

ORDER = {"class": "lab-chemistry", "handle": "a" * 32, "item": "GLU"}


@pytest.fixture(scope="module")
def opened() -> Chamber:
    chamber = Chamber()
    chamber.with_members()
    return chamber


@pytest.fixture
def chamber(opened: Chamber) -> Chamber:
    return opened.branch()


def test_thresholds_are_counted_in_integers_and_are_more_than_a_half() -> None:
    assert [Threshold(2, 3).needed(count) for count in (0, 1, 2, 3, 4, 7, 9)] == [1, 1, 2, 2, 3, 5, 6]
    assert Threshold(51, 100).needed(8) == 5
    assert Threshold(1, 1).needed(8) == 8
    impossible = (Threshold(1, 2), Threshold(3, 2), Threshold(0, 0), Threshold(-1, -1), Threshold(999, 1001))
    assert not any(threshold.possible for threshold in impossible)


def test_a_proposal_passes_at_its_threshold_and_activates_in_the_next_block(chamber: Chamber) -> None:
    assert chamber.propose("1", "member-suspend", member="clinic-a", reason="breach") == ""
    for who in VOTERS[:4]:
        assert chamber.vote("1", who) == ""
        assert chamber.standing("1") == "open"
    assert chamber.vote("1", VOTERS[4]) == ""
    assert chamber.standing("1") == "passed"
    assert chamber.get("member/clinic-a")["state"] == "admitted"
    chamber.step()
    assert chamber.standing("1") == "active"
    assert chamber.get("member/clinic-a")["state"] == "suspended"
    assert chamber.get("governance")["pending"] == []


def test_a_decision_takes_effect_before_the_first_statement_of_its_block(chamber: Chamber) -> None:
    assert chamber.propose("1", "member-suspend", member="hospital-a", reason="breach") == ""
    chamber.pass_("1")
    before = dict(chamber.values)
    assert chamber.say("test-order", "hospital-a", "order/1", **ORDER) == "member.not-admitted"
    # RULE-2: a block that registers nothing has not begun, so that the decision waits for one that does
    assert chamber.values == before
    assert chamber.standing("1") == "passed"
    chamber.step()
    assert chamber.standing("1") == "active"


def test_a_named_height_is_waited_for(chamber: Chamber) -> None:
    height = chamber.head.height + 12
    assert chamber.propose("1", "member-suspend", member="clinic-a", reason="breach", height=height) == ""
    chamber.pass_("1")
    while chamber.head.height < height - 1:
        chamber.step()
        assert chamber.get("member/clinic-a")["state"] == "admitted"
    chamber.step()
    assert chamber.get("member/clinic-a")["state"] == "suspended"
    assert chamber.get("proposal/1")["active"] == height


def test_decisions_of_one_block_activate_in_the_order_of_heights_and_then_of_passing(chamber: Chamber) -> None:
    height = chamber.head.height + 40
    for name, at in (("b", height), ("a", height - 1), ("c", height)):
        target = {"b": "clinic-a", "a": "university", "c": "clinic-a"}[name]
        action = "member-remove" if name == "c" else "member-suspend"
        assert chamber.propose(name, action, member=target, reason="breach", height=at) == ""
        chamber.pass_(name)
    assert [subject for _height, subject in chamber.get("governance")["pending"]] == [
        "proposal/a",
        "proposal/b",
        "proposal/c",
    ]
    while chamber.head.height < height:
        chamber.step()
    assert [chamber.standing(name) for name in "abc"] == ["active"] * 3
    assert chamber.get("member/clinic-a")["state"] == "removed"


def test_what_is_no_longer_possible_when_it_activates_is_void_and_changes_nothing(chamber: Chamber) -> None:
    height = chamber.head.height + 20
    assert chamber.propose("1", "member-suspend", member="clinic-a", reason="breach", height=height) == ""
    chamber.pass_("1")
    chamber.must("member-suspend", "commission", "member/clinic-a", reason="breach")
    while chamber.head.height < height:
        chamber.step()
    found = chamber.get("proposal/1")
    assert (found["state"], found["reason"]) == ("void", "member.not-admitted")


def test_rule_1_who_has_no_vote_neither_proposes_nor_votes(chamber: Chamber) -> None:
    asks = {"member": "clinic-a", "reason": "breach"}
    assert chamber.propose("1", "member-suspend", by="provider-a", **asks) == "vote.not-eligible"
    assert chamber.propose("1", "member-suspend", **asks) == ""
    assert chamber.vote("1", "provider-a") == "vote.not-eligible"
    assert chamber.vote("2", "hospital-a") == "proposal.unknown"
    chamber.must("member-suspend", "commission", "member/hospital-b", reason="breach")
    assert chamber.vote("1", "hospital-b") == "member.not-admitted"


def test_rule_1_a_member_has_one_vote_and_may_change_it_until_the_decision(chamber: Chamber) -> None:
    assert chamber.propose("1", "member-suspend", member="clinic-a", reason="breach") == ""
    for _again in range(8):
        assert chamber.vote("1", "hospital-a") == ""
    assert chamber.standing("1") == "open"
    assert chamber.vote("1", "hospital-a", approve=False) == ""
    assert chamber.get("proposal/1")["votes"] == {"hospital-a": False}
    for who in ("commission", "hospital-b", "clinic-a", "insurer", "university"):
        assert chamber.vote("1", who) == ""
    assert chamber.standing("1") == "passed"
    assert chamber.vote("1", "hospital-a") == "proposal.decided"


def test_rule_1_votes_of_members_that_are_suspended_by_the_decision_do_not_count(chamber: Chamber) -> None:
    assert chamber.propose("1", "validator-admit", **validator()) == ""
    for who in ("hospital-a", "hospital-b", "clinic-a", "insurer", "university"):
        assert chamber.vote("1", who) == ""
    for who in ("hospital-b", "clinic-a"):
        chamber.must("member-suspend", "commission", f"member/{who}", reason="breach")
    # six members are left with a vote, four of them have to agree; three of the five who did are still there
    assert chamber.vote("1", "hospital-a") == ""
    assert chamber.standing("1") == "open"
    assert chamber.vote("1", "commission") == ""
    assert chamber.standing("1") == "passed"


def test_a_proposal_that_can_no_longer_pass_is_rejected(chamber: Chamber) -> None:
    assert chamber.propose("1", "validator-admit", **validator()) == ""
    for who in VOTERS[:2]:
        assert chamber.vote("1", who, approve=False) == ""
        assert chamber.standing("1") == "open"
    assert chamber.vote("1", VOTERS[2], approve=False) == ""
    assert chamber.standing("1") == "rejected"
    assert chamber.vote("1", VOTERS[3]) == "proposal.decided"


def test_a_proposal_ends_at_its_time(chamber: Chamber) -> None:
    asks = {"member": "clinic-a", "reason": "breach"}
    assert chamber.propose("0", "member-suspend", expires=0, **asks) == "proposal.expired"
    assert chamber.propose("1", "member-suspend", expires=60, **asks) == ""
    chamber.now += 60
    assert chamber.vote("1", "hospital-a") == ""
    chamber.now += 1
    assert chamber.vote("1", "hospital-b") == "proposal.expired"


@pytest.mark.parametrize(
    ("action", "asks", "code"),
    [
        ("member-suspend", {"member": "clinic-a"}, "proposal.fields"),
        ("member-suspend", {"member": "clinic-a", "reason": "breach", "package": bytes(32)}, "proposal.fields"),
        ("member-suspend", {"member": "nobody", "reason": "breach"}, "member.not-admitted"),
        ("member-admit", {"member": "clinic-a", "roles": ["clinic"]}, "member.not-applied"),
        ("member-admit", {"member": "clinic-a", "roles": ["king"]}, "field.range"),
        ("member-mint", {}, "field.range"),
        ("member-key", {"member": "clinic-a", "key": bytes(32), "proof": bytes(64)}, "member.key-proof"),
        ("validator-admit", validator(member="nobody"), "member.not-admitted"),
        ("validator-admit", validator("log"), "validator.name-taken"),
        ("validator-admit", {**validator(), "log_key": key_of("log").public.raw}, "validator.key-used"),
        ("validator-admit", {**validator(), "log_key": validator()["consensus"]}, "validator.key-used"),
        ("validator-suspend", {"name": "v9", "reason": "breach"}, "validator.unknown"),
        ("log-key", {"log_key": key_of("log").public.raw}, "log-key.used"),
        ("log-key-compromised", {"log_key": bytes(32)}, "log-key.unknown"),
        ("package", {"package": digest(HEALTHCARE)}, "proposal.no-change"),
        ("runtime", {"runtime": dict(runtime.describe())}, "proposal.no-change"),
        ("runtime", {"runtime": {}}, "proposal.no-change"),
        ("thresholds", {"thresholds": {}}, "proposal.thresholds"),
        ("thresholds", {"thresholds": {"members": "1:2"}}, "proposal.thresholds"),
        ("thresholds", {"thresholds": {"members": "4:3"}}, "proposal.thresholds"),
        ("thresholds", {"thresholds": {"members": "two"}}, "proposal.thresholds"),
        ("thresholds", {"thresholds": {"kings": "2:3"}}, "proposal.thresholds"),
    ],
)
def test_a_proposal_that_is_malformed_or_impossible_today_is_refused(
    chamber: Chamber, action: str, asks: dict[str, cbor.Value], code: str
) -> None:
    before = dict(chamber.values)
    assert chamber.propose("1", action, **asks) == code
    assert chamber.values == before


def test_a_proposals_name_is_taken_once(chamber: Chamber) -> None:
    asks = {"member": "clinic-a", "reason": "breach"}
    assert chamber.propose("1", "member-suspend", **asks) == ""
    assert chamber.propose("1", "member-suspend", by="hospital-b", **asks) == "proposal.taken"


def test_members_are_admitted_again_and_removed_by_vote(chamber: Chamber) -> None:
    chamber.must("member-suspend", "commission", "member/clinic-a", reason="breach")
    chamber.decide("1", "member-admit", member="clinic-a", roles=["clinic"])
    assert chamber.say("test-order", "clinic-a", "order/1", **ORDER) == ""
    chamber.decide("2", "member-remove", member="clinic-a", reason="breach")
    assert chamber.say("test-order", "clinic-a", "order/2", **ORDER) == "member.not-admitted"
    assert chamber.propose("3", "member-admit", member="clinic-a", roles=["clinic"]) == "member.not-applied"
    assert chamber.apply("clinic-a", "clinic") == "member.already-applied"


def test_rule_1_a_lost_key_is_replaced_by_vote(chamber: Chamber) -> None:
    proof = prove(key_of("clinic-a:2"), "test.invalid", "clinic-a", key_of("clinic-a").public.thumbprint)
    chamber.decide("1", "member-key", member="clinic-a", key=key_of("clinic-a:2").public.raw, proof=proof)
    assert chamber.say("test-order", "clinic-a", "order/1", **ORDER) == "member.key"
    raw = chamber.signed("test-order", "clinic-a", "order/1", ORDER, signer="clinic-a:2")
    assert not isinstance(chamber.submit(raw), Declined)


def test_validators_and_their_log_keys_come_and_go_by_range_of_sizes(chamber: Chamber) -> None:
    chamber.decide("1", "validator-admit", **validator("v1"))
    first = chamber.head
    chamber.decide("2", "validator-admit", **validator("v2", "hospital-b"))
    assert chamber.propose("x", "validator-admit", **validator("v2")) == "validator.name-taken"
    assert chamber.propose("x", "validator-admit", **{**validator("v1"), "name": "v3"}) == "validator.key-used"
    chamber.decide("3", "validator-suspend", name="v1", reason="breach")
    chamber.step()
    known = chamber.get("validators")
    assert [(item["name"], item["state"]) for item in known] == [("v1", "suspended"), ("v2", "admitted")]
    assert known[0]["from_height"] == chamber.head.height - 1
    keys = {item["name"]: item for item in chamber.get("log-keys")}
    assert (keys["v1"]["from"], keys["v2"]["until"]) == (first.size - 2, None)
    assert keys["v1"]["from"] < keys["v2"]["from"] < keys["v1"]["until"] < chamber.head.size
    assert chamber.propose("x", "validator-remove", name="v2", reason="breach") == "validator.last"


def test_log_3_a_new_log_key_takes_over_at_a_size_and_a_stolen_one_is_declared(chamber: Chamber) -> None:
    size = chamber.head.size
    chamber.decide("1", "log-key", log_key=key_of("log:2").public.raw)
    old, new = chamber.get("log-keys")
    assert (old["key"], old["from"], old["until"]) == (key_of("log").public.raw, 0, new["from"])
    assert (new["until"], new["compromised"]) == (None, None)
    assert new["from"] > size
    chamber.decide("2", "log-key-compromised", log_key=key_of("log").public.raw)
    old_now, new_now = chamber.get("log-keys")
    assert (old_now["until"], new_now) == (old["until"], new)
    assert old_now["compromised"] > old["until"]
    asks = {"log_key": key_of("log").public.raw}
    assert chamber.propose("3", "log-key-compromised", **asks) == "log-key.compromised-already"
    assert chamber.propose("3", "log-key", **asks) == "log-key.used"


def test_voted_thresholds_stand_over_the_packages(chamber: Chamber) -> None:
    chamber.decide("1", "thresholds", thresholds={"members": "1:1"})
    assert chamber.propose("2", "member-suspend", member="provider-a", reason="breach") == ""
    chamber.pass_("2", len(VOTERS) - 1)
    assert chamber.standing("2") == "open"
    assert chamber.vote("2", VOTERS[-1]) == ""
    assert chamber.standing("2") == "passed"


def test_the_last_voter_cannot_be_voted_out() -> None:
    chamber = Chamber()
    chamber.open_scenario()
    asks = {"member": "commission", "reason": "left"}
    assert chamber.propose("1", "member-suspend", by="commission", **asks) == "proposal.last-voter"


def amended(folder: Path) -> tuple[Path, bytes]:
    """A second version of the package, as ``folder/<its digest>``, under which charges have another longest delay."""
    made = Path(shutil.copytree(HEALTHCARE, folder / "made"))
    path = made / "scenario.toml"
    text = path.read_text(encoding="utf-8").replace('version = "1"', 'version = "2"')
    path.write_text(text.replace("freshness = 600", "freshness = 60"), encoding="utf-8")
    found = digest(made)
    made.rename(folder / found.hex())
    return folder / found.hex(), found


def test_who_agrees_to_a_package_attests_that_it_holds_it(chamber: Chamber) -> None:
    assert chamber.propose("1", "package", package=bytes(32)) == ""
    assert chamber.vote("1", "hospital-a") == "vote.holds"
    assert chamber.vote("1", "hospital-a", holds=b"\1" * 32) == "vote.holds"
    assert chamber.vote("1", "hospital-a", holds=bytes(32)) == ""
    assert chamber.vote("1", "hospital-b", approve=False, holds=bytes(32)) == "vote.holds"
    assert chamber.vote("1", "hospital-b", approve=False) == ""
    assert chamber.propose("2", "member-suspend", member="clinic-a", reason="breach") == ""
    assert chamber.vote("2", "hospital-a", holds=bytes(32)) == "vote.holds"


def test_log_4_a_package_comes_into_force_by_vote_and_a_replay_uses_each_in_its_time(tmp_path: Path) -> None:
    folder, found = amended(tmp_path)
    chamber = Chamber()
    chamber.rules = compose(HEALTHCARE, tmp_path)
    chamber.with_members()
    old = chamber.signed("test-order", "hospital-a", "order/1", ORDER, age=600)
    assert not isinstance(chamber.submit(old), Declined)
    assert chamber.propose("1", "package", package=found) == ""
    chamber.pass_("1", holds=found)
    late = chamber.signed("test-order", "hospital-a", "order/2", ORDER, age=61)
    assert chamber.submit(late) == Declined("ledger.stale")
    chamber.step()
    assert chamber.rules.in_force(chamber).package.digest == found
    assert load(folder).version == "2"
    *_, (outcome, state) = replay(compose(HEALTHCARE, tmp_path), chamber.leaves)
    assert outcome.head == chamber.head
    assert state.values == chamber.values


def test_a_node_without_the_voted_package_waits_says_so_and_goes_on_when_it_is_brought(
    chamber: Chamber, tmp_path: Path
) -> None:
    chamber.rules = compose(HEALTHCARE, tmp_path / "packages")
    (tmp_path / "packages").mkdir()
    folder, found = amended(tmp_path)
    assert chamber.propose("1", "package", package=found) == ""
    chamber.pass_("1", holds=found)
    before = (dict(chamber.values), chamber.head)
    with pytest.raises(OperatorError, match=found.hex()) as stopped:
        chamber.step()
    assert stopped.value.code == "governance.blob-missing"
    assert (chamber.values, chamber.head) == before
    forged = Path(shutil.copytree(HEALTHCARE, tmp_path / "packages" / found.hex()))
    with pytest.raises(OperatorError, match=found.hex()):
        chamber.step()
    shutil.rmtree(forged)
    folder.rename(tmp_path / "packages" / found.hex())
    chamber.step()
    assert chamber.standing("1") == "active"


def test_a_node_on_another_runtime_than_the_voted_one_waits(chamber: Chamber) -> None:
    wanted = {**runtime.describe(), "rules": "99"}
    held = hashlib.sha256(cbor.encode(wanted)).digest()
    assert chamber.propose("1", "runtime", runtime=wanted) == ""
    chamber.pass_("1", holds=held)
    with pytest.raises(OperatorError, match="rules 99") as stopped:
        chamber.step()
    assert stopped.value.code == "governance.blob-missing"


def test_log_4_a_log_of_every_action_replays_to_the_same_state(chamber: Chamber) -> None:
    chamber.decide("1", "validator-admit", **validator("v1"))
    chamber.decide("2", "validator-admit", **validator("v2"))
    chamber.decide("3", "validator-remove", name="v1", reason="breach")
    chamber.decide("4", "log-key", log_key=key_of("log:2").public.raw)
    chamber.decide("5", "member-remove", member="provider-a", reason="breach")
    chamber.decide("6", "thresholds", thresholds={"members": "2:3"})
    *_, (outcome, state) = replay(chamber.rules, chamber.leaves)
    assert outcome.head == chamber.head
    assert state.values == chamber.values


def test_log_2_a_decision_that_is_left_out_gives_another_state_digest(chamber: Chamber) -> None:
    assert chamber.propose("1", "member-suspend", member="clinic-a", reason="breach") == ""
    chamber.pass_("1")
    raw = chamber.signed("publication", "commission", "publication/1", {"manifest": bytes(32)})
    item = decode(raw).verify(key_of("commission").public)
    assert item is not None
    honest = execute(chamber.rules, chamber, chamber, chamber.head, chamber.now, [item])
    deaf = type("Deaf", (), {"register": chamber.rules.register})()
    other = execute(deaf, chamber, chamber, chamber.head, chamber.now, [item])
    assert honest.head.state != other.head.state
    assert "member/clinic-a" in honest.writes


def test_an_ordinary_block_reads_one_key_more_and_writes_nothing_more(chamber: Chamber) -> None:
    asked: list[str] = []

    class Watched:
        def get(self, key: str) -> cbor.Value:
            asked.append(key)
            return chamber.get(key)

    assert chamber.rules.begin(Watched(), Block(chamber.head.height + 1, chamber.now, chamber.head.size)) == (
        chamber.rules,
        {},
    )
    assert asked == ["governance"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("members = { agree = 51, of = 100 }", "members = { agree = 50, of = 100 }"),
        ("members = { agree = 51, of = 100 }", "members = { agree = 4, of = 3 }"),
        ("members = { agree = 51, of = 100 }", "members = { agree = 0, of = 0 }"),
        ("members = { agree = 51, of = 100 }", ""),
        ("members = { agree = 51, of = 100 }", "members = { agree = 1, of = 1, veto = 1 }"),
        ('direct = ["member-admit", "member-suspend"]', 'direct = ["award-release"]'),
        ('"attester", "auditor"]\ndirect', '"attester", "king"]\ndirect'),
        (
            'voters = ["authority", "identity", "custodian", "insurer", "disease-control", "attester", "auditor"]',
            "voters = []",
        ),
    ],
)
def test_scenario_check_refuses_a_governance_table_under_which_nothing_could_be_decided(
    tmp_path: Path, old: str, new: str
) -> None:
    from poju.scenario.check import check  # noqa: PLC0415 - it loads the policies' engine

    folder = Path(shutil.copytree(HEALTHCARE, tmp_path / "p"))
    path = folder / "scenario.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert {problem.code for problem in check(folder)} & {"package.malformed", "governance.voter-unknown"}


def test_a_package_without_the_table_has_the_default_and_one_can_leave_the_authority_nothing(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HEALTHCARE, tmp_path / "p"))
    path = folder / "scenario.toml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("[governance]"), text.index("# Seconds. freshness")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    assert load(folder).governance is DEFAULT
    path.write_text(text.replace('direct = ["member-admit", "member-suspend"]', "direct = []"), encoding="utf-8")
    chamber = Chamber(load(folder))
    chamber.open_scenario()
    chamber.open_call()
    assert chamber.apply("hospital-a", "hospital") == ""
    assert chamber.say("member-admit", "commission", "member/hospital-a", roles=["hospital"]) == "member.by-vote"
    assert chamber.propose("1", "member-admit", by="commission", member="hospital-a", roles=["hospital"]) == ""
    chamber.pass_("1", 1)
    chamber.step()
    assert chamber.get("member/hospital-a")["state"] == "admitted"
    assert chamber.say("member-suspend", "commission", "member/hospital-a", reason="breach") == "member.by-vote"


def test_a_folder_that_is_no_package_stops_the_node_with_its_own_error(chamber: Chamber, tmp_path: Path) -> None:
    (tmp_path / (b"\7" * 32).hex()).mkdir()
    chamber.rules = compose(HEALTHCARE, tmp_path)
    assert chamber.propose("1", "package", package=b"\7" * 32) == ""
    chamber.pass_("1", holds=b"\7" * 32)
    with pytest.raises(CallerError, match=r"scenario\.toml"):
        chamber.step()
