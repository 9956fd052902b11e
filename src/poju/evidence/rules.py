"""Rules for attestations. Pure.

Members attest one tuple — query, log size, solution version, cohort, integer result, rows — each once, and only what
the log already holds as the agreed figures of two runners (EVID-1). An award counts the members of one tuple.

State key ``evidence/<id>``: {query, solution, cohort, result, entry, tuples: {tuple digest in hex: [member, …]}}.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from poju.ledger import cbor
from poju.ledger.rulebook import Registered
from poju.scenario.package import Package
from poju.scenario.rule import Context, Refuse, Rule
from poju.solution.rules import trial_key

PREFIX = "evidence/"


def evidence_id(query: bytes, solution: str, cohort: str, result: Mapping[str, int]) -> str:
    """Return the evidence's id, 64 hexadecimal digits: SHA-256 of deterministic CBOR [query, solution, cohort, result].

    ``query`` is the SHA-256 of the query file's bytes; the log size is not part of it, so that the same evidence has
    one id however often it is attested (FUND-1).
    """
    return hashlib.sha256(cbor.encode([query, solution, cohort, dict(result)])).hexdigest()


def tuple_digest(fields: Mapping[str, cbor.Value]) -> str:
    """Return the digest, in hex, of all that an attestation's members must say alike."""
    names = ("query", "size", "solution", "cohort", "result", "rows")
    return hashlib.sha256(cbor.encode([fields.get(name) for name in names])).hexdigest()


def query_known(package: Package, digest: bytes) -> bool:
    """Return whether ``digest`` is the SHA-256 of one of the package's indicator queries."""
    return any(hashlib.sha256(indicator.query).digest() == digest for indicator in package.indicators.values())


def attestation(context: Context) -> Registered:
    """Register one member's word for a result; it must be the agreed figures of an undisputed trial."""
    fields, issuer, key = context.fields, context.statement.issuer, context.statement.subject
    context.require("provider" not in context.capabilities, "evidence.affiliated")
    context.require(query_known(context.package, fields["query"]), "evidence.query-unknown")
    identity = evidence_id(fields["query"], fields["solution"], fields["cohort"], fields["result"])
    context.require(key == PREFIX + identity, "evidence.id-differs")
    trial = context.state.get(trial_key(fields["solution"], fields["cohort"]))
    if not isinstance(trial, dict) or "agreed" not in trial:
        raise Refuse("evidence.no-trial")
    context.require(not trial.get("disputed", False), "evidence.trial-disputed")
    context.require(trial["agreed"] == fields["result"], "evidence.differs-from-trial")
    # A checkpoint of `size` leaves holds leaves 0 … size − 1: the reveal among them, and none that is still to come.
    context.require(trial["entry"] < fields["size"] <= context.block.index, "evidence.size")
    return Registered({key: _with_member(context, key, issuer)})


def _with_member(context: Context, key: str, issuer: str) -> dict[str, cbor.Value]:
    fields, record = context.fields, context.state.get(key)
    if not isinstance(record, dict):
        kept = {name: fields[name] for name in ("query", "solution", "cohort", "result")}
        record = {**kept, "entry": context.block.index, "tuples": {}}
    tuples = dict(record["tuples"])
    context.require(not any(issuer in members for members in tuples.values()), "evidence.attested-already")
    alike = tuple_digest(fields)
    tuples[alike] = sorted([*tuples.get(alike, []), issuer])
    return {**record, "tuples": tuples}


RULES: Mapping[str, Rule] = {"attestation": attestation}
"""The room's rules by statement kind."""
