"""Verifying one file: a statement with its receipt or decision, or a refusal; and a refusal's rule on a whole log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from poju.i18n import _
from poju.ledger import cose, leaf, merkle, receipt, refusal, statement
from poju.ledger.audit_refusal import Rejudged
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PublicKey
from poju.ledger.refusal import Refusal
from poju.ledger.statement import UnverifiedStatement
from poju.verify import public
from poju.verify.auditor import AuditorFolder, Means
from poju.verify.files import broken, read
from poju.verify.log import LogFolder, Trust
from poju.verify.policy import Policy
from poju.verify.proof import Proof, Proved, proved

KINDS = (public.RECEIPT, public.STATEMENT, public.DECISION, public.DECISION_RECEIPT, public.REFUSAL)


def verify(path: Path, trust: Trust, proof: Proof) -> None:
    """Check the file at ``path``, whose name ends in one of ``KINDS``, with what stands beside it."""
    if is_refusal(path):
        _single(path, trust, proof, _refusal)
        proof.not_proved.append(_("that the rule was applied rightly: give an auditor's copy of the log with --log"))
    elif path.name.endswith((public.RECEIPT, public.STATEMENT)):
        _single(path, trust, proof, _receipt)
    else:
        _single(path, trust, proof, _decision)


def is_refusal(path: Path) -> bool:
    """Return whether the file is a signed refusal, or the statement that one stands beside."""
    stem = path.name.removesuffix(public.STATEMENT)
    beside = path.with_name(stem + public.REFUSAL)
    return path.name.endswith(public.REFUSAL) or (path.name.endswith(public.STATEMENT) and beside.is_file())


def _find_vkey(path: Path) -> Path:
    for folder in path.resolve().parents:
        if (folder / "log.vkey").is_file():
            return folder / "log.vkey"
    raise broken("key.none", _("No log.vkey stands beside or above {path}."), path=path)


class Beside:
    """The log's key as it stands beside a file, checked against the trusted fingerprint."""

    def __init__(self, path: Path, trust: Trust, proof: Proof) -> None:
        self.path, self.trust, self.proof = path, trust, proof
        self.origin, self.key = "", PublicKey(bytes(32))

    def check_key(self) -> Proved:
        """Take the key from beside the file and compare it with the trusted one."""
        vkey = _find_vkey(self.path)
        log = LogFolder(vkey.parent, self.key, "", Checkpoint("", 0, merkle.EMPTY_ROOT))
        result = log.check_key(self.trust, self.proof)
        self.origin, self.key = log.origin, log.key
        if isinstance(self.trust, Policy):
            self.trust.require_alone(log.key)
        return result


def _single(path: Path, trust: Trust, proof: Proof, check: Callable[[Beside], Proved]) -> None:
    beside = Beside(path, trust, proof)
    proof.step(_("log key"), beside.check_key)
    name = _("refusal") if check is _refusal else _("receipt")
    proof.step(name, lambda: check(beside))
    proof.not_proved.append(_("what the log holds beside this: verify the public folder for that"))


def _receipt(beside: Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.RECEIPT).removesuffix(public.STATEMENT)
    raw = read(beside.path.with_name(stem + public.STATEMENT))
    item = statement.decode(raw)
    found = _in_log(beside, raw, read(beside.path.with_name(stem + public.RECEIPT)))
    return proved(
        _("{kind} by {issuer} is entry {index} of the log's first {size}"),
        kind=item.kind,
        issuer=item.issuer,
        index=found.index,
        size=found.size,
    )


def _decision(beside: Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.DECISION_RECEIPT).removesuffix(public.DECISION)
    raw = read(beside.path.with_name(stem + public.DECISION))
    found = _in_log(beside, raw, read(beside.path.with_name(stem + public.DECISION_RECEIPT)))
    item = leaf.decode(raw)
    if not isinstance(item, leaf.DecisionLeaf) or item.index != found.index - 1:
        raise broken("decision.elsewhere", _("The decision beside {name} is about another statement."), name=stem)
    return proved(
        _("{outcome} on entry {entry} is entry {index} of the log's first {size}"),
        outcome=item.outcome,
        entry=item.index,
        index=found.index,
        size=found.size,
    )


def _in_log(beside: Beside, raw: bytes, proof: bytes) -> receipt.VerifiedReceipt:
    found = receipt.verify(proof, raw, beside.key)
    if cose.decode(proof, receipt.MAX_BYTES).protected.get(cose.CWT_CLAIMS) != {1: beside.origin}:
        raise broken("receipt.other-log", _("The receipt of {name} is of another log than this one."), name=beside.path)
    return found


def _refused(path: Path, key: PublicKey, origin: str) -> tuple[Refusal, UnverifiedStatement]:
    """Return the refusal at or beside ``path``, signed by the node of ``origin``, and the statement it is about."""
    stem = path.name.removesuffix(public.REFUSAL).removesuffix(public.STATEMENT)
    found = refusal.verify(read(path.with_name(stem + public.REFUSAL)), key, origin)
    item = statement.decode(read(path.with_name(stem + public.STATEMENT)))
    if found.statement != item.digest:
        raise broken("refusal.elsewhere", _("The refusal {name} is about another statement."), name=stem)
    return found, item


def _refusal(beside: Beside) -> Proved:
    found, item = _refused(beside.path, beside.key, beside.origin)
    return proved(_("{kind} by {issuer} was refused: {code}"), kind=item.kind, issuer=item.issuer, code=found.code)


def rejudge(path: Path, folder: Path, trust: Trust, proof: Proof, means: Means) -> None:
    """Ask the rules again about the refusal at ``path``, on the log in ``folder``, which is audited whole on the way.

    The refusal has to be signed by that log's key. A saved place is not used: the state has to be met, not passed by.
    """
    log = LogFolder.open(folder, trust, proof)
    audit = AuditorFolder(log, Means(means.workers, None, means.progress))
    kept: list[tuple[Refusal, UnverifiedStatement]] = []

    def check_refusal() -> Proved:
        kept.append(_refused(path, log.key, log.origin))
        found, item = kept[0]
        return proved(_("{kind} by {issuer} was refused: {code}"), kind=item.kind, issuer=item.issuer, code=found.code)

    def check_rule() -> Proved:
        found, item = kept[0]
        watch = Rejudged(audit.rules, found, item, audit.source.leaf)
        audit.check_entries(watch)
        watch.require_judged()
        return proved(
            _("behind leaf {size} of the log, at place {position} of its block, the rules answer {code} again"),
            size=found.size,
            position=found.position,
            code=found.code,
        )

    proof.step(_("refusal"), check_refusal)
    proof.step(_("files"), audit.check_files)
    proof.step(_("the rule, asked again"), check_rule)
    proof.step(_("scenario package"), audit.check_package)
