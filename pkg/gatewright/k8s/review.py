"""AdmissionReview: what a request says, and the bytes of an answer.

Requests are decoded as controller-runtime decodes them: unknown fields are
ignored, absent ones are blank, a review without a request is an empty request,
and the review's own kind and apiVersion are echoed whatever they are.  Answers
are written as Go's encoding/json writes AdmissionReview: keys in struct order,
`<`, `>` and `&` escaped, one line, a newline at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gatewright.k8s import gojson, gostruct, gvk
from gatewright.k8s.gotext import quote_json

__all__ = [
    "REQUEST_SHAPE",
    "Echo",
    "ObjectError",
    "Request",
    "Response",
    "ReviewError",
    "allowed",
    "check_object",
    "decode",
    "denied",
    "errored",
    "render",
]

#: Go's name of the struct that reads an object's kind, quotes escaped as `%v` has them.
_KIND_STRUCT: Final = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
_NO_KIND: Final = "couldn't get version/kind; json parse error: "


_BLANK: Final = gvk.GVK("", "", "")


class ReviewError(ValueError):
    """A body that is no AdmissionReview: answered with code 400."""


class ObjectError(ValueError):
    """An object in a review that names no kind."""


class Echo(NamedTuple):
    """What of a review is repeated in its answer.

    `api_version` and `kind` may be anything the caller sent; both blank stand for
    a review that did not say, answered as admission.k8s.io/v1.
    """

    uid: str = ""
    api_version: str = ""
    kind: str = ""


_SILENT: Final = Echo()


@dataclass(frozen=True, slots=True)
class Request:
    """One AdmissionRequest; blank where it did not say.

    `object` and `old_object` are decoded JSON, None when null or absent.
    `user_info`, `resource`, ... are in Go's shape; `raw` is the whole body.
    """

    echo: Echo = _SILENT
    kind: gvk.GVK = _BLANK
    resource: Mapping[str, str] = field(default_factory=dict)
    sub_resource: str = ""
    request_kind: Mapping[str, str] | None = None
    request_resource: Mapping[str, str] | None = None
    request_sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    operation: str = ""
    user_info: Mapping[str, Any] = field(default_factory=dict)
    object: Any = None
    old_object: Any = None
    dry_run: bool | None = None
    options: Any = None
    raw: bytes = b""

    @property
    def username(self) -> str:
        """Return who asks."""
        name = self.user_info.get("username")
        return name if isinstance(name, str) else ""

    @property
    def is_namespace(self) -> bool:
        """Tell whether the request is about a core Namespace."""
        return self.kind.kind == "Namespace" and not self.kind.group


@dataclass(frozen=True, slots=True)
class Response:
    """One verdict.  `patch` is the base64 text of a JSON patch."""

    allowed: bool
    code: int = 200
    message: str = ""
    reason: str = ""
    warnings: Sequence[str] = ()
    patch: str = ""


def allowed(message: str = "") -> Response:
    """Return an answer that admits."""
    return Response(allowed=True, message=message)


def denied(message: str, code: int = 403) -> Response:
    """Return an answer that forbids."""
    return Response(allowed=False, code=code, message=message, reason="Forbidden")


def errored(code: int, message: str) -> Response:
    """Return an answer to a request that could not be judged."""
    return Response(allowed=False, code=code, message=message)


_GVK: Final = gostruct.struct(
    "v1.GroupVersionKind",
    {"group": gostruct.STRING, "version": gostruct.STRING, "kind": gostruct.STRING},
)
_GVR: Final = gostruct.struct(
    "v1.GroupVersionResource",
    {"group": gostruct.STRING, "version": gostruct.STRING, "resource": gostruct.STRING},
)
_EXTRA: Final = gostruct.array(gostruct.STRING, "v1.ExtraValue")
_USER: Final = gostruct.struct(
    "v1.UserInfo",
    {
        "username": gostruct.STRING,
        "uid": gostruct.STRING,
        "groups": gostruct.array(gostruct.STRING),
        "extra": gostruct.mapping(_EXTRA),
    },
)
#: The Go type of a request.
REQUEST_SHAPE: Final = gostruct.struct(
    "v1.AdmissionRequest",
    {
        "uid": gostruct.named("types.UID", gostruct.STRING),
        "kind": _GVK,
        "resource": _GVR,
        "subResource": gostruct.STRING,
        "requestKind": gostruct.optional(_GVK),
        "requestResource": gostruct.optional(_GVR),
        "requestSubResource": gostruct.STRING,
        "name": gostruct.STRING,
        "namespace": gostruct.STRING,
        "operation": gostruct.named("v1.Operation", gostruct.STRING),
        "userInfo": _USER,
        "object": gostruct.ANY,
        "oldObject": gostruct.ANY,
        "dryRun": gostruct.optional(gostruct.BOOL),
        "options": gostruct.ANY,
    },
)
_REVIEW: Final = gostruct.struct(
    "admission.unversionedAdmissionReview",
    {
        "request": gostruct.optional(REQUEST_SHAPE),
        "response": gostruct.optional(gostruct.struct("v1.AdmissionResponse", {})),
    },
)
_TYPE: Final = gostruct.struct(
    _KIND_STRUCT,
    {"apiVersion": gostruct.STRING, "kind": gostruct.STRING},
    field_owner=".",
)


def _kind_of(item: Any) -> tuple[str, str]:
    """Return apiVersion and kind as the serializer reads them off any JSON value."""
    try:
        found = gostruct.decode(item, _TYPE)
    except gostruct.UnmarshalError as error:
        # The struct has no name of its own: its fields print as `.kind`.
        text = str(error).replace("Go struct field ..", "Go struct field .")
        raise ObjectError(_NO_KIND + text) from None
    return found["apiVersion"], found["kind"]


def decode(body: bytes) -> Request:
    """Return the request of a review, or raise ReviewError with Go's words."""
    if not body.strip(b" \t\r\n"):
        return Request(raw=body)
    try:
        item = gojson.decode(body)
    except gojson.JSONError as error:
        raise ReviewError(_NO_KIND + str(error)) from None
    try:
        api_version, kind = _kind_of(item)
        gvk.parse_group_version(api_version)
        review = gostruct.decode(item, _REVIEW, prefix=("AdmissionReview",))
    except (ObjectError, gvk.GroupVersionError, gostruct.UnmarshalError) as error:
        raise ReviewError(str(error)) from None
    found = review["request"]
    if found is None:
        return Request(echo=Echo("", api_version, kind), raw=body)
    return Request(
        echo=Echo(found["uid"], api_version, kind),
        kind=gvk.GVK(
            found["kind"]["group"], found["kind"]["version"], found["kind"]["kind"]
        ),
        resource=found["resource"],
        sub_resource=found["subResource"],
        request_kind=found["requestKind"],
        request_resource=found["requestResource"],
        request_sub_resource=found["requestSubResource"],
        name=found["name"],
        namespace=found["namespace"],
        operation=found["operation"],
        user_info=found["userInfo"],
        object=found["object"],
        old_object=found["oldObject"],
        dry_run=found["dryRun"],
        options=found["options"],
        raw=body,
    )


