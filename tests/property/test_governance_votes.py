"""Governance against a model of a few lines: whoever proposes, votes, suspends and waits in whatever order (RULE-1)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support_governance import VOTERS, Chamber

from poju.ledger.replay import replay

HOSPITALS = ("hospital-a", "hospital-b", "clinic-a", "insurer")
WHO = some.sampled_from((*HOSPITALS, "commission", "provider-a"))
NAMES = some.sampled_from(("1", "2", "3"))
OPENED: list[Chamber] = []


def opened() -> Chamber:
    if not OPENED:
        OPENED.append(Chamber())
        OPENED[0].with_members()
    return OPENED[0].branch()


class Votes(RuleBasedStateMachine):
    """The real rules beside sets of names. Each proposal asks to suspend one member, by more than a half."""

    @initialize()
    def begin(self) -> None:
        self.chamber = opened()
        # five voters, so that three of them decide and most runs see decisions
        self.voters = {*HOSPITALS, "commission"}
        for name in sorted(set(VOTERS) - self.voters):
            self.chamber.must("member-suspend", "commission", f"member/{name}", reason="left")
        self.proposals: dict[str, dict[str, object]] = {}

    def wake(self) -> None:
        """A block that registers something begins: what passed before it takes effect, in its order of passing."""
        for item in sorted((p for p in self.proposals.values() if p["state"] == "passed"), key=lambda p: p["order"]):
            target = item["target"]
            item["state"] = "active" if target in self.voters else "void"
            self.voters.discard(target)

    def judged(self, code: str, expected: bool) -> None:  # noqa: FBT001 - the model's verdict
        assert (not code) == expected, code or "registered"

    def expected(self) -> set[str]:
        """Who may vote in the block that would begin now, since decisions that wait come first."""
        waiting = {item["target"] for item in self.proposals.values() if item["state"] == "passed"}
        return self.voters - waiting

    @rule(name=NAMES, by=some.sampled_from(HOSPITALS), whom=some.sampled_from(HOSPITALS))
    def propose(self, name: str, by: str, whom: str) -> None:
        able = self.expected()
        fine = by in able and name not in self.proposals and whom in able
        self.judged(self.chamber.propose(name, "member-suspend", by=by, member=whom, reason="breach"), fine)
        if fine:
            self.wake()
            self.proposals[name] = {"target": whom, "votes": {}, "state": "open"}

    @rule(name=NAMES, who=WHO, approve=some.booleans())
    def vote(self, name: str, who: str, approve: bool) -> None:  # noqa: FBT001 - drawn
        found = self.proposals.get(name)
        fine = who in self.expected() and found is not None and found["state"] == "open"
        self.judged(self.chamber.vote(name, who, approve=approve), fine)
        if not fine or found is None:
            return
        self.wake()
        found["votes"][who] = approve
        said = [vote for member, vote in found["votes"].items() if member in self.voters]
        needed = -(-len(self.voters) * 51 // 100)
        if sum(said) >= needed:
            found |= {"state": "passed", "order": self.chamber.head.height}
        elif len(said) - sum(said) > len(self.voters) - needed:
            found["state"] = "rejected"

    @rule(name=NAMES, approve=some.booleans(), count=some.integers(2, 4))
    def campaign(self, name: str, approve: bool, count: int) -> None:  # noqa: FBT001 - drawn
        """Several vote alike, so that decisions fall in many runs."""
        for who in HOSPITALS[:count]:
            self.vote(name, who, approve)

    @rule()
    def step(self) -> None:
        self.chamber.step()
        self.wake()

    @invariant()
    def the_state_is_the_models(self) -> None:
        for name, item in self.proposals.items():
            assert self.chamber.standing(name) == item["state"]
        for name in VOTERS:
            assert (self.chamber.get(f"member/{name}")["state"] == "admitted") == (name in self.voters)
        census = self.chamber.get("governance/census")
        assert sum(count for group, count in census.items() if group != "provider") == len(self.voters)

    def teardown(self) -> None:
        """LOG-4: whatever happened, a replay folds to the same state."""
        if hasattr(self, "chamber"):
            *_, (outcome, state) = replay(self.chamber.rules, self.chamber.leaves)
            assert outcome.head == self.chamber.head
            assert state.values == self.chamber.values


Votes.TestCase.settings = settings(
    max_examples=30, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRule1Votes = Votes.TestCase
