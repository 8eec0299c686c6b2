"""What the log says of a violation."""

from __future__ import annotations

import math
from typing import Any, Final

from gatewright.constraints.admission import Verdict
from gatewright.constraints.judge import Result
from gatewright.engine.values import integer_text
from gatewright.k8s import gvk

__all__ = ["plain", "violation_fields"]

SHOWN_LEVELS: Final = 200


def violation_fields(
    verdict: Verdict, result: Result, generation: int
) -> dict[str, Any]:
    """The fields of a denial, with Gatekeeper's names in its order."""
    constraint = result.constraint
    named = gvk.gvk_of(constraint.source)
    intake = verdict.intake
    assert intake is not None
    name = intake.name
    if not name and intake.object is not None:
        found = intake.object.get_python("metadata", "name")
        name = found if isinstance(found, str) else ""
    return {
        "hookType": "validation",
        "semantic": True,
        "process": "admission",
        "details": plain(result.details),  # null where no policy ran
        "event_type": "violation",
        "constraint_name": constraint.name,
        "constraint_group": named.group,
        "constraint_api_version": named.version,
        "constraint_kind": constraint.kind,
        "constraint_action": result.action,
        "constraint_enforcement_actions": list(result.scoped),
        "resource_group": intake.kind.group,
        "resource_api_version": intake.kind.version,
        "resource_kind": intake.kind.kind,
        "resource_namespace": intake.namespace,
        "resource_name": name,
        "request_username": intake.username,
        "generation": generation,
    }


def plain(details: Any, levels: int = SHOWN_LEVELS) -> Any:
    """Details as JSON data: sets are arrays, as OPA prints them.

    What is more than `levels` down is said to be, instead: lines are written by what
    takes 254 levels, and a line must not fail.
    """
    if details is None or isinstance(details, (bool, str)):
        return details
    if isinstance(details, int):
        # Beyond 64 bits its digits: not all that writes lines has numbers of that size
        return details if details.bit_length() < 64 else integer_text(details)
    levels -= 1
    if levels < 0:
        return "nested too deep to be shown"
    if isinstance(details, dict):
        return {key: plain(value, levels) for key, value in details.items()}
    if isinstance(details, list):
        return [plain(value, levels) for value in details]
    items = getattr(details, "items", None)
    if isinstance(items, (tuple, list)):
        return [plain(value, levels) for value in items]
    pairs = getattr(details, "pairs", None)
    if pairs is not None:
        return {str(plain(key, levels)): plain(value, levels) for key, value in pairs}
    number = float(details)
    return str(details) if math.isinf(number) else number
