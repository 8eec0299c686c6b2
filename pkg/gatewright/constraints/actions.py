"""Enforcement actions: what a violation leads to, and where.

`enforcementAction` is deny, warn, dryrun, or scoped; the latter looks each action
up by enforcement point in `scopedEnforcementActions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints.faults import ConstraintError, DecodeError
from gatewright.k8s import gostruct, meta

__all__ = [
    "AUDIT",
    "DENY",
    "DRYRUN",
    "GATOR",
    "SCOPED",
    "VAP",
    "WARN",
    "WEBHOOK",
    "Actions",
    "actions_of",
    "check_action",
]

WEBHOOK: Final = "validation.gatekeeper.sh"
AUDIT: Final = "audit.gatekeeper.sh"
GATOR: Final = "gator.gatekeeper.sh"
VAP: Final = "vap.k8s.io"
_POINTS: Final = (WEBHOOK, AUDIT, GATOR, VAP)

DENY: Final = "deny"
DRYRUN: Final = "dryrun"
WARN: Final = "warn"
SCOPED: Final = "scoped"
_ACTIONS: Final = (DENY, DRYRUN, WARN)

_SCOPED_SHAPE: Final = gostruct.array(
    gostruct.struct(
        "constraints.ScopedEnforcementAction",
        {
            "action": gostruct.STRING,
            "enforcementPoints": gostruct.array(
                gostruct.struct(
                    "constraints.EnforcementPoint", {"name": gostruct.STRING}
                )
            ),
        },
    )
)


@dataclass(frozen=True, slots=True)
class Actions:
    """The action of a constraint, and for a scoped one those of each point.

    `scoped` maps an enforcement point to its actions in order of mention; a point
    without any is not in it, and the constraint is not evaluated there.
    """

    action: str
    scoped: Mapping[str, tuple[str, ...]]

    def at(self, point: str) -> tuple[str, ...] | None:
        """Return the scoped actions at a point, () for a plain action, None for none."""
        if self.action != SCOPED:
            return ()
        return self.scoped.get(point)


def actions_of(constraint: Mapping[str, Any]) -> Actions:
    """Return the actions of a constraint whose schema holds; raise ConstraintError."""
    try:
        action = meta.nested_string(constraint, "spec", "enforcementAction")
    except meta.AccessorError:
        raise ConstraintError(
            "invalid Constraint: invalid spec.enforcementAction"
        ) from None
    if action is meta.MISSING:
        action = DENY
    if action != SCOPED:
        return Actions(action, {})
    found = meta.nested(constraint, "spec", "scopedEnforcementActions")
    if not isinstance(found, list):
        raise ConstraintError(
            "missing required field: spec.scopedEnforcementActions must be defined"
        )
    scoped: dict[str, dict[str, None]] = {}
    for entry in gostruct.decode(found, _SCOPED_SHAPE):
        for point in entry["enforcementPoints"] or ():
            everywhere = point["name"] == "*"
            for name in _POINTS if everywhere else (point["name"],):
                scoped.setdefault(name, {})[entry["action"]] = None
            if everywhere:
                break
    return Actions(action, {name: tuple(found) for name, found in scoped.items()})


def check_action(action: str, constraint: Mapping[str, Any]) -> None:
    """Raise DecodeError unless the action and its scopes are known ones.

    Evaluation does not ask this: an unknown action is carried along and ignored
    at the end.  Only admission of a constraint, and loading it, do.
    """
    if action in _ACTIONS:
        return
    if action != SCOPED:
        raise DecodeError(
            f'unrecognized enforcementAction: "{action}" is not within the supported list '
            f"[{' '.join((*_ACTIONS, SCOPED))}]"
        )
    found = meta.nested(constraint, "spec", "scopedEnforcementActions")
    if found is meta.MISSING:
        raise DecodeError(
            "error fetching scopedEnforcementActions: scopedEnforcementActions is required"
        )
    try:
        entries = gostruct.decode(found, _SCOPED_SHAPE) or []
    except gostruct.UnmarshalError as error:
        raise DecodeError(
            "error fetching scopedEnforcementActions: could not convert JSON to "
            f"scopedEnforcementActions: {error}"
        ) from None
    _check_scopes(entries)


def _check_scopes(entries: list[dict[str, Any]]) -> None:
    bad_points: list[str] = []
    for entry in entries:
        points = [point["name"] for point in entry["enforcementPoints"] or ()]
        bad_points += [""] if not points else []
        bad_points += [name for name in points if name not in _POINTS and name != "*"]
    bad_actions = [
        entry["action"] for entry in entries if entry["action"] not in _ACTIONS
    ]
    complaints: list[str] = []
    if bad_points:
        complaints.append(
            "unrecognized enforcement points: constraint will not be enforced for "
            f"enforcement points [{' '.join(bad_points)}], supported enforcement points "
            f"are [{' '.join(_POINTS)}]"
        )
    if bad_actions:
        complaints.append(
            f"unrecognized enforcementAction: [{' '.join(bad_actions)}] is not within the "
            f"supported list [{' '.join(_ACTIONS)}]"
        )
    if complaints:
        raise DecodeError("\n".join(complaints))
