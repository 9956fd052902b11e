"""Offer the newest earlier result that bears the same local code as the order."""


def advise(case: dict, _capabilities: tuple) -> dict:
    """Return {"offer": id or None, "reason": code} for one order."""
    code = case["order"]["code"]
    same = [result for result in case["earlier"] if result["code"] == code]
    if not same:
        return {"offer": None, "reason": "other-item" if case["earlier"] else "none-earlier"}
    newest = max(same, key=lambda result: result["time"])
    return {"offer": newest["id"], "reason": "valid-result"}
