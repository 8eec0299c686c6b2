"""What all pods tell about an object, as its `status.byPod`.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.controllers.kinds import CONFIG, EXPANSION, MUTATORS, PROVIDER, TEMPLATE
from gatewright.controllers.podstatus import PREFIX, UID_FIELD

__all__ = ["aggregate", "parent_of"]

#: Of each group: the label that names the parent, and its kind or the label of that.
PARENT: Final[Mapping[str, tuple[str, str]]] = {
    TEMPLATE.group: ("constrainttemplate-name", TEMPLATE.kind),
    CONSTRAINT_GROUP: ("constraint-name", "constraint-kind"),
    MUTATORS[0].group: ("mutator-name", "mutator-kind"),
    CONFIG.group: ("config-name", CONFIG.kind),
    PROVIDER.group: ("provider-name", PROVIDER.kind),
    EXPANSION.group: ("expansiontemplate-name", EXPANSION.kind),
}


def aggregate(
    group: str, uid: str, statuses: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The fields of a parent's status that follow from the `status` of each of its
    pod statuses, sorted by pod.  One that speaks of another UID speaks of a
    namesake that is gone.  A template is `created` when one pod has no error."""
    field = UID_FIELD[group]
    entries = [one for one in statuses if one.get(field) == uid]
    entries.sort(key=lambda one: str(one.get("id")))
    wanted: dict[str, Any] = {"byPod": entries}
    if group == TEMPLATE.group:
        wanted["created"] = any(not one.get("errors") for one in entries)
    return wanted


def parent_of(
    group: str, labels: Mapping[str, str], namespace: str
) -> tuple[str, str, str, str]:
    """Group, kind, namespace and name of what a pod status is about, by its labels;
    `namespace` is the pod status' own."""
    name, kind = PARENT[group]
    return (
        group,
        labels.get(f"{PREFIX}/{kind}", kind),
        namespace if group == CONFIG.group else "",
        labels.get(f"{PREFIX}/{name}", ""),
    )
