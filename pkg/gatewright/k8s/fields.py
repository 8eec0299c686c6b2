"""Errors at a field path, and their aggregate, with apimachinery's texts.

A path is plain text: `child` and `key` extend it as apimachinery's Path does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.k8s import gotext

__all__ = [
    "FieldError",
    "aggregate",
    "child",
    "duplicate",
    "forbidden",
    "invalid",
    "key",
    "not_supported",
    "required",
    "too_long",
    "too_many",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One complaint about the field at `path`; `body` is its text without it."""

    path: str
    body: str

    def __str__(self) -> str:
        return f"{self.path}: {self.body}"


def child(path: str, *names: str) -> str:
    """Return the path of a named field below `path`."""
    return ".".join((path, *names)) if path else ".".join(names)


def key(path: str, subscript: str | int) -> str:
    """Return the path of a member (an index or a map key) of `path`."""
    return f"{path}[{subscript}]"


def _body(kind: str, bad: Any, detail: str) -> str:
    if isinstance(bad, str):
        shown = gotext.quote(bad)
    elif isinstance(bad, (bool, int, float)):
        shown = gotext.value(bad)
    else:
        shown = gotext.json_text(bad)
    return f"{kind}: {shown}: {detail}" if detail else f"{kind}: {shown}"


def required(path: str, detail: str = "") -> FieldError:
    """Report a missing value."""
    return FieldError(path, f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, bad: Any, detail: str) -> FieldError:
    """Report a value that is malformed; `bad` is decoded JSON."""
    return FieldError(path, _body("Invalid value", bad, detail))


def forbidden(path: str, detail: str) -> FieldError:
    """Report a value that must not be there."""
    return FieldError(path, f"Forbidden: {detail}" if detail else "Forbidden")


def duplicate(path: str, bad: Any) -> FieldError:
    """Report a value that is there already."""
    return FieldError(path, _body("Duplicate value", bad, ""))


def not_supported(path: str, bad: Any, supported: Sequence[str]) -> FieldError:
    """Report a value outside an enumeration."""
    shown = ", ".join(gotext.quote(one) for one in supported)
    return FieldError(
        path,
        _body("Unsupported value", bad, f"supported values: {shown}" if shown else ""),
    )


def too_long(path: str, limit: int) -> FieldError:
    """Report a string above `limit`; the value itself is left out."""
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(path, f"Too long: may not be more than {limit} {unit}")


def too_many(path: str, actual: int, limit: int) -> FieldError:
    """Report a list or map with more than `limit` members."""
    unit = "item" if limit == 1 else "items"
    return FieldError(path, f"Too many: {actual}: must have at most {limit} {unit}")


def aggregate(errors: Iterable[FieldError]) -> str:
    """Return the text of several errors: one alone, more as `[a, b]`, each once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
