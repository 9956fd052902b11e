"""Write figures.csv of this folder from the county file of the US Quarterly Census of Employment and Wages.

    python examples/economies/new-jersey/build.py us_nj_qcew_2016.csv.gz

The input has the columns region_code, industry_code, industry, year, value (persons, private employers, mean of
quarter-end months) and source. Kept are the classes of three digits, and those of four digits that the concordance to
ISIC tells apart; values are rounded half up to whole persons. The same input gives the same bytes.
"""

import csv
import gzip
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from poju.fit.concordance import lines
from poju.fit.tidy import HEADER

FOLDER = Path(__file__).parent
UNIT = "persons, private"
SOURCE = "US BLS QCEW 2016, public domain"
SUBSECTOR_DIGITS, GROUP_DIGITS = 3, 4
UNCLASSIFIED = "999"


def wanted(code: str) -> bool:
    """Return whether a class is kept: a subsector, or a group with a line of its own in the concordance."""
    if code == UNCLASSIFIED or not code.isdecimal():
        return False
    return len(code) == SUBSECTOR_DIGITS or (len(code) == GROUP_DIGITS and code in lines("naics2012"))


def rows(path: Path) -> list[tuple[str, ...]]:
    """Return the rows of figures.csv, in the order of region and class."""
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as handle:
        found = [row for row in csv.DictReader(handle) if wanted(row["industry_code"])]
    found.sort(key=lambda row: (row["region_code"], row["industry_code"]))
    return [
        (
            row["region_code"],
            "",
            row["industry_code"],
            "",
            row["year"],
            str(Decimal(row["value"]).quantize(Decimal(1), ROUND_HALF_UP)),
            UNIT,
            SOURCE,
        )
        for row in found
    ]


def main() -> None:
    """Write figures.csv."""
    with (FOLDER / "figures.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
