"""Offer the newest earlier result of the same item, in a comparable unit and specimen, of sufficient quality.

The tables follow the region's published list of items. What is not listed is comparable in any unit or specimen.
"""

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


def advise(case: dict, capabilities: tuple) -> dict:
    """Return {"offer": id or None, "reason": code} for one order."""
    item = item_of(case["order"], case["catalogue"], capabilities)
    results, reason = candidates(case, item, capabilities)
    return {"offer": results[-1]["id"] if results else None, "reason": reason}
