"""Check an evidence pack from the log's public key alone. Pure but for reading the folder; numbered steps.

What it does not prove is said in docs/concepts/evidence.md: that the rows are the trial's true grades (members attest
that, and anyone can recompute it once the cohort is opened), and that the log's operator followed its rules (replaying
the auditor's log proves that).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from poju.evidence.attest import result_of
from poju.evidence.pack_files import Entry, Pack, digest, read_pack, refused, write_pack
from poju.evidence.rules import PREFIX, evidence_id
from poju.i18n import _, translate
from poju.ledger import cose, receipt, statement
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import PublicKey
from poju.ledger.statement import VerifiedStatement
from poju.solution.bound import lower_ppm, percent, ratio_ppm
from poju.solution.rules import join_spread

__all__ = ["Entry", "Step", "verify_pack", "write_pack"]

KEY_KINDS = ("member-apply", "ledger-open")
LEAST_ATTESTATIONS = 2


class Step(NamedTuple):
    """One thing that was checked, and what it proved; both in the reader's language."""

    name: str
    proved: str


def verify_pack(folder: Path, log_key: PublicKey, origin: str, *, language: str = "en") -> list[Step]:
    """Return what each step proved, or raise a CallerError at the first thing that does not hold.

    Steps: (1) the folder holds exactly a pack's files; (2) the log key signed the checkpoint; (3) every statement is in
    the log under that checkpoint; (4) every attestation is signed by the key that its member registered; (5) at least
    two distinct members attest one and the same tuple, and it is the one that the pack claims; (6) query and rows are
    the attested ones; (7) the query over the rows gives the attested result.
    """
    # 1. the files
    pack = read_pack(folder)
    if folder.name != pack.claim["id"]:
        raise refused("the folder's name is not its evidence's id")
    steps = [(_("the pack's files"), _("exactly the files of one pack: {attestations} attestations"))]
    # 2. the checkpoint
    checkpoint = open_note(pack.checkpoint, origin, log_key)
    if (checkpoint.size, checkpoint.origin) != (pack.claim["size"], pack.claim["origin"]):
        raise refused("the checkpoint is not the one that the pack names")
    steps.append((_("the pack's checkpoint"), _("the log key signed size {size} and its root for {origin}")))
    # 3. the receipts
    for entry in (*pack.attestations, *pack.members):
        _require_in_log(entry, checkpoint, log_key)
    steps.append((_("the pack's receipts"), _("all {entries} statements are in the log under this checkpoint")))
    # 4. the members' keys
    attested = _attestations(pack)
    steps.append((_("the pack's signatures"), _("each attestation is signed by the key that its member registered")))
    # 5. one tuple
    _require_one_tuple(pack, attested)
    steps.append((_("the pack's attestations"), _("{members} attest the same result, query, rows, version and cohort")))
    # 6. query and rows
    if digest(pack.query) != pack.claim["query"] or digest(pack.rows) != pack.claim["rows"]:
        raise refused("query or rows are not the attested ones")
    steps.append((_("the pack's query and rows"), _("query.sql and rows.csv are byte for byte the attested ones")))
    # 7. the result
    result = result_of(pack.query, pack.rows)
    if result != pack.claim["result"]:
        raise refused("the query over the rows gives another result")
    steps.append(
        (_("the pack's result"), _("the query gives the attested figures: {score} %, lower 95 % bound {lower} %"))
    )
    spread = join_spread(result["spread_high"], result["spread_low"])
    figures = {
        "attestations": len(pack.attestations),
        "size": checkpoint.size,
        "origin": origin,
        "entries": len(pack.attestations) + len(pack.members),
        "members": ", ".join(sorted(item.issuer for item in attested)),
        "score": percent(ratio_ppm(result["numerator"], result["denominator"])),
        "lower": percent(lower_ppm(result["numerator"], result["denominator"], result["patients"], spread)),
    }
    return [Step(translate(name, language), translate(text, language, **figures)) for name, text in steps]


def _require_in_log(entry: Entry, checkpoint: Checkpoint, log_key: PublicKey) -> None:
    proved = receipt.verify(entry.receipt, entry.statement, log_key)
    if (proved.size, proved.root) != (checkpoint.size, checkpoint.root):
        raise refused("a receipt is under another checkpoint")
    if proved.index != entry.index:
        raise refused("a receipt is for another entry than the pack names")
    claims = cose.decode(entry.receipt, receipt.MAX_BYTES).protected.get(cose.CWT_CLAIMS)
    if claims != {1: checkpoint.origin}:
        raise refused("a receipt is of another log")


def _attestations(pack: Pack) -> list[VerifiedStatement]:
    """Return the attestations, verified under the keys that the members' own statements carry."""
    keys: dict[tuple[str, bytes], PublicKey] = {}
    for entry in pack.members:
        given = statement.decode(entry.statement)
        raw = given.fields.get("key")
        if given.kind not in KEY_KINDS or not isinstance(raw, bytes):
            raise refused("a member's statement gives no key")
        key = PublicKey(raw)
        if given.verify(key) is None:
            raise refused("a member's statement is not signed by the key that it gives")
        keys[given.issuer, key.thumbprint] = key
    verified = []
    for entry in pack.attestations:
        item = statement.decode(entry.statement)
        key_of_member = keys.pop((item.issuer, item.key_id), None)
        checked = item.verify(key_of_member) if key_of_member else None
        if checked is None or checked.kind != "attestation":
            raise refused("an attestation is not signed by a key of its member, or a member attests twice")
        verified.append(checked)
    if keys:
        raise refused("it holds a member's statement without an attestation of that member")
    return verified


def _require_one_tuple(pack: Pack, attested: list[VerifiedStatement]) -> None:
    claim = pack.claim
    if len({item.issuer for item in attested}) < LEAST_ATTESTATIONS:
        raise refused("fewer than {least} members attest it", least=LEAST_ATTESTATIONS)
    if any(item.fields != attested[0].fields for item in attested):
        raise refused("its attestations differ")
    fields = attested[0].fields
    names = ("query", "rows", "solution", "cohort", "result")
    size = fields.get("size")
    if any(fields.get(name) != claim[name] for name in names) or not (
        isinstance(size, int) and 0 < size <= claim["size"]
    ):
        raise refused("the attestations are not for what the pack claims")
    identity = evidence_id(claim["query"], claim["solution"], claim["cohort"], claim["result"])
    if identity != claim["id"] or any(item.subject != PREFIX + identity for item in attested):
        raise refused("the evidence's id is not the digest of query, version, cohort and result")
