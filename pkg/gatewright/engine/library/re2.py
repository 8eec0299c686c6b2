r"""RE2 patterns as Go's regexp package compiles and finds them.

The engine is C++ RE2 in its leftmost-first mode, which agrees with Go on syntax
but for `\C`, and on matching; errors are put into Go's words. Offsets are bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from gatewright.engine.library.budget import charge, reserve
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import utf8

__all__ = ["Pattern", "compile_pattern", "quote_meta"]

Spans = list[tuple[int, int]]

#: Bytes one compiled pattern may take; RE2 falls back to a slower search above it.
MAX_MEMORY: Final = 64 << 20
#: Bytes to search from which on a search pays for the time that it took: it may have
#: gone to the end of the text, or stopped at once, and RE2 does not say which.
LONG: Final = 4096
_NS_PER_STEP: Final = 4
#: Compiled patterns kept per process.
CACHED: Final = 500

_GO_WORDS: Final = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "invalid named capture group": "invalid named capture",
    "invalid UTF-8": "invalid UTF-8",
    "pattern too large - compile failed": "expression too large",
}


#: A byte that is no UTF-8, as strings hold it.
_BAD_BYTE: Final = re.compile("[\udc80-\udcff]")

#: A repeat count of more digits than RE2 reads.
_LONG_COUNT: Final = re.compile(
    r"\{(?=[0-9,]*[0-9]{9})(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}"
)
#: A valid pattern in pieces: within quotes and classes no counts are found.
_PIECES: Final = re.compile(
    r"""\\Q.*?(?:\\E|\Z)
    |\\.
    |\[\^?\]?(?:\\Q.*?(?:\\E|\Z)|\\.|\[:\^?[a-z]+:\]|[^\]])*\]
    |(?P<count>\{[0-9,]+\})
    |.""",
    re.DOTALL | re.VERBOSE,
)


class Pattern:
    """One compiled pattern; find methods take and yield byte offsets."""

    __slots__ = ("_any", "_match", "groups", "names", "source")

    def __init__(self, source: str) -> None:
        from re2 import _re2

        options = _re2.RE2.Options()
        options.log_errors = False
        options.max_mem = MAX_MEMORY
        raw = utf8(source)
        compiled = _re2.RE2(raw, options)
        if not compiled.ok():
            raise BuiltinError(_error(source, compiled.error()))
        if b"\\C" in raw and _has_any_byte(source):
            raise BuiltinError("error parsing regexp: invalid escape sequence: `\\C`")
        if _LONG_COUNT.search(source) and (count := _long_count(source)):
            raise BuiltinError(f"error parsing regexp: invalid repeat count: `{count}`")
        self.source = source
        self.groups: int = compiled.NumberOfCapturingGroups()
        self.names: dict[str, int] = {
            name.decode(): index
            for name, index in reversed(compiled.NamedCapturingGroups())
        }
        for name in self.names:
            if not name.isascii():
                at = source.find(f"<{name}>")
                start = source.rfind("(", 0, at)
                capture = source[start : at + len(name) + 2]
                raise BuiltinError(
                    f"error parsing regexp: invalid named capture: `{capture}`"
                )
        self._match = compiled.Match
        self._any = _re2.RE2.Anchor.UNANCHORED

    def search(self, text: bytes, at: int = 0) -> Spans | None:
        """Return spans of the match at or after `at`, group 0 first; -1 if unset."""
        if len(text) - at < LONG:
            charge(100)
            spans: Spans = self._match(self._any, text, at, len(text))
        else:
            began = time.thread_time_ns()
            spans = self._match(self._any, text, at, len(text))
            charge((time.thread_time_ns() - began) // _NS_PER_STEP)
        return spans if spans and spans[0][0] >= 0 else None

    def test(self, text: bytes) -> bool:
        """Tell whether the pattern matches anywhere."""
        return self.search(text) is not None

    def find_all(self, text: bytes, limit: int = -1) -> Iterator[Spans]:
        """Yield matches as Go's FindAll does: none empty right after another."""
        at, last, found, size = 0, -1, 0, len(text)
        while at <= size and (limit < 0 or found < limit):
            spans = self.search(text, at)
            if spans is None:
                return
            start, end = spans[0]
            accept = True
            if end == at:
                accept = start != last
                at += _width(text, at)
            else:
                at = end
            last = end
            if accept:
                found += 1
                yield spans

    def replace_all(self, text: bytes, template: str) -> bytes:
        """Replace every match by the template expanded as Go's Expand does."""
        parts = _parse_template(template, self.names)
        out: list[bytes] = []
        last, at, size, grown = 0, 0, len(text), 0
        while at <= size:
            spans = self.search(text, at)
            if spans is None:
                break
            start, end = spans[0]
            out.append(text[last:start])
            if end > last or start == 0:
                expanded = _expand(parts, spans, text)
                grown += len(expanded)
                charge(len(expanded) >> 5)
                reserve(grown)
                out.append(expanded)
            last = end
            width = _width(text, at) if at < size else 0
            if at + width > end:
                at += width
            elif at + 1 > end:
                at += 1
            else:
                at = end
        out.append(text[last:])
        return b"".join(out)

    def split(self, text: bytes) -> list[bytes]:
        """Split around matches as Go's Split(s, -1) does."""
        if self.source and not text:
            return [b""]
        out: list[bytes] = []
        begin = end = 0
        for spans in self.find_all(text):
            end = spans[0][0]
            if spans[0][1] != 0:
                out.append(text[begin:end])
            begin = spans[0][1]
        if end != len(text):
            out.append(text[begin:])
        return out