def check_object(item: Any, spelled: Callable[[], bytes | None]) -> None:
    """Raise ObjectError unless `item` is an object that names its kind.

    `spelled` gives its text in the body, which the message repeats.
    """
    api_version, kind = _kind_of(item)
    try:
        gvk.parse_group_version(api_version)
    except gvk.GroupVersionError as error:
        raise ObjectError(str(error)) from None
    if not kind:
        text = (spelled() or b"null").decode("utf-8", "replace")
        raise ObjectError(f"Object 'Kind' is missing in '{text}'")


_KIND: Final = "AdmissionReview"
_VERSION: Final = "admission.k8s.io/v1"
_USUAL: Final = f'"kind":"{_KIND}","apiVersion":"{_VERSION}",'


def _head(echo: Echo) -> str:
    api_version, kind_given = echo.api_version, echo.kind
    if api_version == _VERSION and kind_given == _KIND:
        return _USUAL
    if not api_version and not kind_given:
        return _USUAL
    kind = f'"kind":{quote_json(kind_given)},' if kind_given else ""
    if not api_version:
        return kind
    return f'{kind}"apiVersion":{quote_json(api_version)},'


_FIXED: Final = (
    '"response":{"uid":%s,"allowed":%s,"status":{"metadata":{}%s,"code":%d}%s}}\n'
)


def render(response: Response, echo: Echo | None) -> bytes:
    """Return the body of an answer; without `echo`, that to an unreadable review."""
    status = ""
    if response.message:
        status = f',"message":{quote_json(response.message)}'
    if response.reason:
        status += f',"reason":{quote_json(response.reason)}'
    tail = ""
    if response.patch:
        tail = f',"patch":"{response.patch}","patchType":"JSONPatch"'
    if response.warnings:
        tail += ',"warnings":[' + ",".join(map(quote_json, response.warnings)) + "]"
    uid = '""' if echo is None else quote_json(echo.uid)
    text = _FIXED % (
        uid,
        "true" if response.allowed else "false",
        status,
        response.code,
        tail,
    )
    head = "" if echo is None else _head(echo)
    return ("{" + head + text).encode("utf-8", "surrogateescape")
