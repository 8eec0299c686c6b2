"""The difference of two objects as RFC 6902 operations.

The form is that of Gatekeeper's patches: `add`, `replace` and `remove` only;
lists are compared by position, elements appended first (`add` with the index,
never `-`) or removed from the highest index down, then the rest is compared one
by one.  Unlike Gatekeeper's, keys come in a fixed order.
"""

from __future__ import annotations

from typing import Any

__all__ = ["diff"]


def diff(old: Any, new: Any) -> list[dict[str, Any]]:
    """Operations that turn `old` into `new`; shared parts are skipped."""
    out: list[dict[str, Any]] = []
    compare(old, new, "", out)
    return out


def compare(old: Any, new: Any, path: str, out: list[dict[str, Any]]) -> None:
    if old is new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        # A mutator copies what is on its way and shares the rest: nearly all members
        # are the same ones, and need no path.
        differing = [
            key
            for key in old.keys() | new.keys()
            if key not in old or key not in new or old[key] is not new[key]
        ]
        for key in sorted(differing):
            at = f"{path}/{escape(key)}"
            if key not in new:
                out.append({"op": "remove", "path": at})
            elif key not in old:
                out.append({"op": "add", "path": at, "value": new[key]})
            else:
                compare(old[key], new[key], at, out)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(len(old), len(new)):
            out.append({"op": "add", "path": f"{path}/{index}", "value": new[index]})
        for index in range(len(old) - 1, len(new) - 1, -1):
            out.append({"op": "remove", "path": f"{path}/{index}"})
        for index, (a, b) in enumerate(zip(old, new, strict=False)):
            if a is not b:
                compare(a, b, f"{path}/{index}", out)
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        out.append({"op": "replace", "path": path, "value": new})


def escape(key: str) -> str:
    """A key as a JSON Pointer token (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
