"""The one rule book of a node: the generic way of the scenario room with every room's rules in it."""

from __future__ import annotations

from pathlib import Path

from poju.evidence.rules import RULES as EVIDENCE
from poju.exchange import assertion
from poju.exchange.access import access_policy
from poju.exchange.rules import RULES as EXCHANGE
from poju.scenario.package import load
from poju.scenario.rulebook import ScenarioRules
from poju.scenario.rules import RULES as SCENARIO
from poju.solution.rules import RULES as SOLUTION
from poju.support.rules import RULES as SUPPORT

ENCLOSED = {"access-request": assertion.enclosed}
"""Statement kind → the signed envelope among its fields."""


def compose(package_folder: Path, later: Path | None = None) -> ScenarioRules:
    """Return the rule book for the package in ``package_folder``; raise ``package.*`` where it cannot be loaded.

    ``later``: a folder of the packages that votes put in its place, each in a folder named by its digest in hexadecimal
    digits; it is read when a block needs one.
    """

    def held(digest: bytes) -> ScenarioRules | None:
        folder = None if later is None else later / digest.hex()
        if folder is None or not folder.is_dir():
            return None
        found = compose(folder)
        # a folder that was altered is not what was voted for
        return found if found.package.digest == digest else None

    package = load(package_folder)
    # Policies that cannot be read must stop the node here, not a rule in the middle of a block.
    access_policy(package.access_policies, package.access_schema)
    rules = {**SCENARIO, **EXCHANGE, **SOLUTION, **EVIDENCE, **SUPPORT}
    return ScenarioRules(package, rules, package.all_kinds(), held, ENCLOSED)
