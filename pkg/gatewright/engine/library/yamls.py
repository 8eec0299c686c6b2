"""`yaml.*`: YAML with the core schema of 1.2, as Go's yaml.v3 reads and prints it.

`yes` and `on` are strings, `012` is 10, dates are strings, keys become strings, a
repeated key keeps its last value, and only the first document is read.
"""

from __future__ import annotations

import base64
import math
import re
from decimal import Decimal
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatewright.engine.library.budget import LINE, charge, older
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.jsontext import json_number, key_text
from gatewright.engine.library.operands import INT64_MIN, string, utf8
from gatewright.engine.library.yamlorder import in_order
from gatewright.engine.values import Number, Set, Value, is_object, number_text, pairs
from gatewright.rego.annotation_yaml import nests_too_deep

__all__ = ["go_float", "is_valid", "marshal", "read_yaml", "unmarshal", "write_yaml"]

#: Nodes that a document may have once its aliases are followed.
MAX_NODES: Final = 1_000_000
MAX_DEPTH: Final = 500
_CORE: Final = "tag:yaml.org,2002:"
_IMPLICIT: Final = "implicit"
_NULL: Final = frozenset(["", "~", "null", "Null", "NULL"])
_BOOLS: Final = {
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
#: What YAML 1.1 readers, OPA 1.17 among them, take for booleans; quoted for them when
#: printed.
_OLD_BOOLS: Final = {
    word: base in ("y", "yes", "on")
    for base in ("y", "n", "yes", "no", "on", "off")
    for word in (base, base.capitalize(), base.upper())
}
_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)"
)
_FLOAT: Final = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
#: A `_` that is not between digits.
_LOOSE: Final = re.compile("(?<![0-9])_|_(?![0-9])")
_SPECIAL: Final = re.compile(r"[+-]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[+-][0-9]{1,2}(?::?[0-9]{2})?))?)?"
)
_BREAKS: Final = re.compile("[\n\x85\u2028\u2029]+")
_NEXT_LINE: Final = re.compile(" *\x85[ \x85]*")
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}")
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def go_float(value: float) -> str:
    """Print a float as Go's encoding/json does."""
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    size = abs(value)
    digits = repr(value)
    if 1e-6 <= size < 1e21:
        if "e" in digits:
            digits = f"{value:.{30 if size < 1 else 0}f}"
            shortest = repr(value).partition("e")[0].replace(".", "").lstrip("-")
            if size < 1:
                zeros = -int(repr(value).partition("e")[2]) - 1
                sign = "-" if value < 0 else ""
                return f"{sign}0.{'0' * zeros}{shortest}"
        return digits.removesuffix(".0")
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


def _number(text: str) -> Value:
    """Read a plain scalar as a number; None when it is none.

    Go's library drops `_` wherever it stands, but from what begins with a point.
    """
    if text[:1] == "_" or (text[:1] == "." and _LOOSE.search(text)):
        return None
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        body = plain.lstrip("+-")
        lowered = body.lower()
        base = {"0x": 16, "0b": 2, "0o": 8}.get(lowered[:2])
        if base:
            found = int(body[2:], base)
        elif len(body) > 1 and body[0] == "0":
            found = int(body, 8)
        elif len(body) > 20:
            found = 1 << 64
        else:
            found = int(body)
        found = -found if plain[0] == "-" else found
        if INT64_MIN <= found < 1 << 64:
            return found
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        if math.isinf(value):
            return None
        shown = go_float(value)
        whole = shown.lstrip("-").isdigit() and shown != "-0"
        return int(shown) if whole else Number(shown)
    return None


def _plain(text: str) -> Value:
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text in _OLD_BOOLS and older():
        return _OLD_BOOLS[text]
    if _SPECIAL.fullmatch(text):
        shown = "NaN" if "n" in text.lower()[-1:] else "Inf"
        sign = "" if shown == "NaN" else "-" if text[0] == "-" else "+"
        raise BuiltinError(f"json: unsupported value: {sign}{shown}")
    number = _number(text)
    return text if number is None else number


