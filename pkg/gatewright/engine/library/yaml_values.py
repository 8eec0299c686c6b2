"""Nodes of YAML as values, by way of Go's values, which say what is wrong with keys.

A mapping becomes a map of strings where all its keys are strings, else one of
anything; keys become strings later.  Repeated keys keep their last value, though what
has no name in JSON must not be repeated.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, Final

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gofmt import printed, sprintf
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.layouts import MONTHS
from gatewright.engine.library.yaml_nodes import Node
from gatewright.engine.library.yaml_tags import Instant, resolve

__all__ = ["MAX_DEPTH", "GoMap", "decode", "key_name", "show"]

#: Values nest so deep; a reader takes up to four frames for each.
MAX_DEPTH: Final = 500
#: Counts of nodes between which the library allows ever fewer to come by aliases.
_FEW: Final = 400_000
_MANY: Final = 4_000_000
_NO_MAP: Final = "yaml: map merge requires map or sequence of maps as the value"


class GoMap:
    """A map of Go: by type and value of its keys."""

    __slots__ = ("entries", "general")

    def __init__(self, *, general: bool) -> None:
        self.general = general
        self.entries: dict[tuple[type, Any], Any] = {}

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return ((key, entry) for (_, key), entry in self.entries.items())


class _Skipped:
    """What is no value: a mistake was noted, or a key of a merged map is null."""


_SKIPPED: Final = _Skipped()


def decode(node: Node, *, older: bool) -> Any:
    """Return None, bool, int, float, str, Instant, list or GoMap.

    BuiltinError for what does not fit together, and beyond `MAX_DEPTH`.  The caller
    has Python recurse deep enough.
    """
    decoder = _Decoder(older=older)
    value = decoder.read(node, 0)
    if decoder.mistakes:
        lines = "\n  ".join(decoder.mistakes)
        raise BuiltinError(f"yaml: unmarshal errors:\n  {lines}")
    return value


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    return zip(node.items[::2], node.items[1::2], strict=True)


class _Decoder:
    def __init__(self, *, older: bool) -> None:
        self.older = older
        self.mistakes: list[str] = []
        self.count = 1  # the document itself
        self.by_alias = self.aliases = 0
        self.active: set[Node] = set()
        #: Keys that a merged map must not set; None outside of one.
        self.taken: set[tuple[type, Any]] | None = None

    def read(self, node: Node, depth: int, into: GoMap | str | None = None) -> Any:
        """The value of a node; `into`: the map that it is merged into, or the type
        that is wanted (`string`)."""
        charge(24 * LINE)
        self.check(depth)
        if node.kind == "alias":
            return self.alias(node, depth, into)
        if node.kind == "scalar":
            return self.scalar(node, text=into == "string")
        if into == "string":
            return self.mismatch(node)
        if node.kind == "sequence":
            # No generator, which takes of the C stack
            items = []
            for item in node.items:
                value = self.read(item, depth + 1)
                if value is not _SKIPPED:
                    items.append(value)
            return items
        assert not isinstance(into, str)
        return self.mapping(node, depth, into)

    def check(self, depth: int) -> None:
        self.count += 1
        self.by_alias += self.aliases > 0
        if depth > MAX_DEPTH:
            raise BuiltinError("yaml: exceeded max depth")
        if self.by_alias > 100 and self.count > 1000:
            beyond = min(max(self.count - _FEW, 0) / (_MANY - _FEW), 1)
            if self.by_alias / self.count > 0.99 - 0.89 * beyond:
                raise BuiltinError("yaml: document contains excessive aliasing")

    def alias(self, node: Node, depth: int, into: GoMap | str | None) -> Any:
        assert node.target is not None
        if node in self.active:
            raise BuiltinError(f"yaml: anchor '{node.text}' value contains itself")
        self.active.add(node)
        self.aliases += 1
        value = self.read(node.target, depth + 1, into)
        self.aliases -= 1
        self.active.discard(node)
        return value

    def scalar(self, node: Node, *, text: bool) -> Any:
        tag, value = resolve(node.tag, node.text, older=self.older)
        if text and value is None:
            return _SKIPPED
        if tag == "!!timestamp" and (self.older or not node.tagged):
            return node.text
        return node.text if text and tag != "!!binary" else value

    def mismatch(self, node: Node) -> _Skipped:
        shown = "" if node.tag in ("!!seq", "!!map") else " ``"
        self.mistakes.append(
            f"line {node.line + 1}: cannot unmarshal {node.tag}{shown} into string"
        )
        return _SKIPPED

    # Mappings

    def mapping(self, node: Node, depth: int, into: GoMap | None) -> Any:
        if not self.older and self.repeats(node):
            return _SKIPPED
        out = into
        if out is None:
            out = GoMap(general=self.older or not _all_strings(node))
        taken, self.taken = self.taken, None
        merged: Node | None = None
        for key, entry in _pairs(node):
            if self.is_merge(key):
                if self.older:
                    self.merge_older(entry, depth, out)
                merged = entry
                continue
            name = self.read(key, depth + 1, None if out.general else "string")
            if name is _SKIPPED or (taken is not None and not _take(taken, name)):
                continue
            if isinstance(name, list | GoMap):
                raise BuiltinError(f"yaml: invalid map key: {show(name)}")
            value = self.read(entry, depth + 1)
            if value is not _SKIPPED:
                out.entries[type(name), name] = value
        self.taken = taken
        if merged is not None and not self.older:
            self.merge(node, merged, depth, out)
        return out

    def is_merge(self, key: Node) -> bool:
        return key.kind == "scalar" and key.text == "<<" and key.tag == "!!merge"

    def repeats(self, node: Node) -> bool:
        """Note keys that are there twice, once those that JSON can name are one."""
        if not node.settled:
            node.items = _without_repeats(_one_merge(node.items), older=self.older)
            node.settled = True
        keys = node.items[::2]
        if len({(key.kind, key.text) for key in keys}) == len(keys):
            return False
        for at, first in enumerate(keys):
            charge(LINE * len(keys))
            for again in keys[at + 1 :]:
                if (first.kind, first.text) == (again.kind, again.text):
                    self.mistakes.append(
                        f"line {again.line + 1}: mapping key {quote(again.text)} "
                        f"already defined at line {first.line + 1}"
                    )
        return True

    def merge(self, parent: Node, source: Node, depth: int, out: GoMap) -> None:
        """Set what the parent's own keys, and maps merged before, have not set."""
        kept = self.taken
        if kept is None:
            self.taken = set()
            for key, _ in _pairs(parent):
                name = self.read(key, depth + 1)
                if name is not _SKIPPED:
                    _take(self.taken, name)
        for one in _maps(source):
            self.read(one, depth + 1, out)
        self.taken = kept

    def merge_older(self, source: Node, depth: int, out: GoMap) -> None:
        """Set all, in turn; of several maps the first has the last word."""
        many = source.kind == "sequence"
        for one in reversed(source.items) if many else [source]:
            for checked in _maps(one, within=many):
                self.read(checked, depth + 1, out)


