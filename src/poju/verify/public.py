"""Verifying what is published for everyone: ``public/``.

Steps: (1) log key; (2) checkpoint; (3) hash tiles; (4) the SCITT key set is that key; (5) the publication statement
is in the log and its manifest covers every other file, byte for byte; (6) every published statement and decision
stands in the log where its receipt says; (7) every published statement is signed by the member it names; (8) the
package is the one that was opened; (9) refusals are the node's own, about the statements beside them; (10) evidence
packs give their figures again; (11) every released award met its conditions, caps and budget.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from poju.evidence.pack import verify_pack
from poju.i18n import _
from poju.ledger import cbor, leaf, receipt, refusal, statement
from poju.ledger.keys import PublicKey
from poju.ledger.statement import UnverifiedStatement
from poju.scenario.package import digest
from poju.support.check import Award, check_awards
from poju.verify import files
from poju.verify.files import broken, read
from poju.verify.log import LogFolder, Trust
from poju.verify.proof import Proof, Proved, proved

RECEIPTS, REFUSALS, EVIDENCE, PACKAGE = "receipts", "refusals", "evidence", "package"
STATEMENT, RECEIPT = ".statement.cose", ".receipt.cose"
DECISION, DECISION_RECEIPT, REFUSAL = ".decision.cbor", ".decision-receipt.cose", ".refusal.cose"


@dataclass(frozen=True)
class Entry:
    """A published statement with its place in the log, and its decision where there is one."""

    name: str
    index: int
    statement: UnverifiedStatement
    decision: leaf.DecisionLeaf | None


class PublicFolder:
    """``public/`` under verification; each step uses what the earlier ones established."""

    def __init__(self, log: LogFolder) -> None:
        self._log = log
        self._folder = log.folder
        self._entries: list[Entry] = []
        self._keys: dict[bytes, tuple[str, PublicKey]] = {}

    def check_key_set(self) -> Proved:
        """Step 4: ``scitt-keys.cbor`` is the COSE Key Set of the log key."""
        if read(self._folder / "scitt-keys.cbor", self._folder) != cbor.encode([self._log.key.cose_key]):
            raise broken("keys.differ", _("scitt-keys.cbor is not the key set of the log's key."))
        return proved(_("receipts verify under the same key, for any SCITT verifier"))

    def check_publication(self) -> Proved:
        """Step 5: the manifest is the registered one, and it covers every other file."""
        raw = read(self._folder / files.PUBLICATION, self._folder)
        self._in_log("publication", raw, read(self._folder / files.PUBLICATION_RECEIPT, self._folder))
        published = statement.decode(raw)
        text = read(self._folder / files.MANIFEST, self._folder)
        if published.kind != "publication" or published.fields["manifest"] != hashlib.sha256(text).digest():
            raise broken("manifest.differs", _("SHA256SUMS is not the manifest that was registered."))
        listed = {line[66:]: line[:64] for line in text.decode().splitlines()}
        for name, wanted in listed.items():
            if hashlib.sha256(read(self._folder / name, self._folder)).hexdigest() != wanted:
                raise broken("file.altered", _("{path} was altered after it was published."), path=name)
        own = {name for name in files.listing(self._folder) if files.proves_itself(name)}
        files.no_others(self._folder, set(listed) | own)
        self._entries.append(Entry("publication", -1, published, None))
        return proved(_("{count} files are byte for byte what was published"), count=len(listed))

    def _in_log(self, name: str, raw: bytes, proof: bytes) -> receipt.VerifiedReceipt:
        found = self._log.receipt(proof, raw)
        self._log.check_leaf(found.index, raw, found.size, found.root, name)
        return found

    def check_receipts(self) -> Proved:
        """Step 6: each statement and decision is in the log."""
        for path in sorted((self._folder / RECEIPTS).glob("*" + STATEMENT)):
            name = path.name.removesuffix(STATEMENT)
            raw = read(path)
            found = self._in_log(name, raw, read(path.with_name(name + RECEIPT)))
            item = statement.decode(raw)
            self._entries.append(Entry(name, found.index, item, self._decision(path, name, found.index, item)))
        return proved(_("{count} receipts hold"), count=len(self._entries))

    def _decision(self, path: Path, name: str, index: int, item: UnverifiedStatement) -> leaf.DecisionLeaf | None:
        at = path.with_name(name + DECISION)
        if not at.exists():
            return None
        raw = read(at)
        found = self._in_log(name, raw, read(path.with_name(name + DECISION_RECEIPT)))
        decided = leaf.decode(raw)
        if not isinstance(decided, leaf.DecisionLeaf) or decided.statement != item.digest or found.index != index + 1:
            raise broken("decision.elsewhere", _("The decision beside {name} is about another statement."), name=name)
        return decided

    def check_signatures(self) -> Proved:
        """Step 7: members' keys come from their own published applications; every statement is signed by one."""
        for entry in self._entries:
            if entry.statement.kind in ("ledger-open", "member-apply", "key-rotate"):
                key = PublicKey(entry.statement.fields["key"])
                self._keys[key.thumbprint] = (entry.statement.issuer, key)
            if entry.statement.kind == "ledger-open" and not self._log.is_own(entry.statement.fields["log_key"]):
                raise broken("key.other-log", _("The ledger was opened for another log key than this log's."))
        for entry in self._entries:
            self._signed(entry.name, entry.statement)
        members = {member for member, _key in self._keys.values()}
        return proved(_("{count} members signed what is published in their names"), count=len(members))

    def _signed(self, name: str, item: UnverifiedStatement) -> None:
        member, key = self._keys.get(item.key_id, ("", None))
        if key is None or member != item.issuer or item.verify(key) is None:
            raise broken("statement.not-signed", _("{name} is not signed by {issuer}."), name=name, issuer=item.issuer)

    def check_package(self) -> Proved:
        """Step 8: the package beside the log is the one that scenario-open names."""
        named = [e.statement.fields["package"] for e in self._entries if e.statement.kind == "scenario-open"]
        found = digest(self._folder / PACKAGE)
        if named != [found]:
            raise broken("package.differs", _("The package is not the one that the log opened."))
        return proved(_("the package is the one that was opened: {digest}"), digest=found.hex())

    def check_refusals(self) -> Proved:
        """Step 9: each refusal is the node's, about the statement beside it."""
        count = 0
        for path in sorted((self._folder / REFUSALS).glob("*" + STATEMENT)):
            name = path.name.removesuffix(STATEMENT)
            item = statement.decode(read(path))
            found = refusal.verify(read(path.with_name(name + REFUSAL)), self._log.key)
            if found.statement != item.digest:
                raise broken("refusal.elsewhere", _("The refusal {name} is about another statement."), name=name)
            self._signed(name, item)
            count += 1
        return proved(_("{count} signed refusals were kept, each naming its rule"), count=count)

    def check_evidence(self) -> Proved:
        """Step 10: each pack's query over its rows gives its figures again."""
        packs = sorted(path for path in (self._folder / EVIDENCE).glob("*") if path.is_dir())
        for path in packs:
            verify_pack(path, self._log.key, self._log.origin)
        return proved(_("{count} evidence packs give their figures again"), count=len(packs))

    def check_awards(self) -> Proved:
        """Step 11: the integer test of each released award, from attestations in the log."""
        statements = [(entry.statement, entry.decision) for entry in self._entries]
        awards: list[Award] = check_awards(statements, self._folder / PACKAGE)
        total = sum(award.amount for award in awards)
        return proved(
            _("{count} released awards met their conditions, caps and budget: {yuan} yuan in all"),
            count=len(awards),
            yuan=f"{total // 100:,}",
        )

    def check_guest(self, guests: Path) -> Proved:
        """Compare the sandbox's guest in ``guests`` with the one that scenario-open pins."""
        runtimes = [e.statement.fields["runtime"] for e in self._entries if e.statement.kind == "scenario-open"]
        pinned = {runtime.get("guest") for runtime in runtimes}
        found = {f"sha256:{hashlib.sha256(read(path)).hexdigest()}" for path in sorted(guests.iterdir())}
        if not found or found != pinned:
            raise broken("guest.differs", _("The sandbox's guest is not the one that the scenario was opened with."))
        return proved(_("trials can be run again with the very guest that was pinned: {digest}"), digest=min(found))

    @property
    def log(self) -> LogFolder:
        """The log that the folder is of."""
        return self._log


def verify(folder: Path, trust: Trust, proof: Proof) -> PublicFolder:
    """Run the eleven steps over ``folder``; return what they established."""
    public = PublicFolder(LogFolder.open(folder, trust, proof))
    proof.step(_("SCITT key set"), public.check_key_set)
    proof.step(_("published files"), public.check_publication)
    proof.step(_("receipts"), public.check_receipts)
    proof.step(_("members' signatures"), public.check_signatures)
    proof.step(_("scenario package"), public.check_package)
    proof.step(_("refusals"), public.check_refusals)
    proof.step(_("evidence"), public.check_evidence)
    proof.step(_("awards"), public.check_awards)
    proof.not_proved += [
        _("the entries that are not published: members and auditors see them, and an auditor can replay them all"),
        _("figures of class cohort before the cohort is opened: they rest on the runners' agreement"),
        _("that nothing was kept out of the log: ask its sender for a receipt or a signed refusal"),
    ]
    return public
