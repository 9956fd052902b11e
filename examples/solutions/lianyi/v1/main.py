"""Offer what this institution itself measured last under the same code."""


def advise(case: dict, _capabilities: tuple) -> dict:
    """Return {"offer": id or None, "reason": code} for one order."""
    order = case["order"]
    own = [
        result for result in case["earlier"] if (result["system"], result["code"]) == (order["system"], order["code"])
    ]
    if not own:
        return {"offer": None, "reason": "none-earlier"}
    return {"offer": own[-1]["id"], "reason": "valid-result"}
