"""Run an indicator's query: DuckDB, integers and text only, one thread, UTC, nothing outside reachable.

What may stand in a query is an allow list over DuckDB's own parse tree, checked before anything runs; what the engine
may do is its locked configuration; what may come out is checked by type. Each of the three would refuse a float alone.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from poju.errors import CallerError
from poju.i18n import _

Cell = int | str | None
MAX_QUERY_BYTES = 65_536
MAX_TABLES = 64
MAX_COLUMNS = 64
MAX_ROWS = 2_000_000
MAX_RESULT_ROWS = 10_000
TIME_LIMIT_SECONDS = 30
INTEGER_LIMIT = 1 << 63
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

COLUMN_TYPES = {"int": "BIGINT", "text": "VARCHAR"}
FUNCTIONS = frozenset({"sum", "count", "count_star", "min", "max", "abs", "+", "-", "*", "//", "%"})
"""``/`` and ``avg`` give floats in DuckDB, ``random`` and ``now`` differ from run to run: none of them is here."""

EXPRESSIONS = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION"),
        *("CONSTANT", "FUNCTION", "OPERATOR", "STAR", "SUBQUERY", "TYPE"),
    }
)
CAST_TYPES = frozenset({"bigint", "hugeint", "int128", "integer", "int", "decimal", "varchar", "boolean"})
LITERALS = frozenset({"INTEGER", "STRING", "BOOLEAN", "NULL"})
SOURCES = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY"})
NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE"})
MODIFIERS = frozenset({"ORDER_MODIFIER", "DISTINCT_MODIFIER", "LIMIT_MODIFIER"})
RESULT_TYPE = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,0\)|VARCHAR|BOOLEAN")

CONFIGURATION = (
    "threads = 1",
    "memory_limit = '256MB'",
    "temp_directory = ''",
    "TimeZone = 'UTC'",
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "allow_community_extensions = false",
    "python_enable_replacements = false",
    "enable_external_access = false",
    # Last: afterwards nothing of the above can be changed, by no statement.
    "lock_configuration = true",
)


@dataclass(frozen=True)
class Table:
    """Rows for one query. ``columns``: name → ``int`` (64 bits) or ``text``; each row has one cell for each column."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[Cell]]


def _refused(reason: str, **parameters: object) -> CallerError:
    return CallerError(
        "indicator.query",
        _("This indicator query is refused: {reason}."),
        hint=_("A query is one SELECT over the named tables, in integers and text; see docs/concepts/evidence.md."),
        reason=reason.format(**parameters) if parameters else reason,
    )


def compute(sql: str, tables: Mapping[str, Table], *, seconds: int = TIME_LIMIT_SECONDS) -> list[dict[str, Cell]]:
    """Return the rows of ``sql`` over ``tables``, each ``{column: int | text | None}``.

    Raises ``indicator.query`` where the query is not allowed, fails or runs longer than ``seconds``, and
    ``indicator.table`` where the rows are not what their columns say.
    """
    if len(sql.encode()) > MAX_QUERY_BYTES:
        raise _refused("it is longer than 65,536 bytes")
    with _locked() as connection:
        check(sql, tables, connection)
        for name, table in tables.items():
            _fill(connection, name, table)
        timer = threading.Timer(seconds, connection.interrupt)
        timer.start()
        try:
            return _rows(connection.execute(sql))
        except duckdb.Error as error:
            raise _refused("{error}", error=str(error).splitlines()[0][:200]) from error
        finally:
            timer.cancel()


def _locked() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    for setting in CONFIGURATION:
        connection.execute(f"SET {setting}")
    return connection


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Cell]]:
    names = []
    for name, kind, *_rest in result.description or ():
        # DuckDB's Python description says NUMBER for DECIMAL and HUGEINT alike; the type's own text is exact.
        if not RESULT_TYPE.fullmatch(str(kind)):
            raise _refused("column {name} has type {kind}; integers, DECIMAL and text only", name=name, kind=kind)
        names.append(str(name))
    rows = result.fetchmany(MAX_RESULT_ROWS + 1)
    if len(rows) > MAX_RESULT_ROWS or len(set(names)) != len(names):
        raise _refused("its result has more than 10,000 rows, or two columns of one name")
    return [dict(zip(names, map(_cell, row), strict=True)) for row in rows]


def _cell(value: Any) -> Cell:  # noqa: ANN401 - what DuckDB returns for the types that RESULT_TYPE lets through
    return value if value is None or isinstance(value, str) else int(value)


