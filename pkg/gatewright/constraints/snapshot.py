"""One generation of policies, immutable: what reviews are held against.

A snapshot is opened from the bytes that `PolicySet.build` made.  It finds the
constraints that can match an object of a kind without looking at the others, and
remembers what it found.  `at` gives the same policies with other data, at no cost.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gatewright.constraints import constraint, crd, template
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.exclusion import Exclusions
from gatewright.constraints.namespaces import NamespaceRecord, Namespaces
from gatewright.constraints.selection import Candidate, Lineup, Selection, head_of
from gatewright.engine.arrivals import Arrival, Route
from gatewright.engine.basedata import Replica, View
from gatewright.engine.binding import LIBRARY, Binding
from gatewright.engine.library.context import HttpPolicy
from gatewright.engine.limits import Limits
from gatewright.engine.reviews import Library, Reviewer
from gatewright.k8s import gvk, meta
from gatewright.k8s.jsonschema import Schema
from gatewright.match.subject import NamespaceFacts, Subject

__all__ = ["Snapshot"]

#: Kinds remembered, and kinds in namespaces; more are looked up anew each time.
_KINDS_MAX: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """A constraint with the handles of its code and parameters."""

    constraint: Constraint
    policy: int
    parameters: int
    operations: frozenset[str] | None


class Snapshot:
    """See the module.  `generation` names it; `buffer` must not change.

    `binding` carries out builtins that Python has.  What `before` has read is taken
    from there.
    """

    def __init__(
        self,
        buffer: Any,
        *,
        binding: Binding = LIBRARY,
        inventory: Replica | None = None,
        before: Snapshot | None = None,
    ) -> None:
        self.library = Library(buffer, binding=binding)
        self._view: View | None = None
        if inventory is not None:
            self.library.index(inventory)
            self._view = inventory.view()
        # A line for what is general, then one for each template, its constraints'
        # after it: none takes long to read, so that other threads have their turn.
        head, *lines = self.library.meta.split(b"\n")
        known = json.loads(head)
        self.generation: str = known["generation"]
        self.extra: Mapping[str, Any] = known["extra"]
        self.exclusions = Exclusions.of(known["config"])
        self.namespaces = Namespaces(known["namespaces"])
        self._synced: Mapping[str, Mapping[str, str]] = known["synced_namespaces"]
        self._defaults: bool = known["template_defaults"]
        self._sources: dict[str, bytes] = {}
        self._read: dict[bytes, Constraint] = {}
        self._schemas: dict[str, tuple[str, Schema]] = {}
        loaded: list[_Loaded] = []
        following = iter(lines)
        known_before = {} if before is None else before._read  # noqa: SLF001 - of this class
        for name, wanted, policy, parameters in known["templates"]:
            self._sources[name] = next(following)
            operations = None if not wanted or "*" in wanted else frozenset(wanted)
            for handle in parameters:
                text = next(following)
                one = known_before.get(text)
                if one is None:
                    one = constraint.read_constraint(json.loads(text))
                self._read[text] = one
                loaded.append(_Loaded(one, policy, handle, operations))
        loaded.sort(key=lambda one: (one.constraint.kind, one.constraint.name))
        self._loaded = tuple(loaded)
        self._everything: dict[str, tuple[Candidate, ...]] = {}
        self._by_kind: dict[tuple[str, str, str], tuple[Candidate, ...]] = {}
        self._selections: dict[tuple[str | bool | None, ...], Selection] = {}
        #: What reviews at the webhook are held against, by their words (`learn`).
        self.routes: dict[bytes, Route] = {}

    def at(
        self, generation: str, *, view: View | None, namespaces: Namespaces
    ) -> Snapshot:
        """Return these policies with other data, as a generation of that name.

        `view` is one of the inventory that this was opened with.
        """
        out = copy.copy(self)
        out.generation = generation
        out._view = view  # noqa: SLF001 - a copy of this
        if namespaces is not self.namespaces:
            out.namespaces = namespaces
            # Their labels may select others.
            out._selections = {}  # noqa: SLF001 - a copy of this
            out.routes = {}
        return out

    def synced_namespace(self, name: str) -> NamespaceFacts | None:
        """Return what the inventory has of a Namespace, None if it has none."""
        if self._view is None:
            labels = self._synced.get(name)
            return None if labels is None else NamespaceFacts(name, labels)
        tree = self._view.document()
        obj = tree.get_python("inventory", "cluster", "v1", "Namespace", name)
        if not isinstance(obj, dict):
            return None
        return NamespaceFacts(name, meta.labels_of(obj))

    @property
    def view(self) -> View | None:
        """The inventory that reviews see; None: they see none."""
        return self._view

    @property
    def constraints(self) -> list[Constraint]:
        """Return all constraints, by kind and name."""
        return [one.constraint for one in self._loaded]

    def evaluation(
        self,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        *,
        http: HttpPolicy = HttpPolicy(),  # noqa: B008 - immutable
    ) -> Reviewer:
        """Return a reviewer of this generation; it belongs to one thread."""
        out = self.library.evaluation(limits, http=http)
        if self._view is not None:
            out.pin(self._view)
        return out

    def candidates(self, point: str, group: str, kind: str) -> tuple[Candidate, ...]:
        """Return the constraints that objects of a kind can match, by kind and name."""
        key = (point, group, kind)
        found = self._by_kind.get(key)
        if found is None:
            found = tuple(
                _narrowed(one)
                for one in self.everything(point)
                if one.matcher is None or one.matcher.matches_kind(group, kind)
            )
            if len(self._by_kind) < _KINDS_MAX:
                self._by_kind[key] = found
        return found

    def selection(
        self,
        point: str,
        subject: Subject,
        namespace: NamespaceFacts | None,
        operation: str | None,
    ) -> Selection:
        """Return what an object's kind and namespace select."""
        key = (
            point,
            subject.group,
            subject.kind,
            subject.namespace,
            None if namespace is None else namespace.name,
            operation,
        )
        found = self._selections.get(key)
        if found is None:
            found = Selection.of(
                self.candidates(point, subject.group, subject.kind),
                subject,
                namespace,
                operation,
            )
            # A Namespace's own name decides: there may be any number of them.
            if not subject.is_namespace and len(self._selections) < _KINDS_MAX:
                self._selections[key] = found
        return found

    def learn(
        self, arrival: Arrival, lineup: Lineup, record: NamespaceRecord | None
    ) -> None:
        """Remember that reviews of the same words as this one have this lineup.

        `record` is their namespace's; not of this snapshot, it is not remembered.
        """
        if len(self.routes) >= _KINDS_MAX:
            return
        if record is None or self.namespaces.holds(record):
            document = None if record is None else record.document
            arrival.learn(self.routes, Route(lineup, lineup.roster, document))

    def everything(self, point: str) -> tuple[Candidate, ...]:
        """Return all constraints that are in force at an enforcement point."""
        found = self._everything.get(point)
        if found is None:
            found = tuple(
                Candidate(
                    one.constraint,
                    one.policy,
                    one.parameters,
                    one.constraint.matcher,
                    one.constraint.matcher is None,
                    one.operations,
                    one.constraint.actions.action,
                    scoped,
                    head_of(one.constraint.name, one.constraint.actions.action, scoped),
                )
                for one in self._loaded
                if (scoped := one.constraint.actions.at(point)) is not None
            )
            self._everything[point] = found
        return found

    def check_constraint(self, obj: Mapping[str, Any]) -> None:
        """Raise PolicyFault unless a template accepts a constraint."""
        constraint.check_metadata(obj)
        kind = gvk.gvk_of(obj).kind
        name = kind.lower()
        known = self._schemas.get(name)
        if known is None:
            source = self._sources.get(name)
            if source is None:
                raise constraint.missing_template(kind)
            parsed = template.parse(json.loads(source), defaults=self._defaults)
            known = self._schemas[name] = parsed.kind, crd.constraint_schema(parsed)
        constraint.check(obj, *known)


def _narrowed(one: Candidate) -> Candidate:
    matcher = one.matcher
    if matcher is None or not matcher.kinds_only:
        return one
    return replace(one, matcher=None)
