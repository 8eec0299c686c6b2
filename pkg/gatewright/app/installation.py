"""From objects to policies: what the policy process keeps between readings.

`apply` brings the policies to a given set of objects, by what differs from the
set before, and says which objects can't be used; those stay as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from gatewright.app.ledger import FileError, ObjectKey
from gatewright.constraints import crd, template
from gatewright.constraints.exclusion import CONFIG_NAME, SYNC, Exclusions
from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.inventory import ObjectKey as InventoryKey
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.policyset import Settings as PolicySettings
from gatewright.k8s import gostruct, gvk, meta, yaml
from gatewright.k8s.gostruct import UnmarshalError
from gatewright.match.block import compile_match
from gatewright.mutation.errors import MutatorError
from gatewright.mutation.mutator import GROUP as MUTATIONS
from gatewright.mutation.mutator import Mutator, parse_mutator
from gatewright.mutation.schema import conflict_text, conflicts

__all__ = ["Fault", "Installation", "kept_out", "parse_file"]

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


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an object can't be used; `code` is that of a PolicyFault, else empty."""

    text: str
    code: str = ""

    def __str__(self) -> str:
        return self.text


class Installation:
    """Everything that is loaded; `namespace` is where Config is honoured.

    `cluster`: the objects are those of a cluster, so all Namespaces are among them
    and referential data come by `put_data`, the kinds that Config and SyncSets name
    and no others.  `revision` grows with each change, `policy_revision` with those of
    what `build` gives.
    """

    def __init__(
        self, settings: PolicySettings, *, namespace: str, cluster: bool = False
    ) -> None:
        self.policies = PolicySet(settings)
        self.namespace = namespace
        self.cluster = cluster
        self.refused: dict[ObjectKey, tuple[Any, object, Fault]] = {}
        self.under: dict[ObjectKey, object] = {}
        self.revision = 0
        self.policy_revision = 0
        self.mutators: dict[ObjectKey, tuple[Mapping[str, Any], Mutator]] = {}
        self.applied: dict[ObjectKey, Any] = {}
        self.synced: frozenset[tuple[str, str, str]] | None = None

    def apply(
        self,
        objects: Mapping[ObjectKey, Any],
        *,
        ingested: Callable[[ObjectKey, float, bool], None] = lambda *_: None,
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> dict[ObjectKey, Fault]:
        """Take over what changed; what can't be used is named with its reason.

        `ingested` is told of each object taken over or refused: its key, the
        seconds that it took, and whether it is good.  What raises in `guard`, which
        surrounds each, is a fault of the object.
        """
        faults: dict[ObjectKey, Fault] = {}
        self.choose_synced(objects)
        for key in self.applied.keys() - objects.keys():
            self.remove(key)
        self.policies.compile_ahead(
            [
                obj
                for key, obj in objects.items()
                if is_template(key)
                and key not in self.applied
                and key not in self.refused
            ],
            guard=guard,
        )
        for key in sorted(objects, key=order):
            obj = objects[key]
            # A constraint is looked at again when its template has changed.
            under = self.template_of(key)
            if (
                key in self.applied
                and self.under.get(key) is under
                and (self.applied[key] is obj or self.applied[key] == obj)
            ):
                self.refused.pop(key, None)
                continue
            known = self.refused.get(key)
            if known is not None and known[0] is obj and known[1] is under:
                faults[key] = known[2]
                continue
            started = time.perf_counter()
            fault = self.attempt(key, obj, guard)
            if fault is None:
                self.applied[key] = obj
                self.under[key] = under
                self.refused.pop(key, None)
                self.note(key)
            else:
                faults[key] = fault
                self.refused[key] = obj, under, fault
            ingested(key, time.perf_counter() - started, key not in faults)
        for key in self.refused.keys() - objects.keys():
            del self.refused[key]
        self.set_namespaces({k: v for k, v in objects.items() if k not in faults})
        return faults

    def note(self, key: ObjectKey) -> None:
        """Count the change of an object."""
        self.revision += 1
        if not is_data(key):
            self.policy_revision += 1

    def template_of(self, key: ObjectKey) -> object:
        """What a constraint was held against: its template's entry, or None."""
        if key[0] != crd.CONSTRAINT_GROUP:
            return None
        return self.policies.templates.get(key[1].lower())

    def attempt(
        self,
        key: ObjectKey,
        obj: Mapping[str, Any],
        guard: Callable[[], AbstractContextManager[object]],
    ) -> Fault | None:
        """Take an object over, or say why that can't be done."""
        try:
            with guard():
                self.add(key, obj)
        except PolicyFault as error:
            return Fault(str(error), error.code)
        except (MutatorError, UnmarshalError) as error:
            return Fault(str(error))
        except Exception as error:  # noqa: BLE001 - named as a fault; one object must not keep all others out
            return Fault(f"can't be used: {type(error).__name__}: {error}")
        return None

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
        synced = frozenset(named) if said or self.cluster else None
        if synced != self.synced:
            self.synced = synced
            if not self.cluster:
                for key in [key for key in self.applied if is_data(key)]:
                    self.remove(key)

    def add(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        group, kind, namespace, name = key
        if is_template(key):
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
        elif (group, kind) in NOT_YET:
            raise PolicyFault(f"{kind} is not supported yet")
        elif group == "" and kind == "Namespace":
            gostruct.decode(obj, _NAMESPACE)
            self.add_data(key, obj)
        else:
            self.add_data(key, obj)

    def put_data(
        self,
        changes: Iterable[tuple[InventoryKey, bytes | None]],
        *,
        took: Callable[[float], None] = lambda _: None,
    ) -> dict[InventoryKey, str]:
        """Put objects of the inventory, or remove them (None); those that can't be
        put, with the reason.  `took` hears the seconds that each took."""
        faults: dict[InventoryKey, str] = {}
        exclusions = Exclusions.of(self.policies.config)
        for key, data in changes:
            began = time.perf_counter()
            fault = self.put_datum(key, data, exclusions)
            took(time.perf_counter() - began)
            if fault:
                faults[key] = fault
        return faults

    def put_datum(
        self, key: InventoryKey, data: bytes | None, exclusions: Exclusions
    ) -> str:
        self.revision += 1
        inventory = self.policies.inventory
        if data is None or kept_out(key, exclusions):
            inventory.remove(key)
            return ""
        try:
            inventory.put(key, data)
        except PolicyFault as error:
            inventory.remove(key)
            return str(error)
        return ""

    def add_data(self, key: ObjectKey, obj: Mapping[str, Any]) -> None:
        if self.cluster:
            return
        if is_data(key) and (
            self.synced is None or tuple(gvk.gvk_of(obj)) in self.synced
        ):
            self.policies.add_object(obj)

    def remove(self, key: ObjectKey) -> None:
        obj = self.applied.pop(key, None)
        self.note(key)
        self.under.pop(key, None)
        if obj is None:  # it went with its template
            return
        group, kind, _, name = key
        if group == template.GROUP:
            self.policies.remove_template(name)
            # Its constraints went with it; they are added again with a new one.
            for one in [k for k in self.applied if k[0] == crd.CONSTRAINT_GROUP]:
                if one[1].lower() == name:
                    del self.applied[one]
                    self.under.pop(one, None)
        elif group == crd.CONSTRAINT_GROUP:
            self.policies.remove_constraint(kind, name)
        elif group == MUTATIONS:
            self.mutators.pop(key, None)
        elif group == CONFIG:
            self.policies.set_config(None)
        elif not self.cluster:
            self.policies.remove_object(obj)

    def set_namespaces(self, objects: Mapping[ObjectKey, Any]) -> None:
        found: dict[str, Mapping[str, Any]] = {
            name: {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in (() if self.cluster else ALWAYS)
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

    def build(self) -> bytes:
        """The policies' bytes: data and Namespaces are not in them."""
        mutators = [obj for obj, _ in self.mutators.values()]
        return self.policies.build(
            extra={"mutators": mutators, "synced": sorted(self.synced or ())},
            apart=True,
        )


def synced_by(obj: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The kinds that a SyncSet names.  Raises UnmarshalError."""
    spec = gostruct.decode(obj, _SYNCSET)["spec"]
    return [(one["group"], one["version"], one["kind"]) for one in spec["gvks"] or ()]


def is_template(key: ObjectKey) -> bool:
    """Tell a ConstraintTemplate."""
    return key[:2] == (template.GROUP, "ConstraintTemplate")


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


def kept_out(key: InventoryKey, exclusions: Exclusions) -> bool:
    """Whether Config keeps an object out of the inventory."""
    # A Namespace is excluded by its own name.
    where = key[4] if key[0] == "" and key[2] == "Namespace" else key[3]
    return exclusions.excludes(SYNC, where)