def _fill(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    types = [COLUMN_TYPES[kind] for kind in table.columns.values()]
    body = ", ".join(f'"{column}" {kind}' for column, kind in zip(table.columns, types, strict=True))
    connection.execute(f'CREATE TABLE "{name}" ({body})')
    if table.rows:
        values = [list(column) for column in zip(*table.rows, strict=True)]
        lists = ", ".join(f"unnest(${number}::{kind}[])" for number, kind in enumerate(types, 1))
        connection.execute(f'INSERT INTO "{name}" SELECT {lists}', values)


def check(sql: str, tables: Mapping[str, Table], connection: duckdb.DuckDBPyConnection) -> None:
    """Raise ``indicator.query`` or ``indicator.table`` unless ``sql`` and ``tables`` keep to the allow lists."""
    for name, table in tables.items():
        _check_table(name, table)
    if len(tables) > MAX_TABLES:
        raise _refused("more than {limit} tables", limit=MAX_TABLES)
    tree = _parse(sql, connection)
    own = {entry["key"] for node in _nodes(tree) if "cte_map" in node for entry in node["cte_map"]["map"]}
    columns = {column for table in tables.values() for column in table.columns}
    columns |= {str(node["alias"]) for node in _nodes(tree) if node.get("alias")}
    for node in _nodes(tree):
        _check_node(node, own | set(tables))
        _check_names(node, columns)


def _parse(sql: str, connection: duckdb.DuckDBPyConnection) -> Any:  # noqa: ANN401 - a JSON document
    try:
        answer = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
        tree: dict[str, Any] = json.loads(answer[0]) if answer else {"error": True}
    except (duckdb.Error, RecursionError, ValueError) as error:
        raise _refused("it is too deep or no text") from error
    if tree["error"]:
        raise _refused("it cannot be parsed as SELECT: {error}", error=str(tree.get("error_message", ""))[:200])
    if len(tree["statements"]) != 1:
        raise _refused("it is not exactly one statement")
    return tree["statements"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a JSON document
    """Yield every object of the parse tree, from the root down."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _check_node(node: dict[str, Any], tables: set[str]) -> None:
    """Refuse what is on no allow list: an expression, clause, function, type, literal or table."""
    kind = node.get("type")
    if "class" in node and node["class"] not in EXPRESSIONS:
        raise _refused("expression {name}", name=node["class"])
    if "class" not in node and isinstance(kind, str) and kind not in SOURCES | NODES | MODIFIERS | _ORDERS:
        raise _refused("clause {name}", name=kind)
    if "function_name" in node and (node["function_name"] not in FUNCTIONS or node.get("schema")):
        raise _refused("function {name}", name=node["function_name"])
    if "type_name" in node and str(node["type_name"]).lower() not in CAST_TYPES:
        raise _refused("type {name}", name=node["type_name"])
    if "literal" in node and node["literal"]["kind"] not in LITERALS:
        raise _refused("the literal {text} is no integer", text=node["literal"].get("text", ""))
    if kind == "BASE_TABLE" and (node["table_name"] not in tables or node["schema_name"] or node["catalog_name"]):
        raise _refused("table {name}", name=node["table_name"])
    if node.get("sample") is not None:
        raise _refused("a sample differs from run to run")


def _check_names(node: dict[str, Any], columns: set[str]) -> None:
    """Refuse a column that no table has: DuckDB reads ``current_date`` and its like as functions of no argument."""
    names = [str(node.get("alias", "")), *(node.get("column_names") or [""])[-1:]]
    if any(name.lower().startswith(_MOMENT) for name in names) or (names[-1] and names[-1] not in columns):
        raise _refused("column {name}", name=names[-1] or names[0])


_MOMENT = ("current_", "get_current_", "local", "session_", "user", "today", "now")
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})


def _check_table(name: str, table: Table) -> None:
    width = len(table.columns)
    sound = (
        NAME.fullmatch(name) is not None
        and 1 <= width <= MAX_COLUMNS
        and len(table.rows) <= MAX_ROWS
        and all(NAME.fullmatch(column) and kind in COLUMN_TYPES for column, kind in table.columns.items())
        and all(len(row) == width for row in table.rows)
        and all(_fits(cell, kind) for row in table.rows for cell, kind in zip(row, table.columns.values(), strict=True))
    )
    if not sound:
        raise CallerError(
            "indicator.table",
            _("The rows of table {name} are not what its columns say."),
            hint=_("Columns are int (64 bits) or text; every row has one cell for each of them."),
            name=name[:64],
        )


def _fits(cell: Cell, kind: str) -> bool:
    if cell is None:
        return True
    if kind == "int":
        return isinstance(cell, int) and not isinstance(cell, bool) and -INTEGER_LIMIT <= cell < INTEGER_LIMIT
    return isinstance(cell, str)
