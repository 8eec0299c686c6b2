"""`yaml.*`: YAML with the core schema of 1.2, as Go's yaml.v3 reads and prints it.

`yes` and `on` are strings, `012` is 10, dates are strings, keys become strings, a
repeated key keeps its last value, and only the first document is read.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

import yaml
from yaml.nodes import ScalarNode, SequenceNode

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.jsontext import json_number, key_text
from gatewright.engine.library.operands import INT64_MIN, string, utf8
from gatewright.engine.library.yaml_cursor import YamlFault
from gatewright.engine.library.yaml_nodes import compose
from gatewright.engine.library.yaml_tags import (
    BOOLS,
    NULL,
    OLD_BOOLS,
    SPECIAL,
    Instant,
    number,
)
from gatewright.engine.library.yaml_values import (
    MAX_DEPTH,
    GoMap,
    decode,
    key_name,
    show,
)
from gatewright.engine.library.yamlorder import in_order
from gatewright.engine.values import Number, Set, Value, is_object, number_text, pairs
from gatewright.rego.depth import deep

__all__ = ["go_float", "is_valid", "marshal", "read_yaml", "unmarshal", "write_yaml"]

_CORE: Final = "tag:yaml.org,2002:"
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[+-][0-9]{1,2}(?::?[0-9]{2})?))?)?"
)
_BREAKS: Final = re.compile("[\n\x85\u2028\u2029]+")
_NEXT_LINE: Final = re.compile(" *\x85[ \x85]*")
_BAD_BYTE: Final = re.compile("[\ud800-\udfff]")
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}")
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


def go_float(value: float) -> str:
    """Print a float as Go's encoding/json does."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = f"{value:.16e}".partition("e")
    power = int(exponent)
    tail = f"e+{power}" if power > 0 else f"e-{-power}"
    return mantissa.removesuffix(".0") + tail


def _short_float(value: float) -> str:
    """Print a float as Go's `%g` does: an exponent from a million on."""
    if value == 0:
        return go_float(value)
    digits = repr(value).partition("e")[0]
    power = Decimal(repr(value)).adjusted()
    if -4 <= power < 6:
        return f"{value!r}".removesuffix(".0")
    figures = digits.lstrip("-").replace(".", "").strip("0")
    mantissa = figures[0] + (f".{figures[1:]}" if len(figures) > 1 else "")
    sign = "-" if value < 0 else ""
    return f"{sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def read_yaml(text: str) -> Value:
    """Read the first document; BuiltinError says what is wrong with it.

    What comes after it must be YAML too, but for OPA 1.17.
    """
    old = older()
    try:
        node = compose(utf8(text), older=old)
    except YamlFault as fault:
        raise BuiltinError(fault.text(older=old)) from None
    if node is None:
        return None
    with deep(5 * MAX_DEPTH):
        return _plain_value(_named(decode(node, older=old), older=old))


def _named(value: Any, *, older: bool) -> Any:
    """Maps with strings for keys; BuiltinError for a key that has no name."""
    if isinstance(value, list):
        return [_named(item, older=older) for item in value]
    if not isinstance(value, GoMap):
        return value
    out = {}
    for key, entry in value:
        name = key_name(key, older=older)
        if name is None:
            raise BuiltinError(
                f"unsupported map key of type: {_type_of(key)}, key: {show(key)}, "
                f"value: {show(entry)}"
            )
        out[name] = _named(entry, older=older)
    return out


def _type_of(key: Any) -> str:
    if key is None:
        return "%!s(<nil>)"
    return "uint64" if isinstance(key, int) else "time.Time"


def _plain_value(value: Any) -> Value:
    """By way of JSON, which has no infinity and no bytes that are no UTF-8."""
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return {_clean(name): _plain_value(value[name]) for name in sorted(value)}
    if isinstance(value, float):
        if not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else f"{value:+}".title()
            raise BuiltinError(f"json: unsupported value: {shown}")
        shown = go_float(value)
        whole = shown.lstrip("-").isdigit() and shown != "-0"
        return int(shown) if whole else Number(shown)
    if isinstance(value, Instant):
        return value.text
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    return _BAD_BYTE.sub("\ufffd", text)


def unmarshal(value: Value) -> Value:
    """Read YAML."""
    return read_yaml(string(value, 1))


def is_valid(value: Value) -> bool:
    """Tell whether the operand is a string that can be read."""
    if not isinstance(value, str):
        return False
    try:
        read_yaml(value)
    except BuiltinError:
        return False
    return True


