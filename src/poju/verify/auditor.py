"""Auditing a whole log: every leaf, signature, decision, rule and state digest (LOG-4).

Steps: (1) log key; (2) checkpoint; (3) hash tiles; (4) entry bundles give exactly those leaves; (5) the log key and
the package in the folder are the ones that the log was opened with; (6) replaying every block under its rules gives the
same leaves, byte for byte.
"""

from __future__ import annotations

from pathlib import Path

from poju.i18n import _
from poju.ledger import leaf, merkle, statement, tiles
from poju.ledger.replay import replay
from poju.rulebook import compose
from poju.scenario.package import digest
from poju.verify.files import broken, no_others
from poju.verify.log import LogFolder
from poju.verify.proof import Proof, Proved, proved

FIXED = {"checkpoint", "log.vkey"}
PACKAGE = "package"


class AuditorFolder:
    """``auditor/`` under verification."""

    def __init__(self, log: LogFolder) -> None:
        self._log = log
        self._leaves: list[bytes] = []

    def check_bundles(self) -> Proved:
        """Step 4: the entry bundles hold the leaves whose hashes the tiles have, and no file stands beside them."""
        size = self._log.checkpoint.size
        expected = set(FIXED)
        for level, number, width in tiles.tile_names(size):
            expected.add(tiles.path(str(level), number, width))
            if level == 0:
                expected.add(tiles.path("entries", number, width))
                bundle = tiles.unbundle(tiles.read(self._log.folder, "entries", number, width))
                hashes = b"".join(merkle.leaf_hash(item) for item in bundle)
                if hashes != tiles.folder_source(self._log.folder, size)(0, number):
                    raise broken(
                        "bundle.differs", _("Entry bundle {number} is not what the log signed."), number=number
                    )
                self._leaves += bundle
        package = {f"{PACKAGE}/{p}" for p in _files(self._log.folder / PACKAGE)}
        no_others(self._log.folder, expected | package)
        return proved(_("{count} entries are the ones that the log signed"), count=len(self._leaves))

    def check_package(self) -> Proved:
        """Step 5: ledger-open names this log key, and scenario-open the package beside the log."""
        opened = [statement.decode(item) for item in self._leaves if leaf.is_statement(item)]
        named = [item.fields["package"] for item in opened if item.kind == "scenario-open"]
        if any(item.fields["log_key"] != self._log.key.raw for item in opened if item.kind == "ledger-open"):
            raise broken("key.other-log", _("The ledger was opened for another log key than this log's."))
        found = digest(self._log.folder / PACKAGE)
        if named != [found]:
            raise broken("package.differs", _("The package is not the one that the log opened."))
        return proved(_("the package is the one that was opened: {digest}"), digest=found.hex())

    def check_replay(self) -> Proved:
        """Step 6: signatures, rules, decisions and state digests, block by block."""
        blocks = statements = 0
        for outcome, _state in replay(compose(self._log.folder / PACKAGE), self._leaves):
            blocks += 1
            statements += len(outcome.registered)
        return proved(
            _("{statements} statements in {blocks} blocks replay to the same decisions and state digests"),
            statements=statements,
            blocks=blocks,
        )


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def verify(folder: Path, fingerprint: str | None, proof: Proof) -> LogFolder:
    """Run the six steps over ``folder``; return its log for comparing."""
    log = LogFolder.open(folder, fingerprint, proof)
    audit = AuditorFolder(log)
    proof.step(_("entry bundles"), audit.check_bundles)
    proof.step(_("scenario package"), audit.check_package)
    proof.step(_("replay of all rules"), audit.check_replay)
    proof.not_proved += [
        _("that no statement was kept out of the log: ask its sender for a receipt or a signed refusal"),
        _("that what a member stated is true of the world: that is what attestations and audits are for"),
    ]
    return log
