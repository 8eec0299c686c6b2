"""A mutation request in, its answer out: `/v1/mutate` without HTTP.

Source of behaviour: Gatekeeper 3.23's mutation webhook.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Any, Final, Literal, TypeAlias

import orjson

from gatewright.k8s import gvk, meta
from gatewright.k8s.review import (
    ObjectError,
    Request,
    Response,
    allowed,
    check_object,
    errored,
)
from gatewright.match.block import ORIGINAL, Matcher, MatchError
from gatewright.match.subject import NamespaceFacts, Subject
from gatewright.mutation.errors import ApplyError
from gatewright.mutation.mutator import Mutator
from gatewright.mutation.patch import diff
from gatewright.mutation.setters import MISSING, Facts
from gatewright.mutation.system import MatchFailed, MutatorSystem

__all__ = [
    "MutationContext",
    "MutationOutcome",
    "NamespaceMissing",
    "review",
    "unchanged",
]

OWN_GROUP: Final = ".gatekeeper.sh"
OPERATIONS: Final = ("CREATE", "UPDATE")
Status: TypeAlias = Literal["success", "skip", "unknown"]


class NamespaceMissing(Exception):
    """No such namespace; `str()` as the API server words it."""

    def __init__(self, name: str) -> None:
        super().__init__(f'namespaces "{name}" not found')


@dataclass(frozen=True, slots=True)
class MutationContext:
    """What a request is judged by.

    `own_account`: who is never mutated; `excluded`: does Config leave out objects
    of (is it a Namespace, own name, namespace); `namespace`: facts of a namespace
    by name, raises NamespaceMissing; `new_id`: a fresh mutation id.
    """

    system: MutatorSystem[Matcher]
    own_account: str
    excluded: Callable[[Subject], bool]
    namespace: Callable[[str], NamespaceFacts]
    new_id: Callable[[], str]
    annotate: bool = False


@dataclass(frozen=True, slots=True)
class MutationOutcome:
    """`passes`: the mutators that changed something, pass by pass."""

    response: Response
    status: Status
    mutation_id: str = ""
    passes: tuple[tuple[Mutator, ...], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ObjectTarget:
    """The object under mutation, its namespace filled in from the request."""

    gvk: tuple[str, str, str]
    operation: str
    facts: Facts
    shown: str
    namespace: NamespaceFacts | None
    home: str
    seen: tuple[Any, Any, Any] = (MISSING, MISSING, MISSING)
    subject: Subject = field(default_factory=Subject)

    def matches(self, match: Matcher, obj: Any) -> bool:
        # A mutator before may have changed something of these, and then made it anew.
        seen = (obj.get("metadata"), obj.get("kind"), obj.get("apiVersion"))
        if not all(map(is_, seen, self.seen)):
            self.subject = Subject.of(obj)
            self.subject.namespace = self.home
            self.seen = seen
        try:
            return match.matches(self.subject, self.namespace, ORIGINAL)
        except MatchError as error:
            raise MatchFailed(str(error)) from error


def review(request: Request, context: MutationContext) -> MutationOutcome:
    """Mutate the request's object; the answer holds the patch."""
    passed = passed_over(
        request.username, request.operation, request.kind.group, context
    )
    if passed is not None:
        return passed
    if request.object is None:
        return failed("unexpected end of JSON input")
    try:
        check_object(request.object, lambda: orjson.dumps(request.object))
    except ObjectError as error:
        return failed(str(error))
    obj = request.object
    subject = Subject.of(obj)
    namespace = placed(subject, request.namespace, context)
    if isinstance(namespace, MutationOutcome):
        return namespace
    return mutate(request, obj, subject, namespace, context)


def unchanged(
    subject: Subject,
    version: str,
    *,
    username: str,
    operation: str,
    group: str,
    namespace: str,
    context: MutationContext,
) -> MutationOutcome | None:
    """What `review` answers where no mutator matches the object as it came; None
    where the object itself is needed.

    `subject` and `version` are the object's, `group` and `namespace` the request's.
    """
    passed = passed_over(username, operation, group, context)
    if passed is not None:
        return passed
    place = placed(subject, namespace, context)
    if isinstance(place, MutationOutcome):
        return place
    kind = (subject.group, version, subject.kind)
    for mutator, match in context.system.active:
        if mutator.applies(kind, operation):
            try:
                if match.matches(subject, place, ORIGINAL):
                    return None
            except MatchError:
                return None
    return MutationOutcome(allowed("Resource was not mutated"), "success")


def passed_over(
    username: str, operation: str, group: str, context: MutationContext
) -> MutationOutcome | None:
    """The answer to requests that are never mutated."""
    if username == context.own_account:
        return skip("Gatekeeper does not self-manage")
    if operation not in OPERATIONS:
        return skip("Mutating only on create or update")
    if group.endswith(OWN_GROUP):
        return skip("Not mutating gatekeeper resources")
    return None


def placed(
    subject: Subject, namespace: str, context: MutationContext
) -> NamespaceFacts | MutationOutcome | None:
    """The facts of the subject's namespace, which is the request's unless it says so
    itself; or the answer, where that ends the matter."""
    if not subject.is_namespace and not subject.namespace:
        subject.namespace = namespace
    if context.excluded(subject):
        return skip("Namespace is set to be ignored by Gatekeeper config")
    try:
        return namespace_facts(subject, context)
    except NamespaceMissing as error:
        return failed(str(error))


def namespace_facts(
    subject: Subject, context: MutationContext
) -> NamespaceFacts | None:
    """A Namespace is its own; what is in none has none."""
    if subject.is_namespace:
        return NamespaceFacts(subject.name, subject.labels)
    return context.namespace(subject.namespace) if subject.namespace else None


def mutate(
    request: Request,
    obj: Any,
    subject: Subject,
    namespace: NamespaceFacts | None,
    context: MutationContext,
) -> MutationOutcome:
    group, version, kind = gvk.gvk_of(obj)
    target = ObjectTarget(
        gvk=(group, version, kind),
        operation=request.operation,
        facts=Facts(subject.name, subject.namespace),
        shown=f"{group} {kind} {subject.namespace} {subject.name}",
        namespace=namespace,
        home=subject.namespace,
    )
    mutation_id = context.new_id()
    try:
        out = context.system.mutate(obj, target, mutation_id=mutation_id)
    except ApplyError as error:
        return failed(str(error))
    except RecursionError:
        return failed("a mutator's location is nested too deep")
    if not out.passes:
        return MutationOutcome(allowed("Resource was not mutated"), "success")
    changed = out.annotated(mutation_id) if context.annotate else out.object
    operations = diff(obj, changed)
    if not operations:
        return MutationOutcome(allowed("Resource was not mutated"), "success")
    patch = orjson.dumps(operations, option=orjson.OPT_SORT_KEYS)
    return MutationOutcome(
        Response(allowed=True, patch=base64.b64encode(patch).decode("ascii")),
        "success",
        mutation_id,
        out.passes,
        meta.labels_of(obj),
    )


def skip(message: str) -> MutationOutcome:
    return MutationOutcome(allowed(message), "skip")


def failed(message: str) -> MutationOutcome:
    """An error inside counts as a success, as Gatekeeper counts it."""
    return MutationOutcome(errored(500, message), "success")
