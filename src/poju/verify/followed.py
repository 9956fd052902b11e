"""A policy that begins at a log's first statement and follows the log's own votes from there (LOG-3, LOG-4).

What pins the whole is the digest of the first statement, which names the log's first key and the member that admits the
others. Every vote after it is replayed under the rules, so that the keys that may speak for the log at its end, each
for its range of sizes, follow from that one digest. Only then is it asked who signed the root that all of it stands
under: a later key alone could make up a log before it, and nobody could tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.cbor import Value
from poju.ledger.keys import PublicKey
from poju.ledger.log_keys import LogKey
from poju.scenario.governance_state import LOG
from poju.verify import auditor
from poju.verify.auditor import AuditorFolder, Means
from poju.verify.files import broken
from poju.verify.log import LogFolder
from poju.verify.policy import Policy
from poju.verify.proof import Proof, Proved, proved


@dataclass
class Followed:
    """The log whose votes were followed and, once that is done, the policy with the keys that they led to."""

    log: LogFolder
    policy: Policy


def settled(policy: Policy, voted: Sequence[Mapping[str, Value]]) -> Policy:
    """Return ``policy`` with the keys that the votes made of its own, each with its range; it follows no more.

    ``voted``: the state's ``log-keys``. The key that the ledger was opened with, and those that took its place, belong
    to one holder. They count where the policy names the first of them, or names no key at all; a consortium's policy
    names its validators' keys, and the one that an operator had before with its last size.
    """
    given = {item.key.raw: item for item in policy.keys.keys}
    opened = next((given.get(record["key"]) for record in voted if record["name"] == LOG), None)
    found = dict(given)
    for record in voted:
        own = record["name"] == LOG
        if own and given and opened is None:
            continue
        name = opened.name if own and opened is not None else record["name"]
        known = given.get(record["key"])
        key = LogKey(name, PublicKey(record["key"]), record["from"] + 1 if record["from"] else 0, record["until"])
        if known is not None:
            ends = [last for last in (known.last, key.last) if last is not None]
            key = replace(known, last=min(ends, default=None))
        compromised = record["compromised"] is not None or (known is not None and known.compromised)
        found[record["key"]] = replace(key, compromised=compromised)
    return replace(policy, keys=replace(policy.keys, keys=tuple(found.values())), genesis=None)


def follow(folder: Path, policy: Policy, proof: Proof, means: Means) -> Followed:
    """Audit the log in ``folder`` from the policy's first statement; return it with the settled policy.

    The steps are an audit's, but for two: the first statement is compared with the policy's before anything is
    replayed, and the checkpoint's signatures are checked at the end, under the keys that the votes led to.
    """
    log = LogFolder.open(folder, policy, proof)
    found = Followed(log, policy)

    def check_genesis() -> Proved:
        first = hashlib.sha256(audit.source.leaf(0)).digest() if log.checkpoint.size else b""
        if first != policy.genesis:
            raise broken(
                "policy.other-genesis",
                _("The log begins with the statement {found}, not with the policy's {wanted}."),
                found=first.hex() or "–",
                wanted=(policy.genesis or b"").hex(),
            )
        return proved(_("the log begins with the statement that your policy names: {digest}"), digest=first.hex())

    def check_keys() -> Proved:
        voted = audit.log_keys
        found.policy = log.policy = settled(policy, voted)
        found.policy.require_known(log.origin, log.key)
        keys = found.policy.keys.keys
        speaking = [item for item in keys if item.speaks_at(log.checkpoint.size)]
        text = _("the log's votes lead to {count} keys, {speaking} of which speak at size {size}")
        return proved(text, count=len(keys), speaking=len(speaking), size=log.checkpoint.size)

    def check_signatures() -> Proved:
        return found.policy.told(found.policy.require(log.agreed()))

    audit = AuditorFolder(log, means)
    proof.step(_("first statement"), check_genesis)
    auditor.check(audit, proof, means)
    proof.step(_("log keys"), check_keys)
    proof.step(_("checkpoint"), check_signatures)
    proof.followed = found.policy
    return found


def needs_log(path: Path) -> CallerError:
    """Return ``policy.follows``: votes cannot be followed where there are no entries."""
    return CallerError(
        "policy.follows",
        _("The policy follows the log's votes, and {path} holds no entries to follow."),
        hint=_("Give the log with --log FOLDER (an auditor's copy), or verify that once with --write-policy FILE."),
        path=path,
    )
