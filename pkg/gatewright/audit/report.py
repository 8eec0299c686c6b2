"""What a round tells: status, log lines and events, field by field as Gatekeeper's.

`status.auditIncomplete` is ours: what of a constraint's share was not read or judged.
Where it is there and nothing was found, `totalViolations` is left out, since 0 would
say that all is clean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatewright.audit.scope import Unread
from gatewright.audit.tally import Tally, Violation
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.judge import Result
from gatewright.k8s import gvk, names

__all__ = [
    "constraint_line",
    "event",
    "status",
    "violation_line",
]

#: Entries of `auditIncomplete`; more are counted in the last one.
INCOMPLETE_MAX: Final = 10
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def status(
    key: tuple[str, str], tally: Tally, audit_id: str, unread: Sequence[Unread]
) -> dict[str, Any]:
    """A merge patch of a constraint's status; what pods report stays as it is."""
    total = tally.of(key).total
    violations = [_entry(one) for one in tally.listed(key)]
    return {
        "auditTimestamp": audit_id,
        "totalViolations": None if unread and not total else total,
        "violations": violations or None,
        "auditIncomplete": [_missing(one) for one in _some(unread)] or None,
    }


def _some(unread: Sequence[Unread]) -> list[Unread]:
    shown = sorted(unread)
    if len(shown) <= INCOMPLETE_MAX:
        return shown
    kept = shown[: INCOMPLETE_MAX - 1]
    more = f"and {len(shown) - len(kept)} more"
    return [*kept, Unread("", "", "", more)]


def _missing(one: Unread) -> dict[str, str]:
    fields = {
        "group": one.group,
        "version": one.version,
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "reason": one.reason,
    }
    return {key: value for key, value in fields.items() if value or key == "reason"}


def _entry(one: Violation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "enforcementAction": one.action,
        "group": one.group,
        "kind": one.kind,
        "message": one.message,
        "name": one.name,
        "version": one.version,
    }
    if one.namespace:
        entry["namespace"] = one.namespace
    if one.scoped:
        entry["enforcementActions"] = list(one.scoped)
    return entry


def _constraint_fields(constraint: Constraint) -> dict[str, Any]:
    named = gvk.gvk_of(constraint.source)
    return {
        "constraint_group": named.group,
        "constraint_api_version": named.version,
        "constraint_kind": constraint.kind,
        "constraint_name": constraint.name,
        "constraint_namespace": "",
    }


def violation_line(
    result: Result, violation: Violation, details: Any, labels: Any
) -> dict[str, Any]:
    """The fields of the log line about one violation, beside `audit_id`."""
    annotations = (result.constraint.source.get("metadata") or {}).get("annotations")
    if annotations is not None:  # null if there are none, {} if there is only kubectl's
        annotations = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    return {
        "details": details,
        "event_type": "violation_audited",
        "semantic": True,
        **_constraint_fields(result.constraint),
        "constraint_action": result.action,
        "constraint_enforcement_actions": list(result.scoped),
        "constraint_annotations": annotations,
        "resource_group": violation.group,
        "resource_api_version": violation.version,
        "resource_kind": violation.kind,
        "resource_namespace": violation.namespace,
        "resource_name": violation.name,
        "resource_labels": labels or None,
    }


def constraint_line(constraint: Constraint, total: int) -> dict[str, Any]:
    """The fields of the log line about one constraint, beside `audit_id`."""
    return {
        "event_type": "constraint_audited",
        "semantic": True,
        **_constraint_fields(constraint),
        "constraint_action": constraint.actions.action,
        "constraint_status": "enforced",
        "constraint_violations": str(total),
    }


def event(
    result: Result,
    violation: Violation,
    audit_id: str,
    *,
    namespace: str,
    metadata: Mapping[str, Any] | None = None,
    now: str,
) -> dict[str, Any]:
    """The Event of one violation.

    `namespace`: where the controller runs.  `metadata`: the object's own, if the
    event is to be about it and in its namespace; else it is about a stand-in.
    """
    constraint = result.constraint
    source = "gatekeeper-audit"
    if metadata is None:
        parts = (
            *(violation.kind, violation.namespace, violation.name),
            *(constraint.kind, "", constraint.name),
        )
        involved: dict[str, Any] = {
            "kind": violation.kind,
            "namespace": namespace,
            "name": violation.name,
            "uid": "/".join(parts),
        }
        said = f"Resource Namespace: {violation.namespace}, "
        home = namespace
    else:
        home = violation.namespace or namespace
        involved = {
            "kind": violation.kind,
            "namespace": home,
            "name": violation.name,
            "uid": str(metadata.get("uid") or ""),
            "resourceVersion": str(metadata.get("resourceVersion") or ""),
            "apiVersion": "/".join(filter(None, violation[:2])),
        }
        said = ""
    annotations = {
        "process": "audit",
        "auditTimestamp": audit_id,
        "event_type": "violation_audited",
        **_constraint_fields(constraint),
        "constraint_action": result.action,
        "constraint_enforcement_actions": ",".join(result.scoped),
        "resource_group": violation.group,
        "resource_api_version": violation.version,
        "resource_kind": violation.kind,
        "resource_namespace": violation.namespace,
        "resource_name": violation.name,
    }
    # The same violation is the same Event, whose count goes up from round to round.
    same = "/".join((*violation[:6], constraint.kind, constraint.name))
    digest = hashlib.sha256(same.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    prefix = violation.name[:200].rstrip("-.")
    if names.dns1123_subdomain(prefix):
        prefix = ""  # not every object's name may be an Event's
    message = f"{said}Constraint: {constraint.name}, Message: {violation.message}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{prefix}.{digest}" if prefix else digest,
            "namespace": home,
            "annotations": annotations,
        },
        "involvedObject": involved,
        "reason": "AuditViolation",
        "message": message,
        "type": "Warning",
        "source": {"component": source},
        "reportingComponent": source,
        "reportingInstance": "",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