class _Reader:
    def __init__(self) -> None:
        self.nodes = 0

    def value(self, node: Node, depth: int = 0) -> Value:
        self.nodes += 1
        charge(16 * LINE)
        if self.nodes > MAX_NODES:
            raise BuiltinError("yaml: document contains excessive aliasing")
        if depth > MAX_DEPTH:
            raise BuiltinError("yaml: exceeded max depth")
        if isinstance(node, ScalarNode):
            return self.scalar(node)
        if isinstance(node, SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        assert isinstance(node, MappingNode)
        out: dict[str, Value] = {}
        merged: list[Node] = []
        for key, entry in node.value:
            if _is_merge(key):
                merged += entry.value if isinstance(entry, SequenceNode) else [entry]
                continue
            out[self.key(key, entry)] = self.value(entry, depth + 1)
        for source in merged:
            found = self.value(source, depth + 1)
            if not isinstance(found, dict):
                raise BuiltinError("yaml: map merge requires map or sequence of maps")
            out = {**found, **out}
        return out

    def scalar(self, node: ScalarNode) -> Value:
        tag = node.tag.removeprefix(_CORE)
        text: str = node.value
        if tag == "binary":
            return base64.b64decode(text).decode("utf-8", "surrogateescape")
        return _plain(text) if tag in _RESOLVED else text

    def key(self, node: Node, entry: Node) -> str:
        if not isinstance(node, ScalarNode):
            shown = ", ".join(
                quote(item.value) for item in node.value if isinstance(item, ScalarNode)
            )
            raise BuiltinError(f"yaml: invalid map key: []interface {{}}{{{shown}}}")
        key = self.scalar(node)
        if key is None:
            shown = quote(entry.value) if isinstance(entry, ScalarNode) else "map[]"
            raise BuiltinError(
                f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}"
            )
        if isinstance(key, bool):
            return "true" if key else "false"
        return key if isinstance(key, str) else key_text(key)


_RESOLVED: Final = frozenset([_IMPLICIT, "null", "bool", "int", "float"])


def _is_merge(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value == "<<" and not node.style


class _CoreLoader(_Loader):  # type: ignore[misc]
    """The loader that leaves plain scalars to `_plain`."""

    def resolve(
        self, kind: type[Node], value: str, implicit: tuple[bool, bool] | bool
    ) -> str:
        """Return the tag of a node that has none."""
        del value
        if kind is ScalarNode:
            plain = isinstance(implicit, tuple) and implicit[0]
            return _IMPLICIT if plain else _CORE + "str"
        return _CORE + ("seq" if kind is SequenceNode else "map")


def read_yaml(text: str) -> Value:
    """Read the first document; BuiltinError says what is wrong with it.

    What comes after it must be YAML too.
    """
    # A node of libyaml's takes some 4 us, and is known when it is there
    charge(40 * LINE * sum(map(text.count, "\n,:[{")))
    if nests_too_deep(text):
        raise BuiltinError("yaml: exceeded max depth of 10000")
    loader = None
    try:
        loader = _CoreLoader(utf8(text))
        node = loader.get_node() if loader.check_node() else None
        while loader.check_node():
            loader.get_node()
        if node is None:
            return None
        return _Reader().value(node)
    except yaml.MarkedYAMLError as error:
        raise BuiltinError(_message(error, text)) from None
    except yaml.reader.ReaderError as error:
        raise BuiltinError(f"yaml: {error.reason}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise BuiltinError(f"yaml: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()


def _message(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = (error.problem or "").strip()
    mark = error.problem_mark
    if problem.startswith("found undefined alias") and mark is not None:
        name = re.match(r"[^\s,\[\]{}]*", text[mark.index + 1 :])
        return f"yaml: unknown anchor '{name[0] if name else ''}' referenced"
    line = 0
    for place in (error.context_mark, mark):
        if place is not None and place.line:
            line = place.line + isinstance(error, yaml.scanner.ScannerError)
            break
    shown = f"line {line}: " if line else ""
    return f"yaml: {shown}{problem}"


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
        text in _NULL
        or text in _BOOLS
        or text in _OLD_BOOLS
        or bool(_SPECIAL.fullmatch(text) or _BASE60.fullmatch(text))
        or bool(_TIME.fullmatch(text))
        or _number(text) is not None
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
    if value in _NULL:
        return _CORE + "null"
    if value in _BOOLS:
        return _CORE + "bool"
    number = _number(value)
    if number is None:
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
