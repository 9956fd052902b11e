"""Walk back through the earlier results of the same item; offer the first one young enough, unless its flag turned."""

DAY = 24 * 60 * 60

# ▼▼▼ THE RULE TO EDIT: one window for every item, in days. Short ones miss repeats, long ones offer stale results.
WINDOW_DAYS = 14
# ▲▲▲

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
    if "trend" in capabilities and len(results) > 1 and results[1]["flag"] != newest["flag"]:
        return {"offer": None, "reason": "acute-change"}
    return {"offer": newest["id"], "reason": "valid-result"}
