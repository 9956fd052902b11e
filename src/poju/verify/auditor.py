"""Auditing a whole log: every leaf, signature, decision, rule and state digest (LOG-4).

Steps: (1) log key; (2) checkpoint; (3) hash tiles; (4) no file stands beside them; (5) in one pass, leaf by leaf: the
entry bundles give exactly the leaves under the signed root, signatures hold, the log key, the package and the runtime
are the ones that the log was opened with, and every block replays to the same leaves, byte for byte; (6) the package
was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import block, tiles
from poju.ledger.audit import Audit, Found, Log, Plan, Watch
from poju.ledger.audit_state import FoldState
from poju.ledger.cbor import Value
from poju.ledger.statement import UnverifiedStatement
from poju.rulebook import compose
from poju.scenario import governance_state, runtime
from poju.scenario.rulebook import ScenarioRules
from poju.verify.files import broken, no_others
from poju.verify.log import LogFolder, Trust
from poju.verify.proof import Proof, Proved, proved

FIXED = {"checkpoint", "log.vkey"}
PACKAGE = "package"
LATER = "packages"


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Means:
    """How to audit: processes beside this one, the folder that keeps the audit's place, whom to tell of progress.

    None of it changes the answer. ``state``: None audits from the first leaf and keeps nothing.
    """

    workers: int = 0
    state: Path | None = None
    progress: Callable[[int, int], None] = field(default=_silent)


class AuditorFolder:
    """``auditor/`` under verification."""

    def __init__(self, log: LogFolder, means: Means) -> None:
        self.source = Log(log.tiles, log.bundle)
        self._log = log
        self._means = means
        self._rules: ScenarioRules | None = None
        self._opened: list[bytes] = []
        self.log_keys: Sequence[Mapping[str, Value]] = ()
        """The log's keys with their ranges of sizes, as its votes made them; empty before step 5."""

    @property
    def rules(self) -> ScenarioRules:
        """The rule book of the package that stands in the folder; raises ``package.*`` where that cannot be read."""
        if self._rules is None:
            self._rules = compose(self._log.folder / PACKAGE, self._log.folder / LATER)
        return self._rules

    def check_files(self) -> Proved:
        """Step 4: tiles, bundles, checkpoint, key and package, and nothing that none of them accounts for."""
        expected = set(FIXED)
        for level, number, width in tiles.tile_names(self._log.checkpoint.size):
            expected.add(tiles.path(str(level), number, width))
            if level == 0:
                expected.add(tiles.path("entries", number, width))
        package = {f"{PACKAGE}/{p}" for p in _files(self._log.folder / PACKAGE)}
        package |= {f"{LATER}/{p}" for p in _files(self._log.folder / LATER)}
        no_others(self._log.folder, expected | package)
        return proved(_("the folder holds the log and its package, nothing else"))

    def check_entries(self, watch: Watch | None = None) -> Proved:
        """Step 5: every leaf, from the first or from where an earlier audit ended, to the signed size."""
        rules, checkpoint = self.rules, self._log.checkpoint
        policy = self._log.policy
        pinned = None if policy is None else policy.genesis
        identity = {
            "origin": self._log.origin,
            "key": pinned or self._log.key.raw,
            "package": rules.package.digest,
            "runtime": dict(runtime.describe()),
        }
        plan = Plan(self._means.workers, identity, self._expect, self._means.progress, watch)
        with closing(FoldState(self._means.state)) as state:
            audit = Audit(rules, self.source, state, plan)
            found = audit.run()
            scenario = state.get("scenario")
            self.log_keys = governance_state.log_keys(state) if state.get("ledger") else ()
        self._require_own()
        if found.resumed and scenario is not None:
            self._opened.append(scenario["package"])
        return _say(found, audit.head, checkpoint.size)

    def _expect(self, item: UnverifiedStatement, _index: int) -> None:
        """Hold the two opening statements to this folder: their own rules would only say that they refuse them."""
        # a later key than the one that it was opened for comes by vote, and the last vote is read at the end
        if item.kind == "ledger-open" and self._log.policy and not self._log.is_own(item.fields.get("log_key", b"")):
            raise other_log()
        if item.kind == "scenario-open":
            if item.fields.get("package") != self.rules.package.digest:
                raise broken("package.differs", _("The package is not the one that the log opened."))
            self._same_runtime(item.fields.get("runtime"))
            self._opened.append(self.rules.package.digest)

    def _require_own(self) -> None:
        """Raise unless the one key that is trusted is the one that the log's votes let speak for its size."""
        if self._log.policy is not None:
            return
        size = self._log.checkpoint.size
        own = [record for record in self.log_keys if record["key"] == self._log.key.raw]
        if size and not own:
            raise other_log()
        for record in own:
            if record["compromised"] is not None or (record["until"] is not None and record["until"] < size):
                raise broken(
                    "key.retired",
                    _("The log's votes took the key {key} out of force; it does not speak for {size} leaves."),
                    key=self._log.key.fingerprint,
                    size=size,
                )

    @staticmethod
    def _same_runtime(pinned: object) -> None:
        """Raise where the rules ran on another runtime: what they answer on this one proves nothing about that."""
        wanted = pinned if isinstance(pinned, dict) else {}
        for name, found in runtime.describe().items():
            if wanted.get(name) != found:
                raise OperatorError(
                    "audit.runtime",
                    _("The log's rules run on {name} {wanted}; this machine has {found}. Nothing was replayed."),
                    hint=_("Install the versions that scenario-open names, then audit again."),
                    name=name,
                    wanted=str(wanted.get(name))[:100],
                    found=found,
                )

    def check_package(self) -> Proved:
        """Step 6: scenario-open names the package beside the log."""
        if set(self._opened) != {self.rules.package.digest}:
            raise broken("package.differs", _("The package is not the one that the log opened."))
        return proved(_("the package is the one that was opened: {digest}"), digest=self.rules.package.digest.hex())


