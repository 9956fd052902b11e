"""Two hospitals as processes: refused without consent, served with it, also while the authority is down."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from poju.demo import cast
from poju.demo.processes import Child
from poju.demo.session import ORIGIN, Session
from poju.demo.words import word
from poju.engine.embedded import wall_clock
from poju.errors import CallerError
from poju.exchange.patient import access_list
from poju.exchange.pointer import KeptRecord
from poju.i18n import _, translate
from poju.ledger import cbor
from poju.ledger.store import Store
from poju.node.client import LedgerClient

HELD_BY, ASKED_BY = cast.WITH_PROCESSES
PURPOSE = "mutual-recognition"
ASSERTION_SECONDS = 86_400
CONSENT_SECONDS = 30 * 86_400


class Meeting:
    """One record at the first hospital, wanted by the second for the same person."""

    def __init__(self, session: Session, region: Any) -> None:  # noqa: ANN401 - steps.run.Region, which imports us
        self.session, self.region = session, region
        self.record, self.handle, self.person = self._choose()
        with ThreadPoolExecutor(len(cast.WITH_PROCESSES)) as starting:
            self.nodes = dict(zip(cast.WITH_PROCESSES, starting.map(self._start, cast.WITH_PROCESSES), strict=True))

    def _choose(self) -> tuple[KeptRecord, str, int]:
        """Return a record of a person whom both hospitals know, that person's handle at the asker, and the person."""
        for name in sorted(self.region.records):
            record = self.region.records[name]
            person = self.region.index.person(HELD_BY, record.handle)
            if person is None:
                continue
            for member, handle in self.region.index.handles(person):
                if member == ASKED_BY:
                    return record, handle, person
        raise CallerError(
            "demo.no-shared-patient",
            _("No patient of these records was seen at both of the two busiest institutions."),
            hint=_("Give --fhir a population whose care spreads over institutions, or leave it out."),
        )

    def _start(self, name: str) -> Child:
        session = self.session
        arguments = ["node", "run", str(session.private / "nodes" / name), "--member", name]
        arguments += ["--ledger", session.client.url, "--package", str(session.options.package)]
        arguments += ["--log-key", str(session.private / "authority" / "log.vkey")]
        child = Child(name, arguments, session.private / "logs" / f"{name}.log")
        session.children[name] = child
        return child

    def _ask(self, name: str, path: str, body: list[cbor.Value]) -> Any:  # noqa: ANN401 - CBOR
        client = LedgerClient(self.nodes[name].url)
        try:
            response = client.post(path, cbor.encode(body), self.session.key(name))
            return cbor.decode(response.content, 1 << 20)
        finally:
            client.close()

    def request(self, number: int) -> dict[str, Any]:
        """Let the second hospital register its access request number ``number``; return what was decided."""
        until = wall_clock() + ASSERTION_SECONDS
        assertion = self.region.index.assert_same(
            (ASKED_BY, self.handle), (HELD_BY, self.record.handle), self.record.pointer, until
        )
        wanted = [self.subject(number), f"pointer/{self.record.pointer}", PURPOSE, "consent", assertion]
        decided: dict[str, Any] = self._ask(ASKED_BY, "/request", wanted)
        return decided

    def collect(self, number: int) -> dict[str, Any]:
        """Let the second hospital show its proof to the first one's process, and check what it serves."""
        self._ask(HELD_BY, "/refresh", [])
        wanted = [self.subject(number), self.nodes[HELD_BY].url, self.record.commitment]
        found: dict[str, Any] = self._ask(ASKED_BY, "/collect", wanted)
        return found

    def settle(self) -> None:
        """Let both ends register what they have written down, the custodian first."""
        for name in (HELD_BY, ASKED_BY, HELD_BY):
            self._ask(name, "/refresh", [])

    def subject(self, number: int) -> str:
        """Return the access's name, the same in a resumed run."""
        digest = hashlib.sha256(f"{self.record.pointer} {number}".encode()).hexdigest()
        return f"access/{digest[:32]}"

    def consent(self) -> None:
        """Register the patient's consent, through the identity index."""
        fields = {
            "grantee": ASKED_BY,
            "classes": [self.record.record_class],
            "purposes": [PURPOSE],
            "until": wall_clock() + CONSENT_SECONDS,
        }
        self.session.register(cast.IDENTITY_INDEX, "consent-grant", f"consent/{self.record.handle}", fields)


