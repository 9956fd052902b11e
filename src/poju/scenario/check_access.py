"""Do the access policies hold? Strict validation by Cedar, an @id on each, duties and roles that exist.

Cedar skips a policy that errs while it is evaluated; strict validation is the first of three guards against a
``forbid`` that is skipped so (docs/concepts/packages.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cedarpy

from poju.i18n import _
from poju.scenario.package import Package
from poju.scenario.problem import Problem

FILE = "access.cedar"
DUTIES = ("audit", "notify", "review")


def problems(package: Package) -> Iterator[Problem]:
    """Yield every problem of ``access.cedar`` and ``access.cedarschema``."""
    try:
        result = cedarpy.validate_policies(package.access_policies, package.access_schema)
        errors = [str(error) for error in result.errors]
        policies = {} if errors else json.loads(cedarpy.policies_to_json_str(package.access_policies))["staticPolicies"]
    except ValueError as error:
        errors, policies = [str(error)], {}
    for text in errors:
        yield Problem(
            FILE,
            "access.invalid",
            _("An access policy does not hold against the schema: {reason}."),
            _("Correct the policy, or declare in access.cedarschema what it looks at."),
            {"reason": text[:300].strip(". \n")},
        )
    yield from _identifiers(policies)
    for name, policy in policies.items():
        label = policy.get("annotations", {}).get("id") or name
        yield from _duties(label, policy)
        yield from _roles(label, policy, package)
    if policies and not any(policy["effect"] == "permit" for policy in policies.values()):
        yield Problem(
            FILE,
            "access.nothing-permitted",
            _("No policy permits anything, so no record could ever be read."),
            _("Add a permit, for example on the patient's consent."),
        )


def _identifiers(policies: dict[str, Any]) -> Iterator[Problem]:
    identifiers = [policy.get("annotations", {}).get("id") or "" for policy in policies.values()]
    if "" in identifiers or len(set(identifiers)) != len(identifiers):
        yield Problem(
            FILE,
            "access.no-id",
            _("A policy has no @id, or two have the same: decisions could not name what determined them."),
            _('Write @id("…") before each policy, each with a name of its own.'),
        )


def _duties(label: str, policy: dict[str, Any]) -> Iterator[Problem]:
    duties = (policy.get("annotations", {}).get("duty") or "").split()
    for duty in sorted(set(duties) - set(DUTIES)):
        yield Problem(
            FILE,
            "access.duty-unknown",
            _("The policy {policy} lays down the duty {duty}, which nobody knows."),
            _("Use only these, separated by spaces: audit notify review."),
            {"policy": label, "duty": duty},
        )


def _roles(label: str, policy: dict[str, Any], package: Package) -> Iterator[Problem]:
    for role in sorted(set(_named_roles(policy)) - set(package.roles)):
        yield Problem(
            FILE,
            "role.unknown",
            _("{where} names the role {role}, which the package does not have."),
            _("Declare the role in scenario.toml, or correct the name."),
            {"where": label, "role": role},
        )


def _named_roles(node: Any) -> Iterator[str]:  # noqa: ANN401 - Cedar's policy JSON nests freely
    """Yield the ids of every Role entity in a policy's JSON form."""
    if isinstance(node, dict):
        if node.get("type") == "Role" and isinstance(node.get("id"), str):
            yield node["id"]
        for value in node.values():
            yield from _named_roles(value)
    elif isinstance(node, list):
        for value in node:
            yield from _named_roles(value)
