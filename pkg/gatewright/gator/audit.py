"""`gator test`: policies and objects in, the violations of all objects out.

Every object of the input is reviewed, templates and constraints too, and every one
is referential data.  Reviews have the namespace that the input holds; `default` is
always there, and an object without a namespace is taken to live in one without
name, which makes it namespaced in the eyes of `scope`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints import plainreview
from gatewright.constraints.actions import DENY
from gatewright.constraints.crd import TARGET
from gatewright.constraints.gosort import sort_like_go
from gatewright.constraints.judge import Result, ReviewFailed, judge
from gatewright.constraints.policyset import PolicySet
from gatewright.engine.cache import CompileCache
from gatewright.engine.values import sort_key
from gatewright.gator.mutated import Mutators
from gatewright.gator.policies import (
    GatorError,
    Sorted,
    add_constraint,
    add_object,
    add_template,
    check_expansions,
    is_constraint,
    new_policies,
    opened,
)
from gatewright.gator.prints import PrintBuffer
from gatewright.gator.stats import Clock, TemplateRun
from gatewright.k8s import gotext, gvk, meta
from gatewright.match.subject import NamespaceFacts

__all__ = ["Audit", "Finding", "audit", "load", "shown"]

_NOWHERE: Final = NamespaceFacts("")
#: So many items Go's sort leaves in order where they are equal.
_KEEPS_ORDER: Final = 12
_DEFAULT: Final = NamespaceFacts("default")


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A violation, and the object that it is about."""

    result: Result
    object: Mapping[str, Any]

    @property
    def denies(self) -> bool:
        """Tell whether admission would refuse the object for it."""
        return self.result.action == DENY or DENY in self.result.scoped


@dataclass(slots=True)
class Audit:
    """What was found: findings by action and message.

    `stats` has what each template took for each object, None unless asked for;
    `printed` is the output of print().  `notices` are remarks of the policies for
    the user.
    """

    findings: Sequence[Finding] = ()
    stats: Sequence[TemplateRun] | None = None
    printed: str = ""
    notices: list[str] = field(default_factory=list)


def audit(
    objects: Sequence[dict[str, Any]],
    *,
    stats: bool = False,
    prints: bool = False,
    cache: CompileCache | None = None,
) -> Audit:
    """Hold all objects against all policies among them; raise GatorError.

    What has been compiled is looked for in `cache`.
    """
    found = Audit()
    policies = new_policies(prints=prints, cache=cache)
    objects = load(policies, objects, found.notices)
    check_expansions(objects)
    mutators = Mutators(objects)
    namespaces = _namespaces(objects)
    buffer = PrintBuffer()
    snapshot = opened(policies, binding=buffer.binding)
    reviewer = snapshot.evaluation()
    clock = Clock(prints=prints)
    findings: list[Finding] = []
    for obj in objects:
        home = meta.namespace_of(obj)
        namespace = namespaces.get(home) if home else _NOWHERE
        try:
            results = plainreview.review_object(
                snapshot,
                reviewer,
                obj,
                namespace=namespace,
                judging=clock.judge if stats else judge,
            )
        except ReviewFailed as error:
            raise GatorError(f"reviewing {shown(obj)}: {TARGET}: {error}\n") from error
        mutated = mutators.applied(obj, namespace)
        findings += (Finding(one, mutated) for one in _by_constraint(results))
    found.findings = sort_like_go(
        findings, key=lambda one: (one.result.action, one.result.message)
    )
    found.stats = clock.runs if stats else None
    found.printed = buffer.take()
    return found


def _by_constraint(results: list[Result]) -> list[Result]:
    """Return results in the order that decides between equal ones later on.

    The violations of all constraints of a template are one set, by details, name
    and message, before they are sorted by constraint; the sort keeps no order
    between equals once there are many.
    """
    if len(results) <= _KEEPS_ORDER:
        return results
    kinds: dict[str, list[Result]] = {}
    for one in results:
        kinds.setdefault("" if one.rejected else one.constraint.kind, []).append(one)
    rejected = kinds.pop("", [])
    out: list[Result] = []
    for found in kinds.values():
        found.sort(key=lambda one: (one.constraint.name, one.message))
        # Name comes before message, and details before both.
        out += sorted(found, key=lambda one: sort_key(one.details))
    return sort_like_go(
        [*out, *rejected], key=lambda one: (one.constraint.kind, one.constraint.name)
    )


def shown(obj: Mapping[str, Any]) -> str:
    """Return how errors name an object: `/v1, Kind=Pod namespace/name`."""
    return f"{gvk.gvk_of(obj)} {meta.namespace_of(obj)}/{meta.name_of(obj)}"


def load(
    policies: PolicySet, objects: Sequence[dict[str, Any]], notices: list[str]
) -> list[dict[str, Any]]:
    """Load an input as `gator test` does; raise GatorError.

    Returns the objects; constraints have their defaults from then on.
    """
    these = Sorted.of(objects)
    policies.compile_ahead(these.templates)
    for obj in these.templates:
        name = gotext.quote(meta.name_of(obj))
        entry = add_template(
            policies,
            obj,
            decoding=f"converting unstructured {name} to template: adding template: ",
            adding=f"adding template {name}: ",
        )
        notices += entry.notices
    out: list[dict[str, Any]] = []
    for obj in objects:
        if not is_constraint(obj):
            out.append(obj)
            continue
        name = gotext.quote(meta.name_of(obj))
        added = add_constraint(policies, obj, adding=f"adding constraint {name}: ")
        status = {"status": obj["status"]} if "status" in obj else {}
        out.append({**added.source, **status})
    for obj in out:
        named = gotext.quote(str(gvk.gvk_of(obj)))
        add_object(policies, obj, adding=f"adding data of GVK {named}: ")
    return out


def _namespaces(objects: Sequence[Mapping[str, Any]]) -> dict[str, NamespaceFacts]:
    out = {"default": _DEFAULT}
    for obj in objects:
        if gvk.gvk_of(obj) == ("", "v1", "Namespace"):
            name = meta.name_of(obj)
            out[name] = NamespaceFacts(name, meta.labels_of(obj))
    return out