def _maps(source: Node, *, within: bool = False) -> Iterator[Node]:
    """The mappings to merge, one by one; BuiltinError at what is none."""
    if source.kind == "sequence" and not within:
        for item in source.items:
            yield from _maps(item, within=True)
        return
    target = source.target if source.kind == "alias" else source
    if target is None or target.kind != "mapping":
        raise BuiltinError(_NO_MAP)
    yield source


def _take(taken: set[tuple[type, Any]], name: Any) -> bool:
    """Note a key; False when it was noted before."""
    if isinstance(name, list | GoMap):
        kind = show(name).partition("{}{")[0] + "{}"
        raise BuiltinError(f"yaml: runtime error: hash of unhashable type {kind}")
    size = len(taken)
    taken.add((type(name), name))
    return len(taken) > size


def _all_strings(node: Node) -> bool:
    return all(_tag_of(key) in ("!!str", "!!merge") for key in node.items[::2])


def _tag_of(node: Node) -> str:
    while node.kind == "alias" and node.target is not None:
        node = node.target
    if node.kind != "scalar" or node.tag:
        return node.tag
    tag, _ = resolve("", node.text, older=False)
    return "!!str" if tag == "!!timestamp" else tag


def _one_merge(items: list[Node]) -> list[Node]:
    """Make of several `<<` one with all their maps."""
    merged: list[Node] = []
    keys = [at for at in range(0, len(items), 2) if _names_merge(items[at])]
    for at in keys:
        value = items[at + 1]
        merged += value.items if value.kind == "sequence" else [value]
    if len(merged) < 2:
        return items
    out: list[Node] = []
    for at in range(0, len(items), 2):
        if at == keys[0]:
            sequence = Node("sequence", items[at].line, "!!seq", items=merged)
            out += (items[at], sequence)
        elif at not in keys:
            out += items[at : at + 2]
    return out


