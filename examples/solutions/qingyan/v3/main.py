"""Offer the newest comparable result inside its item's window, unless the course over time asks for a new one.

The tables follow the region's published list of items. What is not listed is comparable in any unit or specimen.
"""

import itertools

DAY = 24 * 60 * 60

# ▼▼▼ THE RULE OF THE TOUR: how much of each item's window counts, in per cent. Try 300, test again, look at the award.
WINDOW_PERCENT = 100
# ▲▲▲

# fmt: off
WINDOW_DAYS = {
    "K": 3, "DDIMER": 5, "GLU": 8, "INR": 8, "CBC": 15, "URINE": 15, "CREA": 30, "LFT": 30, "LIPID": 60, "UA": 60,
    "TSH": 60, "FERR": 60, "HBA1C": 90, "HBSAB": 90, "VITD": 120, "LPA": 180,
    "XRCHEST": 15, "CTCHEST": 30, "USABD": 30, "MRBRAIN": 90,
}
# fmt: on
OTHER_DAYS = 30
SERIES_INTERVALS = 3

SPECIMENS = {
    "CBC": {"BLDV"},
    "HBA1C": {"BLDV"},
    "URINE": {"UR"},
    "VITD": {"SER"},
    "DDIMER": {"PLAS"},
    "INR": {"PLAS"},
}
SERUM_OR_PLASMA = {"SER", "PLAS"}

# Units that measure something else under the same item: D-dimer units, seconds, mass of lipoprotein(a), a ratio.
OTHER_QUANTITY = {
    "DDIMER": {"mg/L{DDU}", "ug/L{DDU}"},
    "INR": {"s"},
    "LPA": {"mg/dL"},
    "HBSAB": {"{s_co}"},
}


def item_of(entry: dict, catalogue: dict, capabilities: tuple) -> str:
    """Return the region's item for an order or a result; where it is not mapped, the local system and code."""
    local = f"{entry['system']}|{entry['code']}"
    return catalogue.get(local, local) if "concordance" in capabilities else entry["code"]


def comparable(result: dict, item: str) -> bool:
    """Tell whether the result measures what the order asks for."""
    if not result["specimen"]:
        return True
    specimens = SPECIMENS.get(item, SERUM_OR_PLASMA)
    return result["specimen"] in specimens and result["unit"] not in OTHER_QUANTITY.get(item, ())


def good_enough(result: dict, order: dict) -> bool:
    """Tell whether the result's quality mark holds where the order is placed."""
    if result["quality"] == "local":
        return result["institution"] == order["institution"]
    return result["quality"] == "HR"


def inside_window(result: dict, order: dict, item: str) -> bool:
    """Tell whether the result is young enough for its item."""
    seconds = WINDOW_DAYS.get(item, OTHER_DAYS) * DAY * WINDOW_PERCENT // 100
    return order["time"] - result["time"] <= seconds


def acute_change(results: list) -> bool:
    """Tell whether the last two results disagree: one normal, the other not."""
    return len(results) > 1 and (results[-1]["flag"] == "N") != (results[-2]["flag"] == "N")


def due_in_series(results: list, order: dict) -> bool:
    """Tell whether the order is the next of a regular series: equal intervals, and about as long since the last."""
    times = [result["time"] for result in results[-1 - SERIES_INTERVALS :]]
    intervals = [later - earlier for earlier, later in itertools.pairwise(times)]
    if len(intervals) < SERIES_INTERVALS or max(intervals) * 100 > min(intervals) * 125:
        return False
    return (order["time"] - times[-1]) * 100 > min(intervals) * 75


def candidates(case: dict, item: str, capabilities: tuple) -> tuple[list, str]:
    """Return the results that could stand for the order, oldest first, and, where there is none, why."""
    order, catalogue = case["order"], case["catalogue"]
    results = [result for result in case["earlier"] if item_of(result, catalogue, capabilities) == item]
    if not results:
        return [], "other-item" if case["earlier"] else "none-earlier"
    if "comparability" in capabilities:
        results = [result for result in results if comparable(result, item)]
        if not results:
            return [], "specimen-differs"
    if "quality" in capabilities:
        results = [result for result in results if good_enough(result, order)]
    return results, "valid-result" if results else "quality"


def objection(results: list, order: dict, item: str, capabilities: tuple) -> str:
    """Return why the newest of ``results`` must not be offered, or nothing."""
    if "trend" in capabilities and due_in_series(results, order):
        return "monitoring"
    if "window" in capabilities:
        results = [result for result in results if inside_window(result, order, item)]
        if not results:
            return "outside-window"
    return "acute-change" if "trend" in capabilities and acute_change(results) else ""


def advise(case: dict, capabilities: tuple) -> dict:
    """Return {"offer": id or None, "reason": code} for one order."""
    item = item_of(case["order"], case["catalogue"], capabilities)
    results, reason = candidates(case, item, capabilities)
    against = objection(results, case["order"], item, capabilities) if results else reason
    if against:
        return {"offer": None, "reason": against}
    return {"offer": results[-1]["id"], "reason": reason}
