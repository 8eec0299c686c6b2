"""`input.review`: the document that policies see, and the facts matching needs.

The review of a request holds the fields of an AdmissionRequest as Go writes them
(blank ones left out, absent objects null) and `namespaceObject`.  What an API
server sends is mostly that already, so it stays where the reader put it and only
its frame is made anew.  Anything unusual goes the long way through `k8s.review`,
which has Go's word for every fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.engine.documents import Doc, JsonError
from gatewright.engine.reviews import Reviewer
from gatewright.engine.values import UNDEFINED
from gatewright.k8s import gotext, gvk, meta
from gatewright.k8s import review as reviews
from gatewright.match.subject import Subject

__all__ = [
    "NO_DOCUMENT",
    "Intake",
    "document_of",
    "of_object",
    "read",
    "subject_of",
    "written",
]

_EMPTY: Final = Doc.from_python({})
_GVK_KEYS: Final = ("group", "version", "kind")
_GVR_KEYS: Final = ("group", "version", "resource")


@dataclass(slots=True)
class Intake:
    """A request as far as the hot path needs it.

    `object` and `old_object` are None when null or absent.  `parts` is what the
    review's document is made of.  `plain` is the decoded request when it had to be
    decoded; `decoded` makes it.
    """

    body: bytes
    echo: reviews.Echo
    kind: gvk.GVK
    name: str
    namespace: str
    operation: str
    username: str
    dry_run: bool
    object: Doc | None
    old_object: Doc | None
    parts: dict[str, Any]
    plain: reviews.Request | None = None

    @property
    def is_namespace(self) -> bool:
        """Tell whether the request is about a core Namespace."""
        return self.kind.kind == "Namespace" and not self.kind.group

    def decoded(self) -> reviews.Request:
        """Return the request as decoded JSON."""
        if self.plain is None:
            self.plain = reviews.decode(self.body)
        return self.plain


class _UnusualError(Exception):
    """The request is not as an API server would send it."""


def _text(request: Doc, name: str) -> str:
    found = request.get_python(name)
    if found is UNDEFINED:
        return ""
    if type(found) is not str:
        raise _UnusualError
    return found


def _triple(request: Doc, name: str, keys: tuple[str, ...]) -> dict[str, str]:
    found = request.get_python(name)
    if type(found) is not dict or len(found) != 3:
        raise _UnusualError
    for key in keys:
        if type(found.get(key)) is not str:
            raise _UnusualError
    return found


def read(body: bytes, reviewer: Reviewer) -> Intake:
    """Read the body of a review into a reviewer; raise ReviewError."""
    try:
        review = reviewer.load_review(body)
    except JsonError:
        return _long_way(body, reviewer)
    try:
        return _short_way(body, review)
    except (_UnusualError, gvk.GroupVersionError):
        return _long_way(body, reviewer)


def _short_way(body: bytes, review: Doc) -> Intake:
    api_version, kind = _text(review, "apiVersion"), _text(review, "kind")
    gvk.parse_group_version(api_version)
    request = review.get("request")
    if request is UNDEFINED or review.get_python("response") is not UNDEFINED:
        raise _UnusualError
    uid = _text(request, "uid")
    named = _triple(request, "kind", _GVK_KEYS)
    _triple(request, "resource", _GVR_KEYS)
    user = request.get_python("userInfo")
    if type(user) is not dict:
        raise _UnusualError
    username = user.get("username", "")
    if type(username) is not str or not _usual_user(user):
        raise _UnusualError
    operation = _text(request, "operation")
    parts: dict[str, Any] = {
        "uid": uid,
        "kind": request.get("kind"),
        "resource": request.get("resource"),
        "operation": operation,
        "userInfo": request.get("userInfo"),
    }
    for name, keys in (("requestKind", _GVK_KEYS), ("requestResource", _GVR_KEYS)):
        given = request.get(name)
        if given is not UNDEFINED:
            _triple(request, name, keys)
            parts[name] = given
    for name in ("subResource", "requestSubResource", "name", "namespace"):
        text = _text(request, name)
        if text:
            parts[name] = text
    dry_run = request.get_python("dryRun")
    if dry_run is not UNDEFINED:
        if type(dry_run) is not bool:
            raise _UnusualError
        parts["dryRun"] = dry_run
    for name in ("object", "oldObject", "options"):
        given = request.get(name)
        # A null is there as a document of its own; absent is null too.
        parts[name] = None if given is UNDEFINED else given
    return Intake(
        body,
        reviews.Echo(uid, api_version, kind),
        gvk.GVK(named["group"], named["version"], named["kind"]),
        parts.get("name", ""),
        parts.get("namespace", ""),
        operation,
        username,
        dry_run is True,
        _unless_null(parts["object"]),
        _unless_null(parts["oldObject"]),
        parts,
    )


#: Stands where a review's document will be.
NO_DOCUMENT: Final = Doc.from_python(None)


def _unless_null(doc: Doc | None) -> Doc | None:
    return None if doc is None or doc == NO_DOCUMENT else doc


def _usual_user(user: Mapping[str, Any]) -> bool:
    for key, value in user.items():
        if key in ("username", "uid"):
            if type(value) is not str or not value:
                return False
        elif key == "groups":
            if type(value) is not list or not value:
                return False
            if not all(type(one) is str for one in value):
                return False
        elif key == "extra":
            if type(value) is not dict or not value:
                return False
            for member in value.values():
                if type(member) is not list or not all(type(x) is str for x in member):
                    return False
        else:
            return False
    return True


def _long_way(body: bytes, reviewer: Reviewer) -> Intake:
    request = reviews.decode(body)
    text = gotext.json_text({"request": _shape(request)})
    review = reviewer.load_review(text.encode("utf-8", "surrogateescape"))
    document = review.get("request")
    found = {name: document.get(name) for name in document.python()}
    return Intake(
        body,
        request.echo,
        request.kind,
        request.name,
        request.namespace,
        request.operation,
        request.username,
        request.dry_run is True,
        _unless_null(found["object"]),
        _unless_null(found["oldObject"]),
        found,
        request,
    )


def _shape(request: reviews.Request) -> dict[str, Any]:
    return written(
        {
            "uid": request.echo.uid,
            "kind": request.kind._asdict(),
            "resource": request.resource or dict.fromkeys(_GVR_KEYS, ""),
            "operation": request.operation,
            "userInfo": request.user_info,
            "object": request.object,
            "oldObject": request.old_object,
            "options": request.options,
            "subResource": request.sub_resource,
            "requestKind": request.request_kind,
            "requestResource": request.request_resource,
            "requestSubResource": request.request_sub_resource,
            "name": request.name,
            "namespace": request.namespace,
            "dryRun": request.dry_run,
        }
    )


_OPTIONAL: Final = (
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
)


def written(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decoded request as Go writes it: without the blank fields."""
    out = {
        name: value for name, value in request.items() if value or name not in _OPTIONAL
    }
    if out.get("dryRun") is None:
        out.pop("dryRun", None)
    out["userInfo"] = {name: value for name, value in out["userInfo"].items() if value}
    out.setdefault("namespaceObject", {})
    return out