def _names_merge(key: Node) -> bool:
    return key.kind == "scalar" and key.tag == "!!merge"


def _without_repeats(items: list[Node], *, older: bool) -> list[Node]:
    """Keep the last value of each key, where the first one stood."""
    places: dict[str, int] = {}
    out: list[Node] = []
    for key, value in zip(items[::2], items[1::2], strict=True):
        name = None if _names_merge(key) else _name_of(key, older=older)
        if name is not None and name in places:
            out[places[name]] = value
            continue
        if name is not None:
            places[name] = len(out) + 1
        out += (key, value)
    return out


def _name_of(key: Node, *, older: bool) -> str | None:
    if key.kind != "scalar":
        return None
    try:
        _, value = resolve(key.tag, key.text, older=older)
    except BuiltinError:
        return None
    return key_name(value, older=older)


def key_name(key: Any, *, older: bool) -> str | None:
    """A key as JSON has it; None for what has no name there."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return None if older and key >= 1 << 63 else str(key)
    return _short_float(key) if isinstance(key, float) else None


def _short_float(value: float) -> str:
    """A float in single precision, as short as it can be."""
    if math.isnan(value):
        return ".nan"
    near = _single(value)
    if math.isinf(near):
        return "-.inf" if near < 0 else ".inf"
    digits = next(
        shown
        for shown in (f"{near:.{size}e}" for size in range(10))
        if _single(float(shown)) == near
    )
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        fraction = len(mantissa.partition(".")[2])
        return f"{float(digits):.{max(fraction - power, 0)}f}"
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def show(value: Any) -> str:
    """A value as `%#v` prints it."""
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_inner, value))}}}"
    if isinstance(value, GoMap):
        kind = "interface {}" if value.general else "string"
        shown = sorted(value.entries.items(), key=lambda one: _rank(one[0][1]))
        inner = ", ".join(f"{_inner(key)}:{_inner(entry)}" for (_, key), entry in shown)
        return f"map[{kind}]interface {{}}{{{inner}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if isinstance(value, Instant):
        return _show_instant(value)
    if isinstance(value, int) and value >= 1 << 63:
        return hex(value)
    return printed(None) if value is None else sprintf("%#v", [value])


def _inner(value: Any) -> str:
    return "interface {}(nil)" if value is None else show(value)


def _rank(key: Any) -> tuple[int, Any]:
    """Keys of several types stand in the order that their types have in `opa`."""
    if key is None:
        return 0, 0
    if isinstance(key, str):
        return 1, key
    if isinstance(key, bool):
        return 5, key
    if isinstance(key, int):
        return (2 if key >= 1 << 63 else 3), key
    if isinstance(key, float):
        return 4, -math.inf if math.isnan(key) else key
    return 6, key.text


def _show_instant(value: Instant) -> str:
    year, month, day, hour, minute, second, fraction, zone = value.parts
    place = "time.UTC" if zone == "Z" else 'time.Location("")'
    return (
        f"time.Date({year}, time.{MONTHS[month - 1]}, {day}, {hour}, {minute}, "
        f"{second}, {int(fraction.ljust(9, '0'))}, {place})"
    )