def _say(found: Found, head: block.Head, size: int) -> Proved:
    figures = {
        "leaves": size,
        "statements": found.statements,
        "decisions": found.decisions,
        "blocks": head.height,
        "state": head.state.hex(),
    }
    if not found.resumed:
        return proved(
            _(
                "{leaves} leaves are the ones that the log signed; {statements} signatures hold; statements and "
                "{decisions} decisions in {blocks} blocks replay to state digest {state}"
            ),
            **figures,
        )
    return proved(
        _(
            "{leaves} leaves are the ones that the log signed; {statements} signatures hold; statements and "
            "{decisions} decisions in {blocks} blocks replay to state digest {state}; an earlier run audited the first "
            "{resumed} leaves"
        ),
        **figures,
        resumed=found.resumed,
    )


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def verify(folder: Path, trust: Trust, proof: Proof, means: Means) -> LogFolder:
    """Run the six steps over ``folder``; return its log for comparing."""
    log = LogFolder.open(folder, trust, proof)
    check(AuditorFolder(log, means), proof, means)
    return log


def check(audit: AuditorFolder, proof: Proof, means: Means) -> None:
    """Run steps 4 to 6."""
    proof.step(_("files"), audit.check_files)
    proof.step(_("every entry under the rules"), audit.check_entries)
    proof.step(_("scenario package"), audit.check_package)
    if means.state is not None:
        proof.not_proved.append(_("what an earlier run had audited: that rests on the folder given with --state"))
    proof.not_proved += [
        _("that no statement was kept out of the log: ask its sender for a receipt or a signed refusal"),
        _("that what a member stated is true of the world: that is what attestations and audits are for"),
    ]


def other_log() -> CallerError:
    """Return ``key.other-log``."""
    return broken("key.other-log", _("The ledger was opened for another log key than this log's."))
