"""Walk back through the earlier results of the same item and offer the first one that is young enough."""

DAY = 24 * 60 * 60

# One window for every item, in days.
WINDOW_DAYS = 7

CAPILLARY_BLOOD = "BLDC"


def same_item(result: dict, case: dict) -> bool:
    """Tell whether the region's concordance puts the result and the order under one item."""
    names = [f"{entry['system']}|{entry['code']}" for entry in (result, case["order"])]
    items = [case["catalogue"].get(name, name) for name in names]
    return items[0] == items[1]


def recognised_here(result: dict, case: dict) -> bool:
    """Tell whether the result's quality mark holds at the ordering institution."""
    own = result["institution"] == case["order"]["institution"]
    return result["quality"] == "HR" or (result["quality"] == "local" and own)


def usable(case: dict, capabilities: tuple) -> list:
    """Return the results of the same item that are recognised here, newest first."""
    results = case["earlier"][::-1]
    if "concordance" in capabilities:
        results = [result for result in results if same_item(result, case)]
    if "quality" in capabilities:
        results = [result for result in results if recognised_here(result, case)]
    if "specimen" in capabilities:
        results = [result for result in results if result["specimen"] != CAPILLARY_BLOOD]
    return results


def advise(case: dict, capabilities: tuple) -> dict:
    """Return {"offer": id or None, "reason": code} for one order."""
    results = usable(case, capabilities)
    if not results:
        return {"offer": None, "reason": "none-earlier"}
    newest = results[0]
    if "window" in capabilities and case["order"]["time"] - newest["time"] > WINDOW_DAYS * DAY:
        return {"offer": None, "reason": "outside-window"}
    return {"offer": newest["id"], "reason": "valid-result"}
