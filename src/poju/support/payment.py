"""Payment orders of released awards for a treasury: CSV, and ISO 20022 pain.001.001.09 (customer credit transfer).

Poju authorises, the treasury pays. Accounts here are the demonstration's: ``DEMO-<name>``, no real account is known to
Poju. The same payments and time give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from poju.errors import CallerError
from poju.i18n import _
from poju.support.check import Published, released
from poju.units import FEN_PER_YUAN, Fen, Seconds

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
COLUMNS = ("award", "provider", "amount_yuan", "currency", "account", "treasury", "evidence")
CURRENCY = "CNY"
LONGEST_TEXT = 35
LONGEST_ACCOUNT = 34


@dataclass(frozen=True)
class Payment:
    """One payment order: award subject, provider's member name, fen, the treasury's code, evidence's subject."""

    award: str
    provider: str
    amount: Fen
    treasury: str
    evidence: str

    @property
    def account(self) -> str:
        """The provider's demonstration account."""
        return f"DEMO-{self.provider}"[:LONGEST_ACCOUNT]

    @property
    def reference(self) -> str:
        """The end-to-end reference, at most 35 characters (ISO 20022 Max35Text): the award's name or its digest."""
        name = self.award.replace("/", "-")
        return name if len(name) <= LONGEST_TEXT else hashlib.sha256(self.award.encode()).hexdigest()[:32]


def payments(statements: Sequence[Published]) -> list[Payment]:
    """Return the payment orders among a log's statements: released claims whose ``award-release`` is registered.

    Raises ``award.unproved`` where an order's amount is not its claim's.
    """
    orders = {item.subject: item.fields for item, _decision in statements if item.kind == "award-release"}
    found = []
    for award, _claim in released(statements):
        order = orders.get(award.subject)
        if order is None:
            continue
        if order["amount"] != award.amount:
            raise CallerError(
                "award.unproved",
                _("The payment order for {award} is for another amount than its claim."),
                hint=_("Do not pay; verify the log and ask the authority."),
                award=award.subject,
            )
        found.append(Payment(award.subject, award.provider, award.amount, order["treasury"], award.evidence))
    return found


def yuan(amount: int) -> str:
    """Return fen as yuan with two decimals, as ISO 20022 amounts are written."""
    whole, rest = divmod(amount, FEN_PER_YUAN)
    return f"{whole}.{rest:02d}"


def to_csv(orders: Iterable[Payment]) -> bytes:
    """Return the orders as CSV (RFC 4180, UTF-8): a header of :data:`COLUMNS` and a line for each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for order in orders:
        cells = (
            order.award,
            order.provider,
            yuan(order.amount),
            CURRENCY,
            order.account,
            order.treasury,
            order.evidence,
        )
        writer.writerow(cells)
    return text.getvalue().encode()


def to_pain001(orders: Sequence[Payment], *, initiator: str, time: Seconds) -> bytes:
    """Return the orders as one pain.001.001.09 document, one payment information block for each treasury.

    ``initiator`` is the authority's name; ``time`` (seconds, UTC) dates the message and is the day of execution. Raises
    ``payment.none`` where there is nothing to pay, since the standard has no empty message.
    """
    if not orders:
        raise CallerError(
            "payment.none",
            _("There is no released award to pay."),
            hint=_("Register award-release for a released claim first."),
        )
    moment = datetime.fromtimestamp(time, UTC)
    root = ET.Element("Document", {"xmlns": NAMESPACE})
    initiation = ET.SubElement(root, "CstmrCdtTrfInitn")
    header = ET.SubElement(initiation, "GrpHdr")
    digest = hashlib.sha256("\n".join(f"{order.award} {order.amount}" for order in orders).encode()).hexdigest()
    _texts(header, ("MsgId", digest[:32]), ("CreDtTm", moment.strftime("%Y-%m-%dT%H:%M:%SZ")))
    _totals(header, orders)
    _texts(ET.SubElement(header, "InitgPty"), ("Nm", initiator[:140]))
    for treasury in sorted({order.treasury for order in orders}):
        block = [order for order in orders if order.treasury == treasury]
        _block(ET.SubElement(initiation, "PmtInf"), treasury, block, moment)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _block(parent: ET.Element, treasury: str, orders: Sequence[Payment], moment: datetime) -> None:
    _texts(parent, ("PmtInfId", treasury[:LONGEST_TEXT]), ("PmtMtd", "TRF"))
    _totals(parent, orders)
    _texts(ET.SubElement(parent, "ReqdExctnDt"), ("Dt", moment.strftime("%Y-%m-%d")))
    _texts(ET.SubElement(parent, "Dbtr"), ("Nm", treasury))
    _identified(ET.SubElement(parent, "DbtrAcct"), "Id", f"DEMO-{treasury}"[:LONGEST_ACCOUNT])
    _identified(ET.SubElement(parent, "DbtrAgt"), "FinInstnId", "DEMO-TREASURY")
    for order in orders:
        transfer = ET.SubElement(parent, "CdtTrfTxInf")
        _texts(ET.SubElement(transfer, "PmtId"), ("InstrId", order.reference), ("EndToEndId", order.reference))
        amount = ET.SubElement(ET.SubElement(transfer, "Amt"), "InstdAmt", {"Ccy": CURRENCY})
        amount.text = yuan(order.amount)
        _texts(ET.SubElement(transfer, "Cdtr"), ("Nm", order.provider))
        _identified(ET.SubElement(transfer, "CdtrAcct"), "Id", order.account)
        _texts(ET.SubElement(transfer, "RmtInf"), ("Ustrd", order.evidence[:140]))


def _texts(parent: ET.Element, *pairs: tuple[str, str]) -> None:
    for name, text in pairs:
        ET.SubElement(parent, name).text = text


def _totals(parent: ET.Element, orders: Sequence[Payment]) -> None:
    _texts(parent, ("NbOfTxs", str(len(orders))), ("CtrlSum", yuan(sum(order.amount for order in orders))))


def _identified(parent: ET.Element, scheme: str, identifier: str) -> None:
    """Write ``<scheme><Othr><Id>identifier``: a proprietary identification, as no real account is known."""
    _texts(ET.SubElement(ET.SubElement(parent, scheme), "Othr"), ("Id", identifier))
