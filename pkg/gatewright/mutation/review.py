"""A mutation request in, its answer out: `/v1/mutate` without HTTP.

Source of behaviour: Gatekeeper 3.23's mutation webhook.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Any, Final, Literal, TypeAlias

import orjson

from gatewright.engine.documents import Doc
from gatewright.engine.edits import NotPlain, share
from gatewright.engine.reviews import Reviewer
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
from gatewright.mutation.documents import Documents, Edits
from gatewright.mutation.errors import ApplyError
from gatewright.mutation.mutator import Mutator
from gatewright.mutation.patch import diff
from gatewright.mutation.setters import MISSING, Facts
from gatewright.mutation.system import MatchFailed, Mutation, MutatorSystem

__all__ = [
    "Item",
    "MutationContext",
    "MutationOutcome",
    "NamespaceMissing",
    "review",
    "review_document",
]

OWN_GROUP: Final = ".gatekeeper.sh"
#: What of an object matching asks for.
MATCHED: Final = (b"metadata", b"kind", b"apiVersion")
EMPTY: Final = Doc.from_python({})
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
    by name, raises NamespaceMissing; `new_id`: a fresh mutation id; `annotate`: the
    object gets the two annotations; `log`: mutations are told to the log; `edits`:
    those of the system's mutators.
    """

    system: MutatorSystem[Matcher]
    own_account: str
    excluded: Callable[[Subject], bool]
    namespace: Callable[[str], NamespaceFacts]
    new_id: Callable[[], str]
    annotate: bool = False
    log: bool = False
    edits: Edits = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MutationOutcome:
    """`passes`: the mutators that changed something, pass by pass."""

    response: Response
    status: Status
    mutation_id: str = ""
    passes: tuple[tuple[Mutator, ...], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


UNCHANGED: Final = MutationOutcome(allowed("Resource was not mutated"), "success")
SELF: Final = MutationOutcome(allowed("Gatekeeper does not self-manage"), "skip")
NOT_NOW: Final = MutationOutcome(allowed("Mutating only on create or update"), "skip")
OURS: Final = MutationOutcome(allowed("Not mutating gatekeeper resources"), "skip")
IGNORED: Final = MutationOutcome(
    allowed("Namespace is set to be ignored by Gatekeeper config"), "skip"
)


@dataclass(slots=True)
class Item:
    """A request about an object that is still where the reader put it.

    `subject` and `version` are the object's, all else the request's; `read` has the
    subject of the object once it is changed, and raises ObjectError.
    """

    object: Doc
    subject: Subject
    version: str
    username: str
    operation: str
    group: str
    namespace: str
    read: Callable[[Doc], Subject]


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


class DocumentTarget:
    """The object of an `Item`, its namespace filled in from the request.

    `known`: whether it matches, by `id` of the matcher, as long as `seen` has the same
    names, labels and kind.
    """

    __slots__ = ("facts", "gvk", "item", "known", "namespace", "operation", "seen")

    def __init__(
        self, gvk: tuple[str, str, str], item: Item, namespace: NamespaceFacts | None
    ) -> None:
        self.gvk = gvk
        self.item = item
        self.operation = item.operation
        self.facts = Facts(item.subject.name, item.subject.namespace)
        self.namespace = namespace
        self.seen = item.object
        self.known: dict[int, bool] = {}

    @property
    def shown(self) -> str:
        return f"{self.gvk[0]} {self.gvk[2]} {self.facts.namespace} {self.facts.name}"

    def matches(self, match: Matcher, obj: Doc) -> bool:
        if obj is not self.seen:
            if not share(obj, self.seen, MATCHED):
                self.item.subject = self.item.read(obj)
                self.item.subject.namespace = self.facts.namespace
                self.known.clear()
            self.seen = obj
        found = self.known.get(id(match))
        if found is None:
            try:
                found = match.matches(self.item.subject, self.namespace, ORIGINAL)
            except MatchError as error:
                raise MatchFailed(str(error)) from error
            self.known[id(match)] = found
        return found


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


def review_document(
    item: Item, reviewer: Reviewer, context: MutationContext
) -> MutationOutcome | None:
    """What `review` answers, if the object can stay where the reader put it; None
    where it can't, or where something is wrong with it or with a mutator."""
    passed = passed_over(item.username, item.operation, item.group, context)
    if passed is not None:
        return passed
    subject = item.subject
    namespace = placed(subject, item.namespace, context)
    if isinstance(namespace, MutationOutcome):
        return namespace
    kind = (subject.group, item.version, subject.kind)
    if not context.system.candidates(kind, item.operation):
        return UNCHANGED
    target = DocumentTarget(kind, item, namespace)
    try:
        out = context.system.mutate(
            item.object,
            target,
            mutation_id="",
            form=Documents(reviewer, context.edits),
        )
        if not out.passes:
            return UNCHANGED
        changed, mutation_id = out.object, ""
        if context.annotate or context.log:
            mutation_id = context.new_id()
        if context.annotate:
            changed = annotated(reviewer, out, mutation_id)
        patch = reviewer.difference(item.object, changed)
    except (ApplyError, NotPlain, ObjectError):
        return None
    return patched(patch, mutation_id, out.passes, subject.labels)


def annotated(reviewer: Reviewer, out: Mutation, mutation_id: str) -> Doc:
    """`Mutation.annotated` of a document."""
    metadata = member(out.object, "metadata")
    annotations = reviewer.with_keys(
        member(metadata, "annotations"), out.annotations(mutation_id)
    )
    metadata = reviewer.with_keys(metadata, {"annotations": annotations})
    return reviewer.with_keys(out.object, {"metadata": metadata})


def member(doc: Doc, name: str) -> Doc:
    """A member that is an object; an empty one if there is none, or null.

    Raises NotPlain if it is something else.
    """
    found = doc.get(name)
    if not isinstance(found, Doc):
        return EMPTY
    if found.is_object:
        return found
    if found.python() is None:
        return EMPTY
    raise NotPlain(name)


def passed_over(
    username: str, operation: str, group: str, context: MutationContext
) -> MutationOutcome | None:
    """The answer to requests that are never mutated."""
    if username == context.own_account:
        return SELF
    if operation not in OPERATIONS:
        return NOT_NOW
    if group.endswith(OWN_GROUP):
        return OURS
    return None


def placed(
    subject: Subject, namespace: str, context: MutationContext
) -> NamespaceFacts | MutationOutcome | None:
    """The facts of the subject's namespace, which is the request's unless it says so
    itself; or the answer, where that ends the matter."""
    if not subject.is_namespace and not subject.namespace:
        subject.namespace = namespace
    if context.excluded(subject):
        return IGNORED
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
        return UNCHANGED
    changed = out.annotated(mutation_id) if context.annotate else out.object
    operations = diff(obj, changed)
    patch = b""
    if operations:
        patch = orjson.dumps(operations, option=orjson.OPT_SORT_KEYS)
    return patched(patch, mutation_id, out.passes, meta.labels_of(obj))


def patched(
    patch: bytes,
    mutation_id: str,
    passes: tuple[tuple[Mutator, ...], ...],
    labels: Mapping[str, str],
) -> MutationOutcome:
    if not patch:
        return UNCHANGED
    text = b2a_base64(patch, newline=False).decode("ascii")
    return MutationOutcome(
        Response(allowed=True, patch=text), "success", mutation_id, passes, labels
    )


def failed(message: str) -> MutationOutcome:
    """An error inside counts as a success, as Gatekeeper counts it."""
    return MutationOutcome(errored(500, message), "success")
