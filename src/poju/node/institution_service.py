"""Running one institution's node from its folder: ``member.key``, ``records.sqlite``, ``outbox.sqlite``."""

from __future__ import annotations

from pathlib import Path

from poju.exchange.custodian import Limits
from poju.exchange.records import RecordStore
from poju.ledger.keys import PrivateKey, parse_vkey
from poju.node import serving
from poju.node.client import LedgerClient
from poju.node.institution_api import Institution, create
from poju.node.outbox import Outbox
from poju.node.replica import Replica
from poju.scenario.package import load

MAX_VKEY = 1_024
KEY, RECORDS, OUTBOX = "member.key", "records.sqlite", "outbox.sqlite"


def run(  # noqa: PLR0913 - one argument for each thing that an operator sets
    folder: Path,
    member: str,
    ledger: str,
    *,
    log_key: Path,
    package: Path,
    host: str,
    port: int,
    attached: bool,
) -> None:
    """Serve until Ctrl-C, or until standard input closes where ``attached``."""
    windows = load(package).windows
    origin, trusted = parse_vkey(log_key.read_bytes()[:MAX_VKEY].decode(errors="replace"))
    key = PrivateKey.load_or_create(folder / KEY)
    client = LedgerClient(ledger)
    records = RecordStore(folder / RECORDS)
    outbox = Outbox(folder / OUTBOX, client)
    replica = Replica(origin, trusted, member, key)
    limits = Limits(windows["access"], windows["replica"])
    institution = Institution(member, key, records, replica, client, outbox, limits)
    institution.refresh()

    def close() -> None:
        outbox.close()
        client.close()
        records.close()

    facts: dict[str, object] = {"member": member, "key": key.public.fingerprint}
    serving.run(create(institution), host=host, port=port, attached=attached, on_close=close, facts=facts)