def document_of(intake: Intake, reviewer: Reviewer, namespace_object: Any) -> Doc:
    """Return the review's document; a blank namespace was taken from `parts`."""
    parts = intake.parts
    parts["namespaceObject"] = _EMPTY if namespace_object is None else namespace_object
    return reviewer.with_keys(_EMPTY, parts)


def subject_of(obj: Doc) -> Subject:
    """Return the facts of an object that names its kind."""
    api_version = obj.get_python("apiVersion")
    kind = obj.get_python("kind")
    try:
        group, _ = gvk.parse_group_version(
            api_version if type(api_version) is str else ""
        )
    except gvk.GroupVersionError:
        group, kind = "", ""
    metadata = obj.get("metadata")
    if metadata is UNDEFINED:
        return Subject(group, kind)
    name = metadata.get_python("name")
    prefix = metadata.get_python("generateName")
    namespace = metadata.get_python("namespace")
    labels = metadata.get_python("labels")
    return Subject(
        group,
        kind,
        name if type(name) is str else "",
        prefix if type(prefix) is str else "",
        namespace if type(namespace) is str else "",
        meta.string_map(labels),
    )


def of_object(obj: Mapping[str, Any], *, operation: str = "") -> dict[str, Any]:
    """Return the request that stands for a plain object, as audit and gator make it."""
    named = gvk.gvk_of(obj)
    out: dict[str, Any] = {
        "uid": "",
        "kind": named._asdict(),
        "resource": dict.fromkeys(_GVR_KEYS, ""),
        "operation": operation,
        "userInfo": {},
        "object": obj,
        "oldObject": obj if operation == "DELETE" else None,
        "options": None,
        "namespaceObject": {},
    }
    for name, value in (
        ("name", meta.name_of(obj)),
        ("namespace", meta.namespace_of(obj)),
    ):
        if value:
            out[name] = value
    return out
