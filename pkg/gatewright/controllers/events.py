"""The Events that a denial, a warning or a dry-run violation becomes.  Pure.

Source: Gatekeeper's `--emit-admission-events`, as seen on 3.23.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from gatewright.k8s import names

__all__ = ["admission_events"]

SOURCE: Final = "gatekeeper-webhook"
#: action: reason, and what the message begins with
SAID: Final[Mapping[str, tuple[str, str]]] = {
    "deny": (
        "FailedAdmission",
        'Admission webhook "validation.gatekeeper.sh" denied request',
    ),
    "warn": (
        "WarningAdmission",
        'Admission webhook "validation.gatekeeper.sh" raised a warning for this request',
    ),
    "dryrun": ("DryrunViolation", "Dryrun violation"),
}
_LEFT_OUT: Final = ("hookType", "semantic", "details", "generation")


def admission_events(
    fields: Mapping[str, Any],
    message: str,
    *,
    home: str,
    involved: Mapping[str, str] | None,
    now: str,
) -> list[dict[str, Any]]:
    """One Event for each action of a result.

    `fields` are those of its log line; `home` is where the controller runs;
    `involved` has the object's uid and resourceVersion if the Event is to be about it
    and in its namespace, else it is about a stand-in in `home`.
    """
    scoped = fields["constraint_enforcement_actions"]
    actions = scoped if fields["constraint_action"] == "scoped" else ()
    out = []
    for action in actions or (fields["constraint_action"],):
        if action in SAID:
            out.append(one(fields, message, action, home, involved, now))
    return out


def one(
    fields: Mapping[str, Any],
    message: str,
    action: str,
    home: str,
    involved: Mapping[str, str] | None,
    now: str,
) -> dict[str, Any]:
    reason, words = SAID[action]
    kind, name = fields["resource_kind"], fields["resource_name"]
    space = fields["resource_namespace"]
    constraint = fields["constraint_name"]
    about: dict[str, str] = {"kind": kind}
    if name:
        about["name"] = name
    if involved is None:
        where, place = home, f"Resource Namespace: {space}, "
        about["uid"] = "/".join(
            (kind, space, name, fields["constraint_kind"], "", constraint)
        )
    else:
        where, place = space or home, ""
        group, version = fields["resource_group"], fields["resource_api_version"]
        about["apiVersion"] = f"{group}/{version}" if group else version
        about.update({key: value for key, value in involved.items() if value})
    about["namespace"] = where
    annotations = {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in fields.items()
        if key not in _LEFT_OUT
    }
    text = f"{words}, {place}Constraint: {constraint}, Message: {message}"
    # The same violation again is the same Event, whose count goes up.
    same = "\0".join((where, kind, space, name, reason, text))
    digest = hashlib.sha256(same.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    prefix = name[:200].rstrip("-.")
    if not prefix or names.dns1123_subdomain(prefix):
        prefix = "denied"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{prefix}.{digest}",
            "namespace": where,
            "annotations": annotations,
        },
        "involvedObject": about,
        "reason": reason,
        "message": text[:1024],
        "type": "Warning",
        "source": {"component": SOURCE},
        "reportingComponent": SOURCE,
        "reportingInstance": "",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
