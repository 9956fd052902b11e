"""One receipt or one checkpoint under a policy: who signed its root, and whether that is enough (LOG-3).

A receipt carries one signature. Others stand behind it by a checkpoint of the same size, or by one of a larger log
together with a receipt of consistency (RFC 9942), which leads from the receipt's root to the checkpoint's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poju.i18n import _
from poju.ledger import leaf, statement
from poju.ledger.log_keys import Agreed, LogKey
from poju.ledger.receipt import VerifiedReceipt
from poju.verify import public
from poju.verify.files import broken, read
from poju.verify.log import text
from poju.verify.policy import Policy
from poju.verify.proof import Proof, Proved, proved

NOTE_BYTES = 1 << 16


@dataclass(frozen=True)
class Beside:
    """What the user brings beside a receipt: a checkpoint, and a receipt of consistency that leads to it."""

    checkpoint: Path | None = None
    consistency: Path | None = None


def opened(policy: Policy, path: Path) -> Agreed:
    """Return the checkpoint at ``path`` and who signed it; raise ``checkpoint.refused`` and its kin."""
    return policy.keys.open(text(read(path)[:NOTE_BYTES], path.name))


def verify_checkpoint(path: Path, policy: Policy, proof: Proof) -> None:
    """Check the checkpoint at ``path``: enough keys, each in force at its size, and enough cosigners."""
    proof.trusted = True
    proof.step(_("checkpoint"), lambda: policy.told(policy.require(opened(policy, path))))
    proof.not_proved.append(_("what the log holds beside this: verify the public folder for that"))


def verify_receipt(path: Path, policy: Policy, proof: Proof, beside: Beside) -> None:
    """Check a statement or a decision with its receipt, then who stands behind the receipt's root."""
    kept: list[tuple[LogKey, VerifiedReceipt]] = []

    def check() -> Proved:
        stem, item, receipt_name = _parts(path)
        raw = read(path.with_name(stem + item))
        kept.append(policy.keys.inclusion(read(path.with_name(stem + receipt_name)), raw))
        key, found = kept[0]
        return proved(
            _("{name} signed that this {what} is entry {index} of the log's first {size}"),
            name=key.name,
            what=_said(raw),
            index=found.index,
            size=found.size,
        )

    proof.trusted = True
    proof.step(_("receipt"), check)
    proof.step(_("policy"), lambda: _enough(policy, *kept[0], beside))
    proof.not_proved.append(_("what the log holds beside this: verify the public folder for that"))


def _parts(path: Path) -> tuple[str, str, str]:
    """Return what the names of the leaf and its receipt begin with, and how they end."""
    for leaf_name, receipt_name in (
        (public.STATEMENT, public.RECEIPT),
        (public.DECISION, public.DECISION_RECEIPT),
    ):
        for ending in (leaf_name, receipt_name):
            if path.name.endswith(ending):
                return path.name.removesuffix(ending), leaf_name, receipt_name
    raise ValueError(path.name)


def _said(raw: bytes) -> str:
    if leaf.is_statement(raw):
        return statement.decode(raw).kind
    return type(leaf.decode(raw)).__name__


def _enough(policy: Policy, key: LogKey, found: VerifiedReceipt, beside: Beside) -> Proved:
    agreed = _agreed(policy, found, beside.checkpoint, beside.consistency) if beside.checkpoint else None
    if agreed is not None and agreed.checkpoint.size == found.size and key.speaks_at(found.size):
        agreed = Agreed(agreed.checkpoint, agreed.signers | {key.name}, agreed.cosigners)
    if key.compromised and (agreed is None or not agreed.cosigners):
        raise broken(
            "policy.compromised",
            _("{name}'s key is declared compromised: its receipt holds only with a checkpoint that a cosigner signed."),
            name=key.name,
        )
    if agreed is not None:
        return policy.told(policy.require(agreed))
    if not key.speaks_at(found.size):
        raise broken(
            "policy.out-of-range",
            _("{name}'s key does not speak for the log of {size} leaves."),
            name=key.name,
            size=found.size,
        )
    if policy.takes_more(found.size):
        raise broken(
            "policy.one-signature",
            _("One key, {name}, signed this file, and the policy takes more than its word."),
            name=key.name,
        )
    return proved(_("{name}'s key speaks for the log of {size} leaves"), name=key.name, size=found.size)


def _agreed(policy: Policy, found: VerifiedReceipt, checkpoint: Path, consistency: Path | None) -> Agreed:
    """Return the checkpoint beside the receipt, once its root is or follows the receipt's."""
    agreed = opened(policy, checkpoint)
    root, size = found.root, found.size
    if consistency is not None:
        _key, grown = policy.keys.growth(read(consistency), found)
        root, size = grown.root, grown.size
    if (agreed.checkpoint.size, agreed.checkpoint.root) != (size, root):
        raise broken(
            "policy.other-checkpoint",
            _("The checkpoint is of size {found}, the receipt leads to size {size} or to another root."),
            found=agreed.checkpoint.size,
            size=size,
        )
    return agreed
