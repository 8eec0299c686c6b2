"""The kinds that are followed, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.operations import Operations
from gatewright.kube.reflector import Selection
from gatewright.kube.resource import Resource

__all__ = [
    "CONFIG",
    "CONSTRAINT_LABEL",
    "DEFINITION",
    "EVENT",
    "EXPANSION",
    "MUTATORS",
    "NAMESPACE",
    "POD",
    "SYNCSET",
    "TEMPLATE",
    "Followed",
    "constraint_resource",
    "followed",
    "pod_status",
]

STATUS_GROUP: Final = "status.gatekeeper.sh"
CONSTRAINT_LABEL: Final = "gatekeeper.sh/constraint"


def _policy(group: str, version: str, plural: str, kind: str) -> Resource:
    return Resource(f"{group}.gatekeeper.sh", version, plural, kind, namespaced=False)


TEMPLATE: Final = _policy(
    "templates", "v1", "constrainttemplates", "ConstraintTemplate"
)
CONFIG: Final = Resource("config.gatekeeper.sh", "v1alpha1", "configs", "Config")
SYNCSET: Final = _policy("syncset", "v1alpha1", "syncsets", "SyncSet")
PROVIDER: Final = _policy("externaldata", "v1beta1", "providers", "Provider")
EXPANSION: Final = _policy(
    "expansion", "v1alpha1", "expansiontemplate", "ExpansionTemplate"
)
MUTATORS: Final = (
    _policy("mutations", "v1", "assign", "Assign"),
    _policy("mutations", "v1", "assignmetadata", "AssignMetadata"),
    _policy("mutations", "v1", "modifyset", "ModifySet"),
    _policy("mutations", "v1alpha1", "assignimage", "AssignImage"),
)
DEFINITION: Final = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
NAMESPACE: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
POD: Final = Resource("", "v1", "pods", "Pod")
EVENT: Final = Resource("", "v1", "events", "Event")
#: The kind of pod status by the group of what it is about.
POD_STATUS: Final[Mapping[str, Resource]] = {
    group: Resource(STATUS_GROUP, "v1beta1", f"{kind.lower()}es", kind)
    for group, kind in (
        (TEMPLATE.group, "ConstraintTemplatePodStatus"),
        (CONSTRAINT_GROUP, "ConstraintPodStatus"),
        (MUTATORS[0].group, "MutatorPodStatus"),
        (CONFIG.group, "ConfigPodStatus"),
        (PROVIDER.group, "ProviderPodStatus"),
        (EXPANSION.group, "ExpansionTemplatePodStatus"),
    )
}


def pod_status(group: str) -> Resource | None:
    """The kind in which pods tell about objects of a group, if there is one."""
    return POD_STATUS.get(group)


def constraint_resource(kind: str) -> Resource:
    """How the constraints of a kind are served."""
    return Resource(CONSTRAINT_GROUP, "v1beta1", kind.lower(), kind, namespaced=False)


@dataclass(frozen=True, slots=True)
class Followed:
    """A kind that is followed from the start.  `needed`: without it there are no
    decisions; others may not be installed, and then there are none of them."""

    resource: Resource
    selection: Selection
    needed: bool


def followed(operations: Operations, namespace: str) -> list[Followed]:
    """What a pod with these duties, running in `namespace`, follows."""
    everything = Selection()
    out = [Followed(NAMESPACE, everything, True)]
    if operations.policies:
        out += [
            Followed(TEMPLATE, everything, True),
            Followed(DEFINITION, Selection(labels=f"{CONSTRAINT_LABEL}=yes"), True),
            Followed(SYNCSET, everything, False),
            Followed(PROVIDER, everything, False),
            Followed(EXPANSION, everything, False),
        ]
    out.append(Followed(CONFIG, Selection(namespace), True))
    if operations.mutation:
        out += [Followed(one, everything, False) for one in MUTATORS]
    return out