def run(session: Session, region: Any) -> None:  # noqa: ANN401 - steps.run.Region, which imports us
    """Run the exchange and keep what it showed in ``session.facts``."""
    voice = session.voice
    meeting = Meeting(session, region)
    voice.tell(
        _("two hospitals run as processes: {first} and {second}"), first=_url(meeting, 0), second=_url(meeting, 1)
    )
    denied = meeting.request(1)
    refused = meeting.collect(1)
    rule = ", ".join(denied.get("policies", [])) or denied.get("code", "")
    voice.tell(
        _("without consent: {outcome} by {rule}, and the custodian refuses with {code}"),
        rule=rule,
        outcome=denied["outcome"],
        code=refused["code"],
    )
    meeting.consent()
    granted = meeting.request(2)
    served = meeting.collect(2)
    meeting.settle()
    voice.tell(
        _("with consent: {outcome}; {bytes} bytes served and checked against their commitment: {holds}"),
        outcome=voice.word(word(granted["outcome"])),
        bytes=served.get("bytes", 0),
        holds=voice.word(word(served.get("holds", False))),
    )
    third = meeting.request(3)
    stopped = _without_authority(session, meeting)
    voice.tell(
        _("the authority's process was stopped: the custodian still verified and served: {served}"),
        served=voice.word(word(stopped)),
    )
    session.facts["run"] = {
        "read": {
            "refused": {"code": str(refused["code"]), "explain": translate(_("no consent in force"), voice.language)},
            "served": {"entry": granted["entry"]},
            "checked": bool(served.get("holds")),
            "authority_stopped": True,
            "still_verified": stopped and third["outcome"] == "granted",
        }
    }
    session.facts["person"] = meeting.person
    patient_list(session, region)


def _url(meeting: Meeting, which: int) -> str:
    return meeting.nodes[cast.WITH_PROCESSES[which]].url


def _without_authority(session: Session, meeting: Meeting) -> bool:
    """Stop the ledger, let the custodian serve on its own replica, start the ledger again where it was."""
    meeting.settle()
    authority = session.children["authority"]
    port = urlsplit(authority.url).port
    authority.stop()
    found: dict[str, Any] = meeting._ask(  # noqa: SLF001 - no refresh: the ledger is down
        ASKED_BY, "/collect", [meeting.subject(3), meeting.nodes[HELD_BY].url, meeting.record.commitment]
    )
    folder = session.private / "authority"
    arguments = ["ledger", "serve", str(folder), "--package", str(session.options.package), "--origin", ORIGIN]
    session.children["authority"] = Child(
        "authority", [*arguments, "--port", str(port)], session.private / "logs" / "authority.log"
    )
    meeting.settle()
    return bool(found.get("served") and found.get("holds"))


def patient_list(session: Session, region: Any) -> None:  # noqa: ANN401 - steps.run.Region, which imports us
    """Fold the patient's own list from the log."""
    handles = {handle for _member, handle in region.index.handles(session.facts["person"])}
    store = Store.open(session.private / "authority" / "ledger.sqlite")
    session.facts["patient"] = access_list(store.stream(store.head().size), handles)
    session.facts["handles"] = sorted(handles)
    store.close()
    both = sum(a.release_entry is not None and a.acknowledge_entry is not None for a in session.facts["patient"])
    session.voice.tell(
        _("the patient's list shows {count} requests, {both} of them registered by both ends"),
        count=len(session.facts["patient"]),
        both=both,
    )
