"""Step 4, run: recorded work goes through the ledger; two hospitals exchange a record under consent."""

from __future__ import annotations

from dataclasses import dataclass

from poju.demo import cast, cohorts, exchange
from poju.demo.session import Session
from poju.exchange.formats.fhir import OrderPlaced, ResultRecorded, Workload
from poju.exchange.formats.fhir.traits import traits_of
from poju.exchange.identity import IdentityIndex
from poju.exchange.pointer import KeptRecord
from poju.exchange.records import RecordStore
from poju.i18n import _


@dataclass
class Region:
    """The institutions at work: their record stores, the identity index, which record is which pointer."""

    workload: Workload
    stores: dict[str, RecordStore]
    index: IdentityIndex
    records: dict[str, KeptRecord]
    orders: tuple[OrderPlaced, ...]

    def handle(self, institution: str, patient: str) -> str:
        """Return the patient's handle at an institution."""
        return self.stores[institution].handle_of(patient)

    def close(self) -> None:
        """Close the stores."""
        self.index.close()
        for store in self.stores.values():
            store.close()


def run(session: Session) -> None:
    """Keep the records with their custodians, register pointers and orders, and let two hospitals exchange one."""
    voice, options = session.voice, session.options
    voice.step(4, "run", _("how do institutions work together in it?"))
    workload = cohorts.region(session)
    for note in workload.notes:
        voice.tell(note.text, **dict(note.parameters))
    region = keep(session, workload)
    session.facts["region"] = region
    enrol(session, region)
    register(session, region)
    exchange.run(session, region)
    session.facts["run"] |= {
        "source": "synthea" if options.fhir else "generated",
        "patients": len({copy.patient for copy in workload.patients()}),
        "institutions": len(region.stores),
        "records": len(region.records),
        "orders": len(region.orders),
        "notes": [note.text.format(**note.parameters) for note in workload.notes],
    }


def keep(session: Session, workload: Workload) -> Region:
    """Put every record into its own institution's store; none of its bytes goes further."""
    folders = {i.id: session.private / "nodes" / i.id for i in workload.institutions()}
    stores = {name: RecordStore(folder / "records.sqlite") for name, folder in folders.items()}
    index = IdentityIndex(session.private / "nodes" / "index" / "identity.sqlite", session.key(cast.IDENTITY_INDEX))
    orders = tuple(event for event in workload.events() if isinstance(event, OrderPlaced))
    needed = {record for order in orders for record in order.earlier.values()}
    records: dict[str, KeptRecord] = {}
    results = [e for e in workload.events() if isinstance(e, ResultRecorded) and e.record in needed]
    for name, store in stores.items():
        own = [event for event in results if event.institution == name]
        kept = store.keep((e.record, e.patient, e.record_class, e.record_bytes) for e in own)
        records |= {event.record: record for event, record in zip(own, kept, strict=True)}
    return Region(workload, stores, index, records, orders)


def enrol(session: Session, region: Region) -> None:
    """Tell the identity index each institution's patients, and say how well it joined their perturbed copies."""
    persons: dict[int, set[str]] = {}
    of_patient: dict[str, set[int]] = {}
    copies = region.workload.patients()
    for copy in copies:
        handle = region.handle(copy.institution, copy.patient)
        person = region.index.enrol(copy.institution, handle, traits_of(copy.record_bytes))
        persons.setdefault(person, set()).add(copy.patient)
        of_patient.setdefault(copy.patient, set()).add(person)
    merged = sum(len(patients) > 1 for patients in persons.values())
    split = sum(len(numbers) > 1 for numbers in of_patient.values())
    session.voice.tell(
        _("the identity index joined {copies} copies of {patients} patients: {merged} wrongly merged, {split} split"),
        copies=len(copies),
        patients=len(of_patient),
        merged=merged,
        split=split,
    )


def register(session: Session, region: Region) -> None:
    """Register a pointer for every record and an order for every order."""
    institution = {e.record: e.institution for e in region.workload.events() if isinstance(e, ResultRecorded)}
    pointers = [
        (
            institution[name],
            "pointer",
            f"pointer/{record.pointer}",
            {"commitment": record.commitment, "class": record.record_class, "handle": record.handle},
        )
        for name, record in region.records.items()
    ]
    session.register_many(pointers)
    codes = {case["case"]: case["input"]["order"]["code"] for case in region.workload.cases()}
    orders = [
        (
            order.institution,
            "test-order",
            f"order/{order.case}",
            {
                "class": order.record_class,
                "handle": region.handle(order.institution, order.patient),
                "item": codes[order.case],
            },
        )
        for order in region.orders
    ]
    session.register_many(orders)
    session.voice.tell(
        _("{pointers} pointers and {orders} orders registered; records stayed in {stores} institutions' own stores"),
        pointers=len(pointers),
        orders=len(orders),
        stores=len(region.stores),
    )