class _Dumper(yaml.SafeDumper):
    """Sequences are indented below their key; nothing is folded."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)

    def check_simple_key(self) -> bool:
        """Admit the empty key too."""
        event = self.event
        empty = isinstance(event, yaml.ScalarEvent) and not event.value
        return empty or bool(super().check_simple_key())

    def analyze_scalar(self, scalar: str) -> Any:
        """Beyond the first plane nothing is printable."""
        analysis = super().analyze_scalar(scalar)
        if any(char > "\uffff" for char in scalar):
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True

    _left_out = 0

    def write_single_quoted(self, text: str, split: bool = True) -> None:
        """Indent after a line break only if something follows it, as Go does."""
        breaks = list(_BREAKS.finditer(text))
        if breaks and breaks[-1].end() == len(text):
            self._left_out = len(breaks)
        super().write_single_quoted(text, split)
        self._left_out = 0

    def write_indent(self) -> None:
        """Leave out the last of the indents that follow breaks."""
        self._left_out -= 1
        if self._left_out != 0:
            super().write_indent()


class _OlderDumper(_Dumper):
    """As OPA 1.17 prints: sequences stand below their key, long lines are folded."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        yaml.SafeDumper.increase_indent(self, flow, indentless)


class _Text(str):
    __slots__ = ()


class _Digits(str):
    __slots__ = ()


def _needs_quotes(text: str) -> bool:
    """A plain scalar of this text would be read as something else."""
    return (
        text in NULL
        or text in BOOLS
        or text in OLD_BOOLS
        or bool(SPECIAL.fullmatch(text) or _BASE60.fullmatch(text))
        or bool(_TIME.fullmatch(text))
        or number(text) is not None
    )


def _represent_text(dumper: yaml.SafeDumper, text: _Text) -> ScalarNode:
    style = None
    if _needs_quotes(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar(_CORE + "str", str(text), style=style)


def _represent_digits(dumper: yaml.SafeDumper, text: _Digits) -> ScalarNode:
    # Never quoted, even one that reads as a string: beyond float64
    tag = _resolve(dumper, ScalarNode, text, (True, False))
    return dumper.represent_scalar(tag, str(text))


_Dumper.add_representer(_Text, _represent_text)
_Dumper.add_representer(_Digits, _represent_digits)
_Dumper.yaml_implicit_resolvers = {}


def _resolve(self: Any, kind: type, value: str, implicit: tuple[bool, bool]) -> str:
    del self
    if kind is not ScalarNode:
        return _CORE + ("seq" if kind is SequenceNode else "map")
    if not implicit[0]:
        return _CORE + "str"
    if value in NULL:
        return _CORE + "null"
    if value in BOOLS:
        return _CORE + "bool"
    if number(value) is None:
        return _CORE + "str"
    return _CORE + ("float" if any(c in value for c in ".eE") else "int")


_Dumper.resolve = _resolve  # type: ignore[method-assign]


def _fold(found: re.Match[str]) -> str:
    """OPA reads its own JSON as YAML, to which a bare U+0085 is a line break."""
    return "\n" * (found[0].count("\x85") - 1) or " "


def _check_number(text: str, prefix: str) -> None:
    if json_number(text) != text:
        raise BuiltinError(f"{prefix}json: invalid number literal {quote(text)}")


def _printable(value: Value) -> Any:
    charge(240 * LINE)
    if isinstance(value, str):
        clean = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return _Text(_NEXT_LINE.sub(_fold, clean) if "\x85" in clean else clean)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, Number)):
        text = number_text(value)
        _check_number(text, "error marshaling into JSON: ")
        if _WHOLE.fullmatch(text) and INT64_MIN <= int(text) < 1 << 64:
            return _Digits(str(int(text)))
        try:
            near = float(value)
        except OverflowError:
            near = math.inf
        return _Digits(text if math.isinf(near) else _short_float(near))
    if isinstance(value, (list, Set)):
        items = value if isinstance(value, list) else value.items
        return [_printable(item) for item in items]
    assert is_object(value)
    entries = {}
    for key, entry in pairs(value):
        if isinstance(key, Number):
            _check_number(key.text, "")
        entries[key_text(key)] = entry
    return {
        _Text(key): _printable(entries[key]) for key in sorted(entries, key=in_order)
    }


def write_yaml(value: Value) -> str:
    """Print YAML with keys in the order of Go's library."""
    text: str = yaml.dump(
        _printable(value),
        Dumper=_OlderDumper if older() else _Dumper,
        default_flow_style=False,
        allow_unicode=True,
        width=80 if older() else float("inf"),
        sort_keys=False,
    )
    return text.removesuffix("...\n")


def marshal(value: Value) -> str:
    """Print a value as YAML."""
    return write_yaml(value)
