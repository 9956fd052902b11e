"""The tables that a query reads: statements of the log, one table for each kind; or rows from a canonical CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from poju.errors import CallerError
from poju.evidence.query import INTEGER_LIMIT, MAX_ROWS, Cell, Table
from poju.i18n import _
from poju.ledger import block, leaf, statement
from poju.scenario.fields import INTEGER_TYPES, LIST_PREFIX, MAP_PREFIX, Field
from poju.scenario.kinds import Kind

HEAD = {"index": "int", "time": "int", "issuer": "text", "subject": "text"}
"""What every statement has: leaf index, block time in seconds, issuer, subject."""

MAX_CSV_BYTES = 64 << 20
CSV_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
CSV_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")


def log_tables(leaves: Iterable[bytes], kinds: Mapping[str, Kind]) -> dict[str, Table]:
    """Return one table for each of ``kinds``, named by its id with ``_`` for ``-``, from a log's leaves in order.

    Columns: :data:`HEAD`, then the kind's scalar fields in their order; digests and keys as hex, booleans as 0 or 1, an
    absent optional field as None; lists and maps are left out. Signatures are not checked here: a verifier checks the
    log first. Raises ``log.unclosed``, ``statement.malformed`` and its kin.
    """
    rows: dict[str, list[list[Cell]]] = {kind: [] for kind in kinds}
    fields = {kind.id: [field for field in kind.fields.values() if _scalar(field)] for kind in kinds.values()}
    index = 0
    for recorded, closing in block.blocks(leaves):
        for raw in recorded:
            if leaf.is_statement(raw):
                item = statement.decode(raw)
                if item.kind in rows:
                    values = [_cell(item.fields.get(field.name)) for field in fields[item.kind]]
                    rows[item.kind].append([index, closing.time, item.issuer, item.subject, *values])
            index += 1
        index += 1  # the block's own leaf
    return {
        name.replace("-", "_"): Table({**HEAD, **{field.name: _type(field) for field in fields[name]}}, rows[name])
        for name in kinds
    }


def _scalar(field: Field) -> bool:
    return not field.type.startswith((LIST_PREFIX, MAP_PREFIX)) and field.name not in HEAD


def _type(field: Field) -> str:
    return "int" if field.type in INTEGER_TYPES or field.type == "bool" else "text"


def _cell(value: Any) -> Cell:  # noqa: ANN401 - a CBOR value that the kind's schema has let through
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, int) else str(value)


def write_csv(table: Table) -> bytes:
    """Return an all-integer table as CSV: a line of names, a line for each row, each ended by one line feed."""
    lines = [",".join(table.columns), *(",".join(str(cell) for cell in row) for row in table.rows)]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def read_csv(data: bytes) -> Table:
    """Return the table of ``data`` if it is exactly what :func:`write_csv` writes; else raise ``evidence.rows``.

    There is one spelling of each table, so no byte of the file is idle.
    """
    if len(data) > MAX_CSV_BYTES:
        raise _bad_rows("more than 64 MiB")
    try:
        head, *lines = data.decode("ascii").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise _bad_rows("not ASCII") from error
    names = head.split(",")
    if len(set(names)) != len(names) or not all(CSV_NAME.fullmatch(name) for name in names) or len(lines) > MAX_ROWS:
        raise _bad_rows("its first line is not a list of distinct names, or it has too many rows")
    table = Table(dict.fromkeys(names, "int"), [_numbers(line, len(names)) for line in lines])
    if write_csv(table) != data:
        raise _bad_rows("not in its one canonical form")
    return table


def _numbers(line: str, width: int) -> list[int]:
    cells = line.split(",")
    if len(cells) != width or not all(CSV_NUMBER.fullmatch(cell) for cell in cells):
        raise _bad_rows("a line is not as many whole numbers as there are names")
    numbers = [int(cell) for cell in cells]
    if not all(-INTEGER_LIMIT <= number < INTEGER_LIMIT for number in numbers):
        raise _bad_rows("a number has more than 64 bits")
    return numbers


def _bad_rows(reason: str) -> CallerError:
    return CallerError(
        "evidence.rows",
        _("These rows cannot be read: {reason}."),
        hint=_("Take rows.csv unaltered from the evidence pack; no editor or spreadsheet may save it."),
        reason=reason,
    )
