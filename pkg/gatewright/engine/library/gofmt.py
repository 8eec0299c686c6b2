"""Go's fmt over what a template holds: Sprint, Sprintln, Sprintf.

Values: None (nil), bool, int, `Byte`, float, complex, str, `Digits` (json.Number),
list of any, dict of str and any, `Fault` (an error). One number or string under one verb is printed by the
compiled `sprintf`; here are the types' names, wholes made of parts, and formats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from gatewright._native.core import call_builtin
from gatewright.engine.library.budget import charge, reserve
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.values import Number

__all__ = [
    "Byte",
    "Digits",
    "Fault",
    "is_text",
    "printed",
    "sprint",
    "sprintf",
    "type_of",
]

#: Go's limit of a width, a precision, an index.
MAX_FIELD: Final = 1_000_000
_TYPES: Final[tuple[tuple[type, str], ...]] = (
    (bool, "bool"),
    (float, "float64"),
    (complex, "complex128"),
    (list, "[]interface {}"),
    (dict, "map[string]interface {}"),
)
_INT_VERBS: Final = frozenset("vdboOxXcqU")
_FLOAT_VERBS: Final = frozenset("vbgGxXfFeE")
_TEXT_VERBS: Final = frozenset("vsxXq")


class Digits(str):
    """A number of the input: Go has its text, of type json.Number."""

    __slots__ = ()


class Fault(str):
    """An error: Go has its text, of type *errors.errorString."""

    __slots__ = ()


class Byte(int):
    """A byte of a string, of type uint8."""


@dataclass(frozen=True, slots=True)
class _Flags:
    """Flags of a verb; `go`: `%#v`, which is another thing than `#`."""

    marks: str = ""
    width: int | None = None
    precision: int | None = None
    go: bool = False

    def text(self, verb: str, *, marks: str | None = None) -> str:
        shown = self.marks if marks is None else marks
        width = "" if self.width is None else str(self.width)
        precision = "" if self.precision is None else f".{self.precision}"
        return f"%{shown}{width}{precision}{verb}"


_PLAIN: Final = _Flags()


def type_of(value: Any) -> str:
    """Go's name of a value's type."""
    if isinstance(value, str):
        if isinstance(value, Fault):
            return "*errors.errorString"
        return "json.Number" if isinstance(value, Digits) else "string"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "uint8" if isinstance(value, Byte) else "int"


def is_text(value: Any) -> bool:
    """Is it of kind string?  Numbers of the input are."""
    return isinstance(value, str)


def printed(value: Any, verb: str = "v") -> str:
    """Print as `%v`, or by another verb without flags."""
    return _print(value, verb, _PLAIN)


def sprint(values: list[Any], *, line: bool = False) -> str:
    """Print one behind the other; `line`: spaces between all, and an end of line."""
    out: list[str] = []
    for at, value in enumerate(values):
        if at and (line or not (is_text(value) or is_text(values[at - 1]))):
            out.append(" ")
        out.append(printed(value))
    return "".join(out) + ("\n" if line else "")


def _native(form: str, value: Any) -> str:
    text: str = call_builtin("sprintf", form, [value])
    charge(len(text) >> 3)
    return text


def _bad(value: Any, verb: str, flags: _Flags) -> str:
    if value is None:
        return f"%!{verb}(<nil>)"
    return f"%!{verb}({type_of(value)}={_print(value, 'v', flags)})"


def _print(value: Any, verb: str, flags: _Flags) -> str:
    """One operand under one verb."""
    if value is None:
        if verb not in "vT":
            return _bad(value, verb, flags)
        return _native(replace(flags, precision=None).text("s"), "<nil>")
    if verb == "T":
        return _native(flags.text("s"), type_of(value))
    if isinstance(value, list | dict):
        if verb == "p":
            # Go tells an address in memory.
            raise BuiltinError("template: %p of a map or slice is not supported")
        if verb == "w":
            return _bad(value, verb, flags)
        return _whole(value, verb, flags)
    if isinstance(value, Fault):
        return _fault(str(value), verb, flags)
    return _scalar(value, verb, flags)


def _fault(text: str, verb: str, flags: _Flags) -> str:
    """An error as Errorf has it: its text, else what it is made of."""
    if verb in "vw" and flags.go:
        return f"&errors.errorString{{s:{_scalar(text, 'v', flags)}}}"
    if verb in _TEXT_VERBS or verb == "w":
        return _scalar(text, "v" if verb == "w" else verb, flags)
    return f"&{{{_scalar(text, verb, flags)}}}"


def _inner(value: Any, verb: str, flags: _Flags) -> str:
    """A part of a whole."""
    if value is None:
        return "interface {}(nil)" if flags.go else "<nil>"
    if isinstance(value, list | dict):
        return _whole(value, verb, flags)
    return _scalar(value, verb, flags)


def _whole(value: list[Any] | dict[str, Any], verb: str, flags: _Flags) -> str:
    charge(len(value))
    if isinstance(value, list):
        parts = [_inner(item, verb, flags) for item in value]
    else:
        parts = [
            f"{_inner(key, verb, flags)}:{_inner(value[key], verb, flags)}"
            for key in sorted(value)
        ]
    if flags.go:
        return f"{type_of(value)}{{{', '.join(parts)}}}"
    head = "" if isinstance(value, list) else "map"
    return f"{head}[{' '.join(parts)}]"


def _scalar(value: Any, verb: str, flags: _Flags) -> str:
    if isinstance(value, str):
        if verb not in _TEXT_VERBS:
            return _bad(value, verb, flags)
        if verb == "v":
            form = "%#v" if flags.go else "%s"
            verb, marks = form[-1], flags.marks + form[1:-1]
            return _native(flags.text(verb, marks=marks), str(value))
        return _native(flags.text(verb), str(value))
    if isinstance(value, bool):
        if verb not in "tv":
            return _bad(value, verb, flags)
        text = "true" if value else "false"
        return _native(replace(flags, precision=None).text("s"), text)
    if isinstance(value, float):
        return _float(value, verb, flags)
    if isinstance(value, complex):
        if verb not in _FLOAT_VERBS:
            return _bad(value, verb, flags)
        real = _float(value.real, verb, flags)
        signed = replace(flags, marks=flags.marks + "+")
        return f"({real}{_float(value.imag, verb, signed)}i)"
    if verb not in _INT_VERBS:
        return _bad(value, verb, flags)
    if verb == "v":
        go = flags.go and isinstance(value, Byte)
        verb = "x" if go else "d"
        return _native(flags.text(verb, marks=flags.marks + "#" * go), int(value))
    return _native(flags.text(verb), int(value))


def _float(value: float, verb: str, flags: _Flags) -> str:
    if verb not in _FLOAT_VERBS:
        return _bad(value, verb, flags)
    verb = "g" if verb == "v" else verb
    # With an exponent the text is read as a float in any case.
    text = repr(value)
    if "e" not in text and "." not in text:
        text += ".0"
    if value == 0 and math.copysign(1, value) < 0:
        text = "-0.0"
    return _native(flags.text(verb), Number(text))


class _Format:
    """One format on its way."""

    def __init__(self, text: str, args: list[Any]) -> None:
        self.text = text
        self.args = args
        self.at = self.next = 0
        self.reordered = False
        self.good = True

    def run(self) -> str:
        out: list[str] = []
        size = 0
        while self.at < len(self.text):
            start = self.text.find("%", self.at)
            if start < 0:
                out.append(self.text[self.at :])
                break
            out.append(self.text[self.at : start])
            self.at = start + 1
            out += self.verb()
            size += len(out[-1])
            reserve(size)
        if not self.reordered and self.next < len(self.args):
            rest = self.args[self.next :]
            shown = ", ".join(
                "<nil>" if one is None else f"{type_of(one)}={printed(one)}"
                for one in rest
            )
            out.append(f"%!(EXTRA {shown})")
        return "".join(out)

    def char(self) -> str:
        return self.text[self.at : self.at + 1]

    def verb(self) -> list[str]:
        self.good = True
        out: list[str] = []
        start = self.at
        while self.char() and self.char() in "#0+- ":
            self.at += 1
        marks = self.text[start : self.at]
        indexed = self.index()
        width = self.star(out, "%!(BADWIDTH)")
        if width is not None and width < 0:
            width, marks = -width, marks.replace("0", "") + "-"
        if self.starred:
            indexed = False
        else:
            width = self.number()
            if indexed and width is not None:
                self.good = False
        precision = None
        if self.char() == "." and self.at + 1 < len(self.text):
            self.at += 1
            if indexed:
                self.good = False
            indexed = self.index()
            precision = self.star(out, "%!(BADPREC)")
            if self.starred:
                indexed = False
                if precision is not None and precision < 0:
                    precision = None
                    out.append("%!(BADPREC)")
            else:
                precision = self.number() or 0
        if not indexed:
            self.index()
        verb = self.char()
        self.at += 1
        if not verb:
            return [*out, "%!(NOVERB)"]
        if verb == "%":
            return [*out, "%"]
        shown = "\ufffd" if "\udc80" <= verb <= "\udcff" else verb
        if not self.good:
            return [*out, f"%!{shown}(BADINDEX)"]
        if self.next >= len(self.args):
            return [*out, f"%!{shown}(MISSING)"]
        flags = _Flags("".join(sorted(set(marks))), width, precision)
        if verb in "vw":
            go = "#" in marks
            kept = flags.marks.replace("#", "").replace("+", "")
            flags = replace(flags, marks=kept, go=go)
        self.next += 1
        return [*out, _print(self.args[self.next - 1], shown, flags)]

    starred = False

    def star(self, out: list[str], fault: str) -> int | None:
        """The operand that `*` takes."""
        self.starred = self.char() == "*"
        if not self.starred:
            return None
        self.at += 1
        if self.next < len(self.args):
            value = self.args[self.next]
            self.next += 1
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole and -MAX_FIELD <= value <= MAX_FIELD:
                return int(value)
        out.append(fault)
        return None

    def number(self, end: int | None = None) -> int | None:
        """Digits; too large a number counts as none, and ends the format."""
        end = len(self.text) if end is None else end
        start, value = self.at, 0
        while self.at < end and "0" <= self.text[self.at] <= "9":
            if value > MAX_FIELD:
                self.at = end
                return None
            value = value * 10 + int(self.text[self.at])
            self.at += 1
        return value if self.at > start else None

    def index(self) -> bool:
        """`[n]`: which operand is next; tells whether it was one."""
        if self.char() != "[":
            return False
        self.reordered = True
        close = self.text.find("]", self.at + 1)
        size = len(self.text[self.at :].encode("utf-8", "surrogateescape"))
        if close < 0 or size < 3:
            self.good = False
            self.at += 1
            return False
        self.at += 1
        value = self.number(close)
        read = value is not None and self.at == close
        self.at = close + 1
        if not read:
            self.good = False
            return False
        assert value is not None
        if 1 <= value <= len(self.args):
            self.next = value - 1
        else:
            self.good = False
        return True


def sprintf(text: str, args: list[Any]) -> str:
    """Print by a format."""
    return _Format(text, args).run()
