"""The `regex.*` family."""

from __future__ import annotations

from gatewright.engine.library import globs
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.operands import integer, string, utf8
from gatewright.engine.library.re2 import compile_pattern, quote_meta
from gatewright.engine.values import Value

__all__ = [
    "find_all_string_submatch_n",
    "find_n",
    "globs_match",
    "is_valid",
    "match",
    "replace",
    "split",
    "template_match",
]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def match(pattern: Value, value: Value) -> bool:
    """Tell whether the pattern matches anywhere in the string."""
    source, text = string(pattern, 1), string(value, 2)
    return compile_pattern(source).test(utf8(text))


def is_valid(pattern: Value) -> bool:
    """Tell whether the operand is a string that compiles."""
    if not isinstance(pattern, str):
        return False
    try:
        compile_pattern(pattern)
    except BuiltinError:
        return False
    return True


def find_n(pattern: Value, value: Value, limit: Value) -> list[str]:
    """Return the first `limit` matches, all when it is negative."""
    source, text = string(pattern, 1), utf8(string(value, 2))
    count = integer(limit, 3)
    found = compile_pattern(source).find_all(text, count)
    return [_text(text[spans[0][0] : spans[0][1]]) for spans in found]


def find_all_string_submatch_n(
    pattern: Value, value: Value, limit: Value
) -> list[list[str]]:
    """Return the first matches with their groups; an unset group is empty."""
    source, text = string(pattern, 1), utf8(string(value, 2))
    count = integer(limit, 3)
    found = compile_pattern(source).find_all(text, count)
    return [[_text(text[a:b]) if a >= 0 else "" for a, b in spans] for spans in found]


def replace(value: Value, pattern: Value, template: Value) -> str:
    """Replace every match by the template, in which `$1` and `${name}` stand."""
    text, source, by = string(value, 1), string(pattern, 2), string(template, 3)
    return _text(compile_pattern(source).replace_all(utf8(text), by))


def split(pattern: Value, value: Value) -> list[str]:
    """Split the string around matches."""
    source, text = string(pattern, 1), string(value, 2)
    return [_text(part) for part in compile_pattern(source).split(utf8(text))]


def globs_match(first: Value, second: Value) -> bool:
    """Tell whether two glob-like patterns have a string in common."""
    return globs.intersect(string(first, 1), string(second, 2))


def template_match(template: Value, value: Value, start: Value, end: Value) -> bool:
    """Match a literal text with delimited patterns against the whole string."""
    text, subject = string(template, 1), string(value, 2)
    opening, closing = string(start, 3), string(end, 4)
    if (size := len(utf8(opening))) != 1:
        raise BuiltinError(
            f"start delimiter has to be exactly one character long but is {size} long"
        )
    if len(utf8(closing)) != 1:
        raise BuiltinError(
            "end delimiter has to be exactly one character long but is 1 long"
        )
    out, last = ["^"], 0
    for begin, after in _delimited(text, opening, closing):
        inner = text[begin + 1 : after - 1]
        compile_pattern(f"^{inner}$")
        out.append(f"{quote_meta(text[last:begin])}({inner})")
        last = after
    out.append(quote_meta(text[last:]))
    out.append("$")
    return compile_pattern("".join(out)).test(utf8(subject))


def _delimited(text: str, opening: str, closing: str) -> list[tuple[int, int]]:
    """Return (start, end) of the outermost delimited parts, delimiters included."""
    found: list[tuple[int, int]] = []
    level = begin = 0
    for at, char in enumerate(text):
        if char == opening:
            level += 1
            if level == 1:
                begin = at
        elif char == closing:
            level -= 1
            if level == 0:
                found.append((begin, at + 1))
            if level < 0:
                break
    if level:
        raise BuiltinError(f"unbalanced braces in {quote(text)}")
    return found
