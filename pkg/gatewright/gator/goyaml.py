"""YAML as Go's libraries write it.

`v3` is go.yaml.in/yaml/v3: four blanks, lists set in.  `v2` is what
sigs.k8s.io/yaml writes: two blanks, lists at the level of their key, sorted keys.
Both leave a text plain unless it would be read as something else.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable
from typing import Any, Final

from yaml.emitter import Emitter

from gatewright.engine.library.yamlorder import in_order
from gatewright.gator.fields import Fields, FlowFields
from gatewright.k8s import gotext

__all__ = ["v2", "v3"]


def v3(value: Any) -> str:
    """Return a document as yaml.v3 writes it."""
    return _Writer(4, indentless=False).document(value)


def v2(value: Any) -> str:
    """Return a document as sigs.k8s.io/yaml writes it."""
    return _Writer(2, indentless=True).document(value)


_WORDS: Final = (
    frozenset(
        word
        for one in ["y", "yes", "on", "n", "no", "off", "true", "false", "null"]
        for word in (one, one.capitalize(), one.upper())
    )
    | frozenset(
        f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")
    )
    | {"", "~", ".nan", ".NaN", ".NAN"}
)
_INT: Final = re.compile(
    r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SIXTIES: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))"
    r"| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?)?"
)
#: Characters that Go escapes and the emitter of PyYAML would print.
_ESCAPED: Final = re.compile("[\x7f-\x9f\ufeff\U00010000-\U0010ffff]")


def _is_plain(text: str) -> bool:
    """Tell whether a text, written plain, is read back as a text."""
    if text in _WORDS:
        return False
    first = text[0]
    if first not in "0123456789+-.":
        return True
    bare = text.replace("_", "")
    if _INT.fullmatch(bare) or _FLOAT.fullmatch(bare) or _SIXTIES.fullmatch(text):
        return False
    return not _is_date(text)


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    parts = [int(part) for part in found.groups() if part is not None]
    try:
        datetime.datetime(*parts)  # type: ignore[arg-type]  # three or six numbers
    except ValueError:
        return False
    return True


class _Scalars(Emitter):
    """The part of PyYAML's emitter that knows how a scalar may be written."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        super().__init__(self.text, allow_unicode=True, width=1 << 30)

    def analyze_scalar(self, scalar: str) -> Any:
        """Return what may be done with a scalar; tabs are fine in block style."""
        found = super().analyze_scalar(scalar.replace("\t", "x"))
        if "\t" in scalar:
            found.allow_flow_plain = found.allow_block_plain = False
            found.allow_single_quoted = False
        found.scalar = scalar
        return found

    def written(
        self, text: str, style: str, *, indent: int, step: int, key: bool, flow: bool
    ) -> str:
        """Return a scalar in a style, or in the next best that can hold it."""
        found = self.analyze_scalar(text)
        if style == "|" and (key or flow or not found.allow_block):
            style = '"'
        plain = found.allow_flow_plain if flow else found.allow_block_plain
        if style == "" and (found.multiline or not plain):
            style = "'"
        if style == "'" and (
            not found.allow_single_quoted or (key and found.multiline)
        ):
            style = '"'
        self.text.seek(0)
        self.text.truncate()
        self.column, self.indent, self.best_indent = 0, indent, step
        # The last character before a scalar is a blank.
        self.whitespace = True
        if style == "|":
            self.write_literal(text)
        elif style == '"':
            self.write_double_quoted(text, split=False)
        elif style == "'":
            self.write_single_quoted(text, split=False)
        else:
            return text
        return self.text.getvalue()


class _Writer:
    """One document; `indent` is that of the collection that a value stands in."""

    def __init__(self, step: int, *, indentless: bool) -> None:
        self.step = step
        self.indentless = indentless
        self.scalars = _Scalars()
        self.out: list[str] = []

    def document(self, value: Any) -> str:
        self.value(value, -1, item=False, start=True)
        text = "".join(self.out)
        return text if text.endswith("\n") else text + "\n"

    def deeper(self, indent: int, *, item: bool) -> int:
        if indent < 0:
            return 0
        if item:
            return indent + 2
        return self.step * ((indent + self.step) // self.step)

    def value(self, value: Any, indent: int, *, item: bool, start: bool) -> None:
        # `item`: it follows "- "; `start`: it stands at the start of a line.
        if isinstance(value, FlowFields):
            if not item and not start:
                self.out.append(" ")
            self.flow(value)
        elif isinstance(value, dict) and value:
            self.mapping(value, self.deeper(indent, item=item), go=item or start)
        elif isinstance(value, (list, tuple)) and value:
            inner = self.deeper(indent, item=item)
            if self.indentless and not item and not start:
                inner = indent
            self.sequence(value, inner, go=item or start)
        else:
            if not item and not start:
                self.out.append(" ")
            self.out.append(self.scalar(value, self.deeper(indent, item=item)))

    def members(self, value: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        if isinstance(value, Fields):
            return value.items()
        return sorted(value.items(), key=lambda pair: in_order(pair[0]))

    def mapping(self, value: dict[str, Any], indent: int, *, go: bool) -> None:
        for name, member in self.members(value):
            if not go:
                self.out.append("\n" + " " * indent)
            go = False
            self.out += (self.scalar(name, indent, key=True), ":")
            self.value(member, indent, item=False, start=False)

    def sequence(self, value: Any, indent: int, *, go: bool) -> None:
        for member in value:
            if not go:
                self.out.append("\n" + " " * indent)
            go = False
            self.out.append("- ")
            self.value(member, indent, item=True, start=False)

    def flow(self, value: Any, *, key: bool = False) -> None:
        if isinstance(value, dict) and value:
            mark = "{"
            for name, member in self.members(value):
                self.out.append(mark)
                self.flow(name, key=True)
                self.out.append(": ")
                self.flow(member)
                mark = ", "
            self.out.append("}")
        elif isinstance(value, (list, tuple)) and value:
            mark = "["
            for member in value:
                self.out.append(mark)
                self.flow(member)
                mark = ", "
            self.out.append("]")
        else:
            self.out.append(self.scalar(value, 0, key=key, flow=True))

    def scalar(
        self, value: Any, indent: int, *, key: bool = False, flow: bool = False
    ) -> str:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return gotext.format_float(value)
        if isinstance(value, dict):
            return "{}"
        if isinstance(value, (list, tuple)):
            return "[]"
        if not isinstance(value, str):
            return str(value)
        if "\n" in value:
            style = "|"
        elif _is_plain(value):
            style = ""
        else:
            style = '"'
        if _ESCAPED.search(value) is not None:
            style = '"'
        text = self.scalars.written(
            value, style, indent=indent, step=self.step, key=key, flow=flow
        )
        return text.removesuffix("\n")
