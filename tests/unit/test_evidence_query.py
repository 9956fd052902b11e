"""Indicator queries: what may run, what comes out, and that gaming lowers the rate of recognised tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from poju.errors import CallerError
from poju.evidence import indicator
from poju.evidence.attest import COLUMNS, GRADED
from poju.evidence.query import Table, compute
from poju.evidence.tables import log_tables
from poju.ledger.leaf import BlockLeaf
from poju.scenario.package import Package, load
from poju.units import Seconds

PACKAGE = Path(__file__).parents[2] / "src" / "poju" / "packages" / "healthcare"
NUMBERS = {"graded": Table({"patient": "int", "code": "text"}, [[number, "x"] for number in range(300)])}


@pytest.fixture(scope="module")
def package() -> Package:
    return load(PACKAGE)


@pytest.mark.parametrize(
    "sql",
    [
        "select avg(patient) a from graded",
        "select 1 / 2 a",
        "select patient::double a from graded",
        "select try_cast(code as real) a from graded",
        "select 1.5 a",
        "select 1e3 a",
        "select sqrt(patient) a from graded",
        "select random() a",
        "select now() a",
        "select current_date a",
        "select case when current_timestamp > '2026' then 1 else 0 end a",
        "select 1 as current_date, current_date a",
        "select patient a from graded using sample 5",
        "select list(patient) a from graded",
        "select sum(patient) over () a from graded",
        "select * from read_csv('/etc/hostname')",
        "select * from '/etc/hostname'",
        "select * from duckdb_settings()",
        "select * from information_schema.tables",
        "select getenv('HOME') a",
        "with recursive r as (select 1 x union all select x + 1 from r) select max(x) a from r",
        "select 1 a; select 2 a",
        "copy graded to '/tmp/graded.csv'",
        "attach '/tmp/other.db'",
        "set threads = 4",
        "install httpfs",
        "",
        "select",
        "select " + "(" * 3000 + "1" + ")" * 3000,
        "select " + "-" * 1500 + "1 a",
        "select " + "not " * 3000 + "true a",
        "select 1 \x00 a",
        "select " + "1 + " * 9000 + "1 a",
        "select nothing a from graded",
        "select patient a, patient a from graded",
        "select g.patient a from graded g, graded h, graded i",
    ],
)
def test_evid_1_a_query_outside_the_allow_list_is_refused(sql: str) -> None:
    with pytest.raises(CallerError) as caught:
        compute(sql, NUMBERS)
    assert caught.value.code == "indicator.query"
    assert caught.value.explain("zh-Hans")


def test_a_query_that_runs_too_long_is_ended() -> None:
    big = {"t": Table({"a": "int"}, [[number] for number in range(20_000)])}
    sql = "select max(x.a * y.a * z.a % 7919) m from t x, t y, t z"
    with pytest.raises(CallerError) as caught:
        compute(sql, big, seconds=1)
    assert caught.value.code == "indicator.query"


def test_sums_are_whole_numbers_of_any_size_that_fits() -> None:
    huge = {"t": Table({"a": "int"}, [[2**62], [2**62], [-3]])}
    assert compute("select sum(a) s, sum(cast(a as hugeint) * a) q from t", huge) == [
        {"s": 2**63 - 3, "q": 2 * 2**124 + 9}
    ]


@pytest.mark.parametrize("row", [[1.5, "x"], [True, "x"], [2**63, "x"], [1, 2], [1], ["1", "x"]])
def test_rows_that_are_not_what_their_columns_say_are_refused(row: list) -> None:
    with pytest.raises(CallerError) as caught:
        compute("select 1 a", {"graded": Table({"patient": "int", "code": "text"}, [row])})
    assert caught.value.code == "indicator.table"


def test_accuracy_counts_as_the_track_defines(package: Package) -> None:
    rows = [
        # number, patient, eligible, offered, valid, invalid
        [0, 0, 1, 1, 1, 0],  # correct
        [1, 0, 1, 1, 0, 0],  # wrong
        [2, 0, 1, 0, 0, 0],  # missed
        [3, 1, 0, 1, 0, 0],  # an offer where the examination has to be done
        [4, 1, 0, 0, 0, 0],  # rightly none
        [5, 2, 1, 0, 0, 1],  # no advice: as wrong as a wrong offer
    ]
    found = indicator.of(package, "recognition-accuracy").compute({GRADED: Table(dict.fromkeys(COLUMNS, "int"), rows)})
    counts = {"orders": 6, "eligible": 4, "correct": 1, "wrong": 3, "missed": 1, "invalid": 1, "patients": 3}
    repeats = {"must_repeat": 2, "must_repeat_offers": 1, "numerator": 1 - 9, "denominator": 4}
    clusters = [(-2, 3), (-3, 0), (-3, 1)]
    spread = sum((x * 4 + 8 * n) ** 2 for x, n in clusters)
    assert found == [{**counts, **repeats, "spread_high": 0, "spread_low": spread}]


class Region:
    """Orders, live offers, recognitions and charges of so many patients, as tables."""

    def __init__(self, package: Package, patients: int = 40) -> None:
        self.query = indicator.of(package, "recognition-rate")
        self.tables = log_tables([], package.all_kinds())
        self.index = 0
        for number in range(patients):
            self.order(number)
            self.add("advice", number, offer="aa", stage="live")
            self.add("recognition", number, outcome="recognised")

    def order(self, number: int, handle: int | None = None, time: int = 0) -> None:
        self.add("test_order", number, handle=f"h{number if handle is None else handle}", item="hb", time=time)

    def add(self, table: str, number: int, time: int = 0, **fields: object) -> None:
        self.index += 1
        head = {"index": self.index, "time": time, "issuer": "a", "subject": f"order/{number}"}
        columns = self.tables[table].columns
        self.tables[table].rows.append([{**head, **fields}.get(column) for column in columns])

    def figures(self) -> tuple[int, int]:
        (row,) = self.query.compute(self.tables)
        return row["numerator"], row["denominator"]


def test_the_rate_counts_recognised_orders(package: Package) -> None:
    region = Region(package)
    assert region.figures() == (40, 40)
    region.order(99)  # an order without an offer is not eligible
    assert region.figures() == (40, 40)
    (row,) = region.query.compute(region.tables)
    assert row["patients"] == 40


def test_gaming_recognise_then_repeat_counts_as_failure(package: Package) -> None:
    region = Region(package)
    region.add("charge", 3, amount=100, billed=1)
    assert region.figures() == (39, 40)
    region.order(77, handle=5, time=10 * 86_400)
    region.add("charge", 77, amount=100, billed=1)
    assert region.figures() == (38, 40)


def test_gaming_unregistered_orders_count_as_failures(package: Package) -> None:
    region = Region(package)
    region.add("charge", 500, amount=100, billed=1)
    region.add("charge", 500, amount=100, billed=1)
    assert region.figures() == (40, 41)


def test_gaming_advice_after_the_decision_or_in_the_shadow_is_no_offer(package: Package) -> None:
    region = Region(package)
    region.order(80)
    region.add("recognition", 80, outcome="recognised")
    region.add("advice", 80, offer="aa", stage="live")
    region.order(81)
    region.add("advice", 81, offer="aa", stage="shadow")
    region.add("recognition", 81, outcome="recognised")
    assert region.figures() == (40, 40)


def test_gaming_more_solutions_for_one_order_count_once(package: Package) -> None:
    region = Region(package)
    region.order(82)
    region.add("advice", 82, offer="aa", stage="live")
    region.add("advice", 82, offer="bb", stage="live")
    region.add("recognition", 82, outcome="repeated")
    assert region.figures() == (40, 41)


def test_an_empty_log_gives_nothing(package: Package) -> None:
    assert Region(package, 0).figures() == (0, 0)


@pytest.mark.parametrize(
    ("numerator", "denominator", "patients", "published"),
    [(50, 100, 30, True), (50, 100, 29, False), (9, 100, 40, False), (92, 100, 40, False), (100, 100, 40, True)],
)
def test_small_samples_and_small_cells_are_not_published(
    numerator: int, denominator: int, patients: int, *, published: bool
) -> None:
    row = {"numerator": numerator, "denominator": denominator, "patients": patients}
    assert (indicator.suppress(row) is not None) == published


def test_a_single_small_cell_takes_a_complement_with_it() -> None:
    assert indicator.suppress_cells({"a": 50, "b": 4, "c": 20}) == {"a": 50, "b": None, "c": None}
    assert indicator.suppress_cells({"a": 50, "b": 4, "c": 3}) == {"a": 50, "b": None, "c": None}
    assert indicator.suppress_cells({"a": 50, "b": 0}) == {"a": 50, "b": 0}


def test_log_tables_number_leaves_as_the_log_does(package: Package) -> None:
    block = BlockLeaf(1, Seconds(5), 0, bytes(32)).encode()
    assert log_tables([block], package.all_kinds())["charge"].rows == []


def test_an_incomplete_header_names_the_missing_line(package: Package) -> None:
    found = package.indicators["recognition-rate"]
    header = {key: value for key, value in found.header.items() if key != "guard"}
    with pytest.raises(CallerError, match="guard"):
        indicator.from_header("recognition-rate", header, found.query)
    with pytest.raises(CallerError) as caught:
        indicator.of(package, "absent")
    assert caught.value.code == "indicator.unknown"
