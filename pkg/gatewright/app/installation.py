"""From objects to policies: what the policy process keeps between readings.

`apply` brings the policies to a given set of objects, by what differs from the
set before, and says which objects can't be used; those stay as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from gatewright.app.ledger import FileError, ObjectKey
from gatewright.constraints import crd, template
from gatewright.constraints.exclusion import CONFIG_NAME, Exclusions
from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.policyset import Settings as PolicySettings
from gatewright.k8s import gostruct, gvk, meta, yaml
from gatewright.k8s.gostruct import UnmarshalError
from gatewright.match.block import compile_match
from gatewright.mutation.errors import MutatorError
from gatewright.mutation.mutator import GROUP as MUTATIONS
from gatewright.mutation.mutator import Mutator, parse_mutator
from gatewright.mutation.schema import conflict_text, conflicts

__all__ = ["Installation", "parse_file"]

CONFIG: Final = "config.gatekeeper.sh"
SYNCSET: Final = "syncset.gatekeeper.sh"
#: Kinds that other projects' tools keep beside policies; they are not for us.
PASSED_OVER: Final = frozenset(
    {
        ("test.gatekeeper.sh", "Suite"),
        ("gvkmanifest.gatekeeper.sh", "GVKManifest"),
        ("admission.k8s.io", "AdmissionReview"),
    }
)
NOT_YET: Final = frozenset(
    {
        ("expansion.gatekeeper.sh", "ExpansionTemplate"),
        ("externaldata.gatekeeper.sh", "Provider"),
    }
)
_SYNCSET: Final = gostruct.struct(
    "v1alpha1.SyncSet",
    {
        "spec": gostruct.struct(
            "v1alpha1.SyncSetSpec",
            {
                "gvks": gostruct.array(
                    gostruct.struct(
                        "v1alpha1.GVKEntry",
                        dict.fromkeys(("group", "version", "kind"), gostruct.STRING),
                    )
                )
            },
        )
    },
)
_NAMESPACE: Final = gostruct.struct("v1.Namespace", {"metadata": meta.OBJECT_META})
#: Namespaces that every cluster has.
ALWAYS: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
NAME_LABEL: Final = "kubernetes.io/metadata.name"


def parse_file(name: str, content: bytes) -> list[tuple[ObjectKey, Any]]:
    """The objects of a policy file.  Raises FileError with place and reason."""
    try:
        documents = list(yaml.without_lists(yaml.read(content, source=name)))
    except yaml.YAMLError as error:
        raise FileError(str(error)) from error
    out: list[tuple[ObjectKey, Any]] = []
    for document in documents:
        obj = document.value
        where = f"{name}:{document.line}"
        if not isinstance(obj, dict):
            raise FileError(f"{where}: a document must be a Kubernetes object")
        named = gvk.gvk_of(obj)
        if not named.version or not named.kind:
            raise FileError(f"{where}: an object must have apiVersion and kind")
        if (named.group, named.kind) in PASSED_OVER:
            continue
        if (named.group, named.kind) in NOT_YET:
            raise FileError(f"{where}: {named.kind} is not supported yet")
        if not meta.name_of(obj):
            raise FileError(f"{where}: {named.kind} has no metadata.name")
        key = (named.group, named.kind, meta.namespace_of(obj), meta.name_of(obj))
        out.append((key, obj))
    return out


class Installation:
    """Everything that is loaded; `namespace` is where Config is honoured."""

    def __init__(self, settings: PolicySettings, *, namespace: str) -> None:
        self.policies = PolicySet(settings)
        self.namespace = namespace
        self.mutators: dict[ObjectKey, tuple[Mapping[str, Any], Mutator]] = {}
        self.applied: dict[ObjectKey, Any] = {}
        self.synced: frozenset[tuple[str, str, str]] | None = None

    def apply(
        self,
        objects: Mapping[ObjectKey, Any],
        *,
        ingested: Callable[[ObjectKey, float, bool], None] = lambda *_: None,
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> dict[ObjectKey, str]:
        """Take over what changed; what can't be used is named with its reason.

        `ingested` is told of each object taken over or refused: its key, the
        seconds that it took, and whether it is good.  What raises in `guard`, which
        surrounds each, is a fault of the object.
        """
        faults: dict[ObjectKey, str] = {}
        self.choose_synced(objects)
        for key in self.applied.keys() - objects.keys():
            self.remove(key)
        for key in sorted(objects, key=order):
            obj = objects[key]
            # A constraint is looked at again: its template may have changed.
            if self.applied.get(key) == obj and key[0] != crd.CONSTRAINT_GROUP:
                continue
            started = time.perf_counter()
            try:
                with guard():
                    self.add(key, obj)
            except (PolicyFault, MutatorError, UnmarshalError) as error:
                faults[key] = str(error)
            except Exception as error:  # noqa: BLE001 - named as a fault; one object must not keep all others out
                faults[key] = f"can't be used: {type(error).__name__}: {error}"
            else:
                self.applied[key] = obj
            ingested(key, time.perf_counter() - started, key not in faults)
        self.set_namespaces({k: v for k, v in objects.items() if k not in faults})
        return faults

    def choose_synced(self, objects: Mapping[ObjectKey, Any]) -> None:
        """Which kinds are referential data: those that Config and SyncSets name, or
        all where none of them names any."""
        named: set[tuple[str, str, str]] = set()
        said = False
        for key, obj in objects.items():
            if key[:2] == (CONFIG, "Config"):
                try:
                    named.update(Exclusions.of(obj).sync_only)
                except UnmarshalError:
                    continue  # `add` names it
                said = said or bool(named)
            elif key[:2] == (SYNCSET, "SyncSet"):
                try:
                    named.update(synced_by(obj))
                except UnmarshalError:
                    continue  # `add` names it
                said = True
        synced = frozenset(named) if said else None
        if synced != self.synced:
            self.synced = synced
            for key in [key for key in self.applied if is_data(key)]:
                self.remove(key)

    def add(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        group, kind, namespace, name = key
        if group == template.GROUP and kind == "ConstraintTemplate":
            self.policies.add_template(obj)
        elif group == crd.CONSTRAINT_GROUP:
            self.policies.add_constraint(obj)
        elif group == MUTATIONS:
            mutator = parse_mutator(obj)
            compile_match(mutator.match)
            if mutator.needs:
                raise MutatorError(f"{mutator.needs} are not supported yet")
            self.mutators[key] = obj, mutator
        elif group == CONFIG and kind == "Config":
            if name != CONFIG_NAME or namespace not in ("", self.namespace):
                raise MutatorError(
                    f"only the Config named {CONFIG_NAME!r} in namespace "
                    f"{self.namespace!r} is honoured"
                )
            self.policies.set_config(obj)
        elif group == SYNCSET and kind == "SyncSet":
            synced_by(obj)
        elif group == "" and kind == "Namespace":
            gostruct.decode(obj, _NAMESPACE)
            self.add_data(key, obj)
        else:
            self.add_data(key, obj)

    def add_data(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        if is_data(key) and (
            self.synced is None or tuple(gvk.gvk_of(obj)) in self.synced
        ):
            self.policies.add_object(obj)

    def remove(self, key: ObjectKey) -> None:
        obj = self.applied.pop(key, None)
        if obj is None:  # it went with its template
            return
        group, kind, _, name = key
        if group == template.GROUP:
            self.policies.remove_template(name)
            # Its constraints went with it; they are added again with a new one.
            for one in [k for k in self.applied if k[0] == crd.CONSTRAINT_GROUP]:
                if one[1].lower() == name:
                    del self.applied[one]
        elif group == crd.CONSTRAINT_GROUP:
            self.policies.remove_constraint(kind, name)
        elif group == MUTATIONS:
            self.mutators.pop(key, None)
        elif group == CONFIG:
            self.policies.set_config(None)
        else:
            self.policies.remove_object(obj)

    def set_namespaces(self, objects: Mapping[ObjectKey, Any]) -> None:
        found: dict[str, Mapping[str, Any]] = {
            name: {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in ALWAYS
        }
        for (group, kind, _, name), obj in objects.items():
            if group == "" and kind == "Namespace":
                found[name] = obj
        self.policies.set_namespaces(
            [labelled(name, obj) for name, obj in sorted(found.items())]
        )

    def conflicts(self) -> dict[ObjectKey, str]:
        """Mutators that are disabled since they contradict each other."""
        said = conflicts(mutator for _, mutator in self.mutators.values())
        return {
            key: conflict_text(said[mutator.id])
            for key, (_, mutator) in self.mutators.items()
            if mutator.id in said
        }

    def build(self, number: int) -> bytes:
        """The generation's bytes."""
        mutators = [obj for obj, _ in self.mutators.values()]
        return self.policies.build(str(number), extra={"mutators": mutators})


def synced_by(obj: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The kinds that a SyncSet names.  Raises UnmarshalError."""
    spec = gostruct.decode(obj, _SYNCSET)["spec"]
    return [(one["group"], one["version"], one["kind"]) for one in spec["gvks"] or ()]


def is_data(key: ObjectKey) -> bool:
    """Tell an object that policies may look at from a policy."""
    group = key[0]
    return not group.endswith(".gatekeeper.sh")


def order(key: ObjectKey) -> tuple[int, ObjectKey]:
    """Templates before their constraints; the rest by name."""
    group = key[0]
    rank = 0 if group == template.GROUP else 1 if group == crd.CONSTRAINT_GROUP else 2
    return rank, key


def labelled(name: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Namespace with the label that the API server gives to each."""
    metadata = obj.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if labels.get(NAME_LABEL) == name:
        return obj
    return {**obj, "metadata": {**metadata, "labels": {**labels, NAME_LABEL: name}}}
