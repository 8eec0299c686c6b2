"""The object in which a pod tells how a policy object fares with it.

Names, labels and fields are Gatekeeper's, so that its tools and ours read both.
Source: its ConstraintTemplatePodStatus and its kin, and what a running 3.23.1 wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.kinds import CONFIG, EXPANSION, MUTATORS, PROVIDER, TEMPLATE

__all__ = ["Fault", "Pod", "Told", "pod_status_object", "status_name"]

PREFIX: Final = "internal.gatekeeper.sh"
POD_LABEL: Final = f"{PREFIX}/pod"
#: Of each group: the field that holds the parent's UID, and its labels' prefix.
UID_FIELD: Final[Mapping[str, str]] = {
    TEMPLATE.group: "templateUID",
    CONSTRAINT_GROUP: "constraintUID",
    MUTATORS[0].group: "mutatorUID",
    CONFIG.group: "configUID",
    PROVIDER.group: "providerUID",
    EXPANSION.group: "templateUID",
}


@dataclass(frozen=True, slots=True)
class Pod:
    """Who tells: the pod that we run in.  `uid` is empty where there is no such pod:
    then its statuses have no owner and stay when it goes."""

    name: str
    namespace: str
    uid: str
    operations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: `code` for templates, `type` for mutators and Config; `location`
    is a place in the object's own text."""

    message: str
    code: str = ""
    type: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell about one object: `key` is group, kind, namespace and
    name, `uid` and `generation` the object's; `enforced` counts for constraints and
    mutators; `since` is when the faults were found (RFC 3339)."""

    key: tuple[str, str, str, str]
    uid: str
    generation: int
    enforced: bool = False
    faults: tuple[Fault, ...] = ()
    since: str = ""


def pack(*parts: str) -> str:
    """One name of several parts that can be taken apart again."""
    return "-".join(part.replace("-", "--") for part in parts)


def status_name(pod: str, key: tuple[str, str, str, str]) -> str:
    """The name of a pod's status of an object."""
    group, kind, namespace, name = key
    if group in (CONSTRAINT_GROUP, MUTATORS[0].group):
        return pack(pod, kind.lower(), name)
    if group == CONFIG.group:
        return pack(pod, namespace, name)
    return pack(pod, name)


def labels(pod: str, key: tuple[str, str, str, str]) -> dict[str, str]:
    group, kind, _, name = key
    said = {"pod": pod}
    if group == TEMPLATE.group:
        said["constrainttemplate-name"] = name
    elif group == CONSTRAINT_GROUP:
        said["constraint-kind"] = kind
        said["constraint-name"] = name
        said["constrainttemplate-name"] = kind.lower()
    elif group == MUTATORS[0].group:
        said["mutator-kind"] = kind
        said["mutator-name"] = name
    else:
        said[f"{kind.lower()}-name"] = name
    return {f"{PREFIX}/{label}": value for label, value in said.items()}


def status_of(pod: Pod, told: Told) -> dict[str, Any]:
    """The `status` of a pod status: also the entry in the parent's `byPod`."""
    group = told.key[0]
    status: dict[str, Any] = {"id": pod.name, "operations": list(pod.operations)}
    status[UID_FIELD[group]] = told.uid
    status["observedGeneration"] = told.generation
    if told.enforced and group in (CONSTRAINT_GROUP, MUTATORS[0].group):
        status["enforced"] = True
    if group == PROVIDER.group:
        status["active"] = not told.faults
    if told.faults:
        status["errors"] = [error_of(group, one, told.since) for one in told.faults]
    return status


def error_of(group: str, fault: Fault, since: str) -> dict[str, Any]:
    error: dict[str, Any] = {"message": fault.message}
    if group in (TEMPLATE.group, CONSTRAINT_GROUP):
        error["code"] = fault.code
        if fault.location:
            error["location"] = fault.location
    elif fault.type:
        error["type"] = fault.type
    if group == PROVIDER.group:
        error.setdefault("type", "Conversion")
        error["retryable"] = False
        error["errorTimestamp"] = since
    return error


def pod_status_object(pod: Pod, told: Told, api_version: str, kind: str) -> Any:
    """The whole pod status."""
    metadata: dict[str, Any] = {
        "name": status_name(pod.name, told.key),
        "namespace": pod.namespace,
        "labels": labels(pod.name, told.key),
    }
    if pod.uid:
        owner = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "status": status_of(pod, told),
    }
