"""Where and why Go's JSON scanner refuses a text; parts of a text that it takes.

Only error texts are made here: a text that some other reader refused is scanned
once more to say what encoding/json would have said, such as

    invalid character 'n' looking for beginning of object key string
    unexpected end of JSON input

`decode` reads a good text the way apimachinery does: integers stay integers
when they fit 64 bits, every other number is a float.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from gatewright.k8s import gotext

__all__ = ["JSONError", "decode", "member", "syntax_error", "whole_numbers"]

_MAX_DEPTH: Final = 10000
_SPACE: Final = " \t\r\n"
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*')
_HEX: Final = "0123456789abcdefABCDEF"
_SEES_BLANK: Final = (
    "after decimal point",
    "in exponent",
    "in literal",
    "in numeric literal",
    "in string escape code",
    "in \\u hex",
)
_END: Final = "unexpected end of JSON input"
_INT64: Final = range(-(2**63), 2**63)


class JSONError(ValueError):
    """A text that is not JSON, in encoding/json's words."""


def _quote_char(char: str) -> str:
    if char == "'":
        return "'\\''"
    if char == '"':
        return "'\"'"
    return "'" + gotext.quote(char)[1:-1] + "'"


def _bad(text: str, at: int, context: str) -> JSONError:
    if at >= len(text) and not context.startswith(_SEES_BLANK):
        return JSONError(_END)
    # At its end a text is continued by a blank, which some states refuse.  The
    # scanner works on bytes: a character beyond ASCII shows its first byte.
    char = text[at] if at < len(text) else " "
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        char = chr(code - 0xDC00)
    elif code > 0x7F:
        char = chr(char.encode("utf-8", "surrogatepass")[0])
    return JSONError(f"invalid character {_quote_char(char)} {context}")


