"""`semver.*`: versions as `1.2.3-rc.1+build`, a `v` in front allowed."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.budget import older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.operands import INT64_MAX, string
from gatewright.engine.values import Value

__all__ = ["compare", "is_valid"]

_NUMBER: Final = r"(0|[1-9][0-9]{0,18})"
_PART: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION: Final = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-({_PART}(?:\.{_PART})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
#: OPA 1.17 lets numbers begin with zeros, and what follows `-` and `+` be empty.
_WORDS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_OLDER: Final = re.compile(
    rf"v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:-({_WORDS})?)?(?:\+(?:{_WORDS})?)?"
)
_Key = tuple[tuple[int, ...], bool, list[tuple[bool, int, str]]]


def _read(text: str) -> _Key | None:
    found = (_OLDER if older() else _VERSION).fullmatch(text)
    if found is None:
        return None
    digits = [part.lstrip("0") or "0" for part in found.group(1, 2, 3)]
    if max(map(len, digits)) > 19:
        return None
    numbers = tuple(map(int, digits))
    if max(numbers) > INT64_MAX:
        return None
    parts = found[4].split(".") if found[4] else []
    # Numbers come before words; a release after all of its pre-releases.
    ranked = [
        (False, len(part.lstrip("0")), part.lstrip("0"))
        if part.isdigit()
        else (True, 0, part)
        for part in parts
    ]
    return numbers, not parts, ranked


def is_valid(value: Value) -> bool:
    """Tell whether the operand is a string that is a version."""
    return isinstance(value, str) and _read(value) is not None


def compare(first: Value, second: Value) -> int:
    """Return -1, 0 or 1 by precedence; build parts do not count."""
    keys: list[_Key] = []
    texts = string(first, 1), string(second, 2)
    for position, text in enumerate(texts, start=1):
        key = _read(text)
        if key is None:
            raise BuiltinError(
                f"operand {position}: string {quote(text)} is not a valid SemVer"
            )
        keys.append(key)
    return (keys[0] > keys[1]) - (keys[0] < keys[1])
