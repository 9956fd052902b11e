"""What ``poju scenario check`` says about ``[governance]``: whether anything could ever be decided."""

from __future__ import annotations

from collections.abc import Iterator

from poju.i18n import _
from poju.scenario.governance import DEFAULT
from poju.scenario.package import Package
from poju.scenario.problem import Problem

FILE = "scenario.toml"


def problems(package: Package) -> Iterator[Problem]:
    """Yield what keeps the package's members from deciding anything: voters whom no role makes."""
    if package.governance is DEFAULT:
        # written for every package: a capability that no role of this one has gives nobody a vote
        return
    roles = [role for role in package.roles.values() if not package.conflict(role.capabilities)]
    held = {capability for role in roles for capability in role.capabilities}
    for capability in sorted(package.governance.voters - held):
        yield Problem(
            FILE,
            "governance.voter-unknown",
            _("governance: the capability {capability} gives a vote, and no role that can be held has it."),
            _("Name capabilities of the package's own roles in voters."),
            {"capability": capability},
        )
