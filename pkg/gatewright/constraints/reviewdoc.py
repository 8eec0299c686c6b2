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

from gatewright._native.admission import read_facts
from gatewright.engine.arrivals import Arrival
from gatewright.engine.documents import Doc, JsonError
from gatewright.engine.reviews import Reviewer
from gatewright.k8s import gotext, gvk, meta
from gatewright.k8s import review as reviews
from gatewright.match.subject import Subject

__all__ = [
    "NO_DOCUMENT",
    "Intake",
    "intake_of",
    "of_object",
    "read",
    "subject_of",
    "taken",
    "versioned",
    "written",
]

#: Stands where a review's document will be.
NO_DOCUMENT: Final = Doc.from_python(None)
_GVR_KEYS: Final = ("group", "version", "resource")


@dataclass(slots=True)
class Intake:
    """A request as far as the hot path needs it.

    `object` and `old_object` are None when null or absent.  `arrival` is the review
    where it was read.  `plain` is the decoded request when it had to be decoded;
    `decoded` makes it.
    """

    body: bytes
    arrival: Arrival
    echo: reviews.Echo
    kind: gvk.GVK
    name: str
    namespace: str
    operation: str
    username: str
    dry_run: bool
    object: Doc | None
    old_object: Doc | None
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


def read(body: bytes, reviewer: Reviewer, *, exact: bool = False) -> Intake:
    """Read the body of a review into a reviewer; raise ReviewError.

    `exact`: numbers keep their spelling (but where it had to be decoded).
    """
    try:
        arrival = reviewer.receive(body, exact=exact)
    except JsonError:
        arrival = None
    return taken(body, arrival, reviewer)


def taken(body: bytes, arrival: Arrival | None, reviewer: Reviewer) -> Intake:
    """Return what a review says; None for one that is not spelled as usual, which is
    decoded and read again.  Raises ReviewError."""
    if arrival is None:
        return _long_way(body, reviewer)
    return intake_of(body, arrival, None)


def intake_of(body: bytes, arrival: Arrival, plain: reviews.Request | None) -> Intake:
    """Return what a review that has arrived says."""
    (
        api_version,
        review_kind,
        uid,
        group,
        version,
        kind,
        name,
        namespace,
        operation,
        username,
        dry_run,
        obj,
        old,
    ) = arrival.facts()
    return Intake(
        body,
        arrival,
        reviews.Echo(uid, api_version, review_kind),
        gvk.GVK(group, version, kind),
        name,
        namespace,
        operation,
        username,
        dry_run,
        obj,
        old,
        plain,
    )


def _long_way(body: bytes, reviewer: Reviewer) -> Intake:
    request = reviews.decode(body)
    echo = request.echo
    review = {
        "apiVersion": echo.api_version,
        "kind": echo.kind,
        "request": _shape(request),
    }
    text = gotext.json_text(review).encode("utf-8", "surrogateescape")
    try:
        arrival = reviewer.receive(text)
    except JsonError:  # a number beyond any float64, which Go refuses too
        raise reviews.ReviewError(
            "json: cannot unmarshal number into Go value of type float64"
        ) from None
    if arrival is None:
        raise AssertionError("a request in Go's form is not taken for one")
    return intake_of(body, arrival, request)


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
    return out


def subject_of(obj: Doc) -> Subject:
    """Return the facts of an object, or raise ObjectError when it names no kind."""
    return versioned(obj)[0]


def versioned(obj: Doc) -> tuple[Subject, str]:
    """Return the facts of an object, and the version that it is spelled in."""
    kind, api_version, name, prefix, namespace, labels = read_facts(obj)
    if type(kind) is not str or not kind or type(api_version) not in _TEXT_OR_NONE:
        raise reviews.ObjectError
    group = ""
    version: str = api_version or ""  # type: ignore[assignment]  # it is no bool
    if "/" in version:
        try:
            group, version = gvk.parse_group_version(version)
        except gvk.GroupVersionError as error:
            raise reviews.ObjectError(str(error)) from None
    return Subject(group, kind, name, prefix, namespace, labels), version


_TEXT_OR_NONE: Final = (str, type(None))


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