@lru_cache(CACHED)
def compile_pattern(source: str) -> Pattern:
    """Compile, or raise BuiltinError in Go's words."""
    return Pattern(source)


def quote_meta(text: str) -> str:
    """Escape every character that means something in a pattern."""
    return "".join("\\" + c if c in r"\.+*?()|[]{}^$" else c for c in text)


def _width(text: bytes, at: int) -> int:
    """Bytes of the character at an offset; 1 at the end and in invalid text."""
    if at >= len(text) or text[at] < 0xC0:
        return 1
    lead = text[at]
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    tail = text[at + 1 : at + width]
    if len(tail) == width - 1 and all(byte & 0xC0 == 0x80 for byte in tail):
        return width
    return 1


def _has_any_byte(source: str) -> bool:
    at, quoted = 0, False
    while (at := source.find("\\", at)) >= 0:
        follower = source[at + 1 : at + 2]
        if quoted:
            quoted = follower != "E"
            at += 1 if quoted else 2
            continue
        if follower == "C":
            return True
        quoted = follower == "Q"
        at += 2
    return False


def _long_count(source: str) -> str:
    """The first count that has more digits than RE2 reads, "" without one.

    RE2 takes it for literal text, Go for a mistake.
    """
    for found in _PIECES.finditer(source):
        if found["count"] and _LONG_COUNT.match(found["count"]):
            return found["count"]
    return ""


def _error(source: str, error: bytes) -> str:
    text = error.decode("utf-8", "surrogateescape")
    if text.startswith("trailing \\"):
        return "error parsing regexp: trailing backslash at end of expression: ``"
    kind, _, arg = text.partition(": ")
    if kind == "invalid perl operator" and arg.startswith(("(?<", "(?P<")):
        rest = source[source.find(arg) :]
        kind = "invalid named capture group"
        arg = rest[: rest.find(">") + 1] or rest
    elif kind == "unexpected )":
        arg = source
    elif kind == "invalid UTF-8" and (bad := _BAD_BYTE.search(source)):
        arg = source[bad.start() :]
    words = _GO_WORDS.get(kind, kind)
    return f"error parsing regexp: {words}: `{arg}`"


Part = bytes | int


def _parse_template(template: str, names: dict[str, int]) -> list[Part]:
    """Cut a template into literal bytes and group numbers (-1: no such group)."""
    parts: list[Part] = []
    while True:
        before, dollar, template = template.partition("$")
        parts.append(utf8(before))
        if not dollar:
            return parts
        if template.startswith("$"):
            parts.append(b"$")
            template = template[1:]
            continue
        name, rest = _template_name(template)
        if not name:
            parts.append(b"$")
            continue
        template = rest
        parts.append(_group_number(name, names))


def _template_name(template: str) -> tuple[str, str]:
    braced = template.startswith("{")
    at = start = 1 if braced else 0
    while at < len(template) and (
        template[at] == "_" or template[at].isalpha() or template[at].isdecimal()
    ):
        at += 1
    name = template[start:at]
    if braced:
        if template[at : at + 1] != "}":
            return "", template
        at += 1
    return name, template[at:]


def _group_number(name: str, names: dict[str, int]) -> int:
    numeric = name.isascii() and name.isdigit() and len(name) <= 9
    if numeric and (len(name) == 1 or name[0] != "0"):
        return int(name)
    return names.get(name, -1)


def _expand(parts: list[Part], spans: Spans, text: bytes) -> bytes:
    out: list[Any] = []
    for part in parts:
        if isinstance(part, bytes):
            out.append(part)
        elif 0 <= part < len(spans) and spans[part][0] >= 0:
            out.append(text[spans[part][0] : spans[part][1]])
    return b"".join(out)
