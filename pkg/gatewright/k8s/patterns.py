"""Regular expressions as Go's regexp reads them (RE2)."""

from __future__ import annotations

import functools
from typing import Any, Final

import re2

__all__ = ["complaint", "matches"]


# RE2 and Go's regexp name the same faults in different words.
_GO_WORDS: Final = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid repetition size": "invalid repeat count",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "trailing \\": "trailing backslash at end of expression",
}


@functools.lru_cache(maxsize=4096)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def complaint(pattern: str) -> str:
    """Return why Go would not compile a pattern, or a blank."""
    try:
        _compile(pattern)
    except re2.error as error:
        return f"error parsing regexp: {_go_text(pattern, error)}"
    return ""


def _go_text(pattern: str, error: Exception) -> str:
    detail = error.args[0] if error.args else ""
    text = detail.decode() if isinstance(detail, bytes) else str(detail)
    head, colon, part = text.partition(": ")
    head = _GO_WORDS.get(head, head)
    if head == "trailing backslash at end of expression":
        return f"{head}: ``"
    if head == "missing closing )":
        part = pattern
    return f"{head}: `{part if colon else pattern}`"


def matches(pattern: str, text: str) -> bool:
    """Tell whether a good pattern is found anywhere in a text."""
    return _compile(pattern).search(text) is not None
