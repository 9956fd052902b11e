"""Offer the newest comparable result inside its item's window, unless the course over time asks for a new one.

The tables follow the region's published list of items. What is not listed is comparable in any unit or specimen.
"""

DAY = 24 * 60 * 60

# ▼▼▼ THE RULE OF THE TOUR: how much of each item's window counts, in per cent. Try 300, test again, look at the award.
WINDOW_PERCENT = 100
# ▲▲▲

WINDOW_DAYS = {
    "K": 3, "DDIMER": 5, "GLU": 8, "INR": 8, "CBC": 15, "URINE": 15, "CREA": 30, "LFT": 30, "LIPID": 60, "UA": 60,
    "TSH": 60, "FERR": 60, "HBA1C": 90, "HBSAB": 90, "VITD": 120, "LPA": 180,
    "XRCHEST": 15, "CTCHEST": 30, "USABD": 30, "MRBRAIN": 90,
}
SHORTEST_DAYS = 30

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


def item_of(entry, catalogue, capabilities):
    """Return the region's item for an order or a result; where it is not mapped, the local system and code."""
    local = f"{entry['system']}|{entry['code']}"
    return catalogue.get(local, local) if "concordance" in capabilities else entry["code"]


def comparable(result, item):
    """Tell whether the result measures what the order asks for."""
    if not result["specimen"]:
        return True
    specimens = SPECIMENS.get(item, SERUM_OR_PLASMA)
    return result["specimen"] in specimens and result["unit"] not in OTHER_QUANTITY.get(item, ())


def good_enough(result, order):
    """Tell whether the result's quality mark holds where the order is placed."""
    if result["quality"] == "local":
        return result["institution"] == order["institution"]
    return result["quality"] == "HR"


def inside_window(result, order, item):
    """Tell whether the result is young enough for its item."""
    seconds = WINDOW_DAYS.get(item, SHORTEST_DAYS) * DAY * WINDOW_PERCENT // 100
    return order["time"] - result["time"] <= seconds


def acute_change(results):
    """Tell whether the last two results disagree: one normal, the other not."""
    return len(results) > 1 and (results[-1]["flag"] == "N") != (results[-2]["flag"] == "N")


def due_in_series(results, order):
    """Tell whether the order is the next of a regular series: three equal intervals, and as long since the last."""
    times = [result["time"] for result in results[-4:]]
    intervals = [later - earlier for earlier, later in zip(times, times[1:])]
    if len(intervals) < 3 or max(intervals) * 100 > min(intervals) * 125:
        return False
    return (order["time"] - times[-1]) * 100 > min(intervals) * 75


def advise(case, capabilities):
    """Return {"offer": id or None, "reason": code} for one order."""
    order, catalogue = case["order"], case["catalogue"]
    if not case["earlier"]:
        return {"offer": None, "reason": "none-earlier"}
    item = item_of(order, catalogue, capabilities)
    results = [result for result in case["earlier"] if item_of(result, catalogue, capabilities) == item]
    if not results:
        return {"offer": None, "reason": "other-item"}
    if "comparability" in capabilities:
        results = [result for result in results if comparable(result, item)]
        if not results:
            return {"offer": None, "reason": "specimen-differs"}
    if "quality" in capabilities:
        results = [result for result in results if good_enough(result, order)]
        if not results:
            return {"offer": None, "reason": "quality"}
    results.sort(key=lambda result: result["time"])
    if "trend" in capabilities and due_in_series(results, order):
        return {"offer": None, "reason": "monitoring"}
    if "window" in capabilities:
        results = [result for result in results if inside_window(result, order, item)]
        if not results:
            return {"offer": None, "reason": "outside-window"}
    if "trend" in capabilities and acute_change(results):
        return {"offer": None, "reason": "acute-change"}
    return {"offer": results[-1]["id"], "reason": "valid-result"}
