"""`yaml.*`: YAML with the core schema of 1.2, as Go's yaml.v3 reads and prints it.

`yes` and `on` are strings, `012` is 10, dates are strings, keys become strings, a
repeated key keeps its last value, and only the first document is read.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.jsontext import dump, json_number, key_text
from gatewright.engine.library.operands import INT64_MIN, string, utf8
from gatewright.engine.library.yaml_cursor import YamlFault
from gatewright.engine.library.yaml_nodes import compose
from gatewright.engine.library.yaml_printer import Scalar, print_yaml
from gatewright.engine.library.yaml_tags import OLD_BOOLS, Instant, resolve
from gatewright.engine.library.yaml_values import (
    MAX_DEPTH,
    GoMap,
    decode,
    key_name,
    show,
)
from gatewright.engine.library.yamlorder import in_older_order, in_order
from gatewright.engine.values import Number, Set, Value, is_object, number_text, pairs
from gatewright.rego.depth import deep

__all__ = ["go_float", "is_valid", "marshal", "read_yaml", "unmarshal", "write_yaml"]

#: In JSON, what Go's library does not read, or folds.
_ODD: Final = re.compile("[\x7f-\x9f\ufffe\uffff]")
#: In JSON longer keys are none.
_SHORT_KEY: Final = 160
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
    with deep(5 * MAX_DEPTH):
        return _plain_value(_read(text, older=older()))


def _read(text: str, *, older: bool) -> Any:
    """The first document, with floats and Instants."""
    try:
        node = compose(utf8(text), older=older)
    except YamlFault as fault:
        raise BuiltinError(fault.text(older=older)) from None
    if node is None:
        return None
    return _named(decode(node, older=older), older=older)


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


def _check_number(text: str, prefix: str) -> None:
    if json_number(text) != text:
        raise BuiltinError(f"{prefix}json: invalid number literal {quote(text)}")


def _needs_quotes(text: str, *, older: bool) -> bool:
    """Tell whether a plain scalar of this text would be read as something else."""
    return (
        bool(_BASE60.fullmatch(text))
        or text in OLD_BOOLS
        or resolve("", text, older=older)[0] != "!!str"
    )


class _Tree:
    """A value as the printer wants it, by way of JSON, which OPA reads as YAML."""

    def __init__(self, *, older: bool) -> None:
        self.older = older
        self.odd = False  # the JSON of it is no YAML, or not the same

    def value(self, value: Value) -> Any:
        charge(120 * LINE)
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return Scalar(dump(value))
        if isinstance(value, float):
            return Scalar(_short_float(value))
        if isinstance(value, (int, Number)):
            return Scalar(self.number(value))
        if isinstance(value, (list, Set)):
            items = value if isinstance(value, list) else value.items
            return [self.value(item) for item in items]
        assert is_object(value)
        entries = {}
        for key, entry in pairs(value):
            if isinstance(key, Number):
                _check_number(key.text, "")
            name = key_text(key)
            self.odd = self.odd or len(name) > _SHORT_KEY
            entries[name] = entry
        order = in_older_order if self.older else in_order
        return {
            self.text(key): self.value(entries[key])
            for key in sorted(entries, key=order)
        }

    def text(self, text: str) -> Scalar:
        clean = _clean(text)
        self.odd = self.odd or _ODD.search(clean) is not None
        return Scalar(clean, _needs_quotes(clean, older=self.older))

    def number(self, value: Value) -> str:
        text = number_text(value)
        _check_number(text, "error marshaling into JSON: ")
        if _WHOLE.fullmatch(text) and INT64_MIN <= int(text) < 1 << 64:
            return str(int(text))
        try:
            near = float(value)
        except OverflowError:
            near = math.inf
        # Beyond float64 it stays as it is, for it reads as a string
        return text if math.isinf(near) else _short_float(near)


def write_yaml(value: Value) -> str:
    """Print YAML with keys in the order of Go's library.

    BuiltinError where the JSON of a value is no YAML.
    """
    old = older()
    tree = _Tree(older=old)
    shown = tree.value(value)
    if tree.odd:
        shown = tree.value(_read(dump(value), older=old))
    return print_yaml(shown, older=old)


def marshal(value: Value) -> str:
    """Print a value as YAML."""
    return write_yaml(value)
