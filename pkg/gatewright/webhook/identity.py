"""Which object an undecided request was about, read from the start of its body.

The API server puts what names the object before the object itself, so the start is
enough, and no time is spent on the rest of a body that nobody decides.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

__all__ = ["HEAD", "identity_of"]

#: Bytes of a body that are read for this.
HEAD: Final = 16 << 10
OBJECT: Final = b',"object":'
#: Characters of one value that are shown.
SHOWN: Final = 256


def identity_of(body: bytes) -> dict[str, str]:
    """What names the object: fields of a log line, empty where not known.

    `body` is a review, whole or its first bytes.  Never raises.
    """
    request = request_of(body)
    user = part(request, "userInfo")
    kind = part(request, "kind")
    obj = part(request, "object") or part(request, "oldObject")
    metadata = part(obj, "metadata")
    name = text(request, "name") or text(metadata, "name")
    out = {
        "request_uid": text(request, "uid"),
        "operation": text(request, "operation"),
        "resource_group": text(kind, "group"),
        "resource_api_version": text(kind, "version"),
        "resource_kind": text(kind, "kind"),
        "resource_namespace": text(request, "namespace"),
        "resource_name": name,
        "request_username": text(user, "username"),
    }
    if not name:
        out["resource_generate_name"] = text(metadata, "generateName")
    return out


def request_of(body: bytes) -> dict[str, Any]:
    """The members of `request`, those before its object at least."""
    head = body[:HEAD]
    at = head.find(OBJECT)
    # Somebody else's "object" may come first: then what is before does not end there.
    while at >= 0:
        found = members(head[:at] + b"}}")
        if found:
            if not found.get("name") and len(body) <= HEAD:
                return members(body) or found
            return found
        at = head.find(OBJECT, at + 1)
    return members(body) if len(body) <= HEAD else {}


def members(review: bytes) -> dict[str, Any]:
    try:
        return part(orjson.loads(review), "request")
    except ValueError:
        return {}


def part(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return found[:SHOWN] if isinstance(found, str) else ""