def syntax_error(data: bytes) -> JSONError | None:
    """Return what encoding/json says about a text, None when it is good."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        at = _skip(text, _value(text, _skip(text, 0)))
        if at < len(text):
            return _bad(text, at, "after top-level value")
    except JSONError as error:
        return error
    return None


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


_OPEN: Final = {"{": "}", "[": "]"}


def _value(text: str, at: int) -> int:
    """Return the end of the value that begins at `at`; raise where it is broken."""
    stack: list[str] = []
    while True:
        if at >= len(text):
            raise JSONError(_END)
        char = text[at]
        if char in "{[":
            stack.append(char)
            if len(stack) > _MAX_DEPTH:
                raise JSONError("exceeded max depth")
            at = _skip(text, at + 1)
            if at < len(text) and text[at] == _OPEN[char]:
                stack.pop()
                at += 1
            elif char == "{":
                at = _key(text, at)
                continue
            else:
                continue
        else:
            at = _scalar(text, at)
        at = _close(text, at, stack)
        if not stack:
            return at


def _close(text: str, at: int, stack: list[str]) -> int:
    # After a value: closes what it ends, or goes to the next member.
    while stack:
        at = _skip(text, at)
        inside = stack[-1]
        if at < len(text) and text[at] == _OPEN[inside]:
            stack.pop()
            at += 1
        elif at < len(text) and text[at] == ",":
            at = _skip(text, at + 1)
            return _key(text, at) if inside == "{" else at
        elif inside == "{":
            raise _bad(text, at, "after object key:value pair")
        else:
            raise _bad(text, at, "after array element")
    return at


def _key(text: str, at: int) -> int:
    if at >= len(text) or text[at] != '"':
        raise _bad(text, at, "looking for beginning of object key string")
    at = _skip(text, _string(text, at))
    if at >= len(text) or text[at] != ":":
        raise _bad(text, at, "after object key")
    return _skip(text, at + 1)


def _string(text: str, at: int) -> int:
    at += 1
    while True:
        found = _PLAIN.match(text, at)
        at = at if found is None else found.end()
        if at >= len(text):
            raise JSONError(_END)
        char = text[at]
        if char == '"':
            return at + 1
        if char != "\\":
            raise _bad(text, at, "in string literal")
        at += 1
        if at < len(text) and text[at] in 'bfnrt\\/"':
            at += 1
        elif at < len(text) and text[at] == "u":
            for place in range(at + 1, at + 5):
                if place >= len(text) or text[place] not in _HEX:
                    raise _bad(text, place, "in \\u hexadecimal character escape")
            at += 5
        else:
            raise _bad(text, at, "in string escape code")


def _scalar(text: str, at: int) -> int:
    char = text[at]
    if char == '"':
        return _string(text, at)
    for word in ("true", "false", "null"):
        if char == word[0]:
            for place, wanted in enumerate(word[1:], 1):
                if at + place >= len(text) or text[at + place] != wanted:
                    shown = _quote_char(wanted)
                    context = f"in literal {word} (expecting {shown})"
                    raise _bad(text, at + place, context)
            return at + len(word)
    if char == "-" or char in "0123456789":
        return _number(text, at)
    raise _bad(text, at, "looking for beginning of value")


def _digits(text: str, at: int) -> int:
    while at < len(text) and text[at] in "0123456789":
        at += 1
    return at


def _number(text: str, at: int) -> int:
    if text[at] == "-":
        at += 1
        if at >= len(text) or text[at] not in "0123456789":
            raise _bad(text, at, "in numeric literal")
    at = at + 1 if text[at] == "0" else _digits(text, at)
    if at < len(text) and text[at] == ".":
        at += 1
        if at >= len(text) or text[at] not in "0123456789":
            raise _bad(text, at, "after decimal point in numeric literal")
        at = _digits(text, at)
    if at < len(text) and text[at] in "eE":
        at += 1
        if at < len(text) and text[at] in "+-":
            at += 1
        if at >= len(text) or text[at] not in "0123456789":
            raise _bad(text, at, "in exponent of numeric literal")
        at = _digits(text, at)
    return at


def member(data: bytes, *path: str) -> bytes | None:
    """Return the text of a member of a good JSON object, as it was spelled.

    None when it is not there.  Of members with one name the last counts.
    """
    text = data.decode("utf-8", "surrogateescape")
    start, end = _skip(text, 0), len(text)
    for name in path:
        found = _member(text, start, name)
        if found is None:
            return None
        start, end = found
    return text[start:end].strip(_SPACE).encode("utf-8", "surrogateescape")


# The standard library's scanner says where a good value ends, and is in C; numbers
# stay text, since those of any size are good here.
_SCAN: Final = json.JSONDecoder(parse_int=str, parse_float=str, strict=False)


def _end(text: str, at: int) -> int:
    """Return the end of a good value: quick, but where it is nested deep."""
    try:
        return _SCAN.raw_decode(text, at)[1]
    except (RecursionError, ValueError):
        return _value(text, at)


def _member(text: str, at: int, name: str) -> tuple[int, int] | None:
    if text[at : at + 1] != "{":
        return None
    found: tuple[int, int] | None = None
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key_end = _string(text, at)
        key = json.loads(text[at:key_end], strict=False)
        start = _key(text, at)
        end = _end(text, start)
        if key == name:
            found = start, end
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return found


def _int(text: str) -> int | float:
    if len(text) > 20:
        return float(text)
    number = int(text)
    return number if number in _INT64 else float(number)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JSONError(
            f"json: cannot unmarshal number {text} into Go value of type float64"
        )
    return value


def _finite_int(text: str) -> int | float:
    return _finite(text) if len(text) > 20 else _int(text)


def _constant(text: str) -> Any:
    raise JSONError(
        f"invalid character {_quote_char(text[0])} looking for beginning of value"
    )


_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _whole_runes(text: str) -> str:
    # Halves of a surrogate pair that stand alone become U+FFFD, as in Go.
    if _HALF.search(text) is None:
        return text
    return _ESCAPE.sub(lambda m: "\\ufffd" if m["half"] else m[0], text)


def decode(data: bytes, *, finite: bool = False) -> Any:
    """Return the value of a JSON text, or raise JSONError.

    A number beyond float64 is an infinity; JSONError where values are to be `finite`.
    """
    text = _whole_runes(data.decode("utf-8", "replace"))
    try:
        value = json.loads(
            text,
            parse_int=_finite_int if finite else _int,
            parse_float=_finite if finite else None,
            parse_constant=_constant,
            strict=True,
        )
    except RecursionError:
        raise JSONError("exceeded max depth") from None
    except JSONError:
        raise
    except ValueError as error:
        raise syntax_error(data) or JSONError(str(error)) from None
    return value


def whole_numbers(value: Any) -> Any:
    """Return a copy in which whole floats are integers, as Go's JSON spells them."""
    if isinstance(value, dict):
        return {name: whole_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole_numbers(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value
