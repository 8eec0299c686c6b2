"""YAML documents as decoded JSON values.

Two readings of plain scalars are in use among the tools this project follows,
and a `Dialect` names them:

- `KUBERNETES`: what kubectl, the API server and `gator test` read.  YAML 1.1
  booleans (`yes`, `on`, `y`), dates stay text, the last of equal keys counts,
  keys become strings.
- `CORE`: what `gator verify` reads, suites and the files that they name.  Only
  true and false are booleans, dates become RFC 3339 text, equal keys are an
  error, keys must be strings.

In both `017` and `0o17` are 15, `0x1F` is 31, `1_000` is 1000, integers beyond
64 bits are floats, `.inf` and `.nan` are errors.

Documents are read from parser events with a stack of our own, so that neither
depth nor aliases cost more than the limits allow.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import yaml

from gatewright.k8s import gojson

__all__ = ["Dialect", "Document", "YAMLError", "read", "read_cleaned", "without_lists"]

#: Bytes of one text; more is refused unread.
MAX_BYTES: Final = 16 * 1024 * 1024
#: Nodes of one text, those behind an alias counted every time it is used.
MAX_NODES: Final = 2_000_000
#: How deep collections may nest.
MAX_DEPTH: Final = 500


class Dialect(Enum):
    """How plain scalars are read."""

    KUBERNETES = "kubernetes"
    CORE = "core"


class YAMLError(ValueError):
    """A text that is not the YAML we read: `source:line: reason`.

    `reason` is the bare text, `line` counts from 1 and is 0 when unknown.
    """

    def __init__(self, reason: str, *, source: str = "", line: int = 0) -> None:
        self.reason = reason
        self.source = source
        self.line = line
        place = (
            f"{source}:{line}: " if source and line else f"{source}: " if source else ""
        )
        super().__init__(place + reason)


class _LimitReached(YAMLError):
    """A text that takes more than the limits allow."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, and the line (from 1) where it begins."""

    value: Any
    line: int
    source: str = ""


_TRUE_11: Final = frozenset(
    ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
)
_FALSE_11: Final = frozenset(
    ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
)
_TRUE_12: Final = frozenset(("true", "True", "TRUE"))
_FALSE_12: Final = frozenset(("false", "False", "FALSE"))
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_INT: Final = re.compile(
    r"[+-]?(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))"
)
_BASES: Final = (("x", 16), ("b", 2), ("o", 8), ("d", 10))
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMBER_START: Final = frozenset("0123456789+-.")
_INFINITE: Final = frozenset(
    f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")
) | {".nan", ".NaN", ".NAN"}
_DATE: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:[Tt]|\s+)(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?\s*(Z|[+-]\d{1,2}(?::\d{2})?)?)?"
)
_TAG: Final = "tag:yaml.org,2002:"


def read(
    text: str | bytes,
    *,
    source: str = "",
    dialect: Dialect = Dialect.KUBERNETES,
    max_bytes: int = MAX_BYTES,
) -> list[Document]:
    """Return the documents of a text that hold anything; raise YAMLError.

    A text that is one JSON value is read as JSON.
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > max_bytes:
        raise YAMLError(f"larger than {max_bytes} bytes", source=source)
    if data.lstrip()[:1] == b"{":
        try:
            return [Document(gojson.decode(data, finite=True), 1, source)]
        except gojson.JSONError:
            pass  # flow style YAML, JSON documents in sequence, a number beyond float64
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YAMLError("yaml: invalid UTF-8", source=source, line=line) from None
    return list(_documents(decoded, source, dialect))


def read_cleaned(text: str, *, source: str = "") -> list[Document]:
    """Return the documents of a text as `gator verify` reads objects.

    It cuts the text at lines that begin with `---` and drops blank lines and lines that begin with
    `#`, inside block scalars too, before it parses each piece.
    """
    out: list[Document] = []
    line = 1
    for piece in text.split("\n---"):
        kept = [
            one
            for one in piece.split("\n")
            if one.strip() and not one.strip().startswith("#")
        ]
        if kept:
            cleaned = "\n".join(kept) + "\n"
            found = read(cleaned, source=source, dialect=Dialect.CORE)
            out += (Document(one.value, line, source) for one in found[:1])
        line += piece.count("\n") + 1
    return out


def without_lists(documents: list[Document]) -> Iterator[Document]:
    """Yield documents, those of a kind `...List` replaced by their items."""
    for document in documents:
        value = document.value
        if (
            isinstance(value, dict)
            and isinstance(value.get("items"), list)
            and isinstance(value.get("kind"), str)
            and value["kind"].endswith("List")
        ):
            for item in value["items"]:
                yield Document(item, document.line, document.source)
        else:
            yield document


def _documents(text: str, source: str, dialect: Dialect) -> Iterator[Document]:
    builder = _Builder(source, dialect)
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                builder.begin(_line(event))
            elif isinstance(event, yaml.DocumentEndEvent):
                document = builder.document()
                if document.value is not None:
                    yield document
            else:
                try:
                    builder.take(event)
                except _LimitReached:
                    raise  # and read no further: that may take for ever
                except YAMLError:
                    _to_its_end(events)
                    raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 0 if mark is None else mark.line + 1
        raise YAMLError(
            f"yaml: {_go_place(error)}{error.problem}", source=source, line=line
        ) from None
    except yaml.YAMLError as error:
        raise YAMLError(f"yaml: {error}", source=source) from None


def _to_its_end(events: Iterator[Any]) -> None:
    # A document is read whole before its values are: what is wrong with its syntax
    # further down is reported first.
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            return


def _go_place(error: yaml.MarkedYAMLError) -> str:
    # Go's library names the line before the one where its parser gave up, that of
    # the context if there is one, and no line for the first.
    marks = (error.context_mark, error.problem_mark)
    line = next((mark.line for mark in marks if mark is not None and mark.line), 0)
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    return f"line {line}: " if line else ""


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


_NO_KEY: Final = object()
_MERGE: Final = object()


class _Open:
    """A collection that is being filled."""

    __slots__ = ("anchor", "explicit", "items", "key", "line", "pairs")

    def __init__(self, *, mapping: bool, anchor: str | None, line: int) -> None:
        self.pairs: dict[str, Any] | None = {} if mapping else None
        self.items: list[Any] = []
        self.explicit: dict[str, int] = {}
        self.key: Any = _NO_KEY
        self.anchor = anchor
        self.line = line


class _Builder:
    """Values from events, one document after another."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        self.source = source
        self.core = dialect is Dialect.CORE
        self.nodes = 0
        self.begin(1)

    def begin(self, line: int) -> None:
        self.line = line
        self.stack: list[_Open] = []
        self.anchors: dict[str, Any] = {}
        self.root: Any = None

    def document(self) -> Document:
        return Document(self.root, self.line, self.source)

    def fail(self, reason: str, line: int) -> YAMLError:
        return YAMLError(f"yaml: line {line}: {reason}", source=self.source, line=line)

    def refuse(self, reason: str, line: int) -> YAMLError:
        # A value against its tag: Go does not say where
        return YAMLError(f"yaml: {reason}", source=self.source, line=line)

    def limit(self, reason: str, line: int) -> YAMLError:
        return _LimitReached(
            f"yaml: line {line}: {reason}", source=self.source, line=line
        )

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            line = _line(event)
            self.count(1, line)
            value = self.scalar(event, line)
            if event.anchor:
                self.anchors[event.anchor] = value
            self.put(value, line, plain=event.implicit[0])
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            line = _line(event)
            self.count(1, line)
            if len(self.stack) >= MAX_DEPTH:
                raise self.limit(f"nested deeper than {MAX_DEPTH}", line)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self.stack.append(_Open(mapping=mapping, anchor=event.anchor, line=line))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self.stack.pop()
            value = done.items if done.pairs is None else done.pairs
            if done.anchor:
                self.anchors[done.anchor] = value
            self.put(value, done.line)
        elif isinstance(event, yaml.AliasEvent):
            line = _line(event)
            if event.anchor not in self.anchors:
                raise self.fail(f"unknown anchor '{event.anchor}' referenced", line)
            self.put(self.copy(self.anchors[event.anchor], line), line)

    def count(self, nodes: int, line: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.limit(f"more than {MAX_NODES} nodes, aliases expanded", line)

    def copy(self, value: Any, line: int) -> Any:
        self.count(1, line)
        if isinstance(value, dict):
            return {key: self.copy(member, line) for key, member in value.items()}
        if isinstance(value, list):
            return [self.copy(member, line) for member in value]
        return value

    def put(self, value: Any, line: int, *, plain: bool = False) -> None:
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        if top.pairs is None:
            top.items.append(value)
        elif top.key is _NO_KEY:
            top.key = _MERGE if plain and value == "<<" else self.key(value, line)
        elif top.key is _MERGE:
            top.key = _NO_KEY
            self.merge(top, value, line)
        else:
            name = top.key
            top.key = _NO_KEY
            if name in top.explicit and self.core:
                where = f"already defined at line {top.explicit[name]}"
                raise YAMLError(
                    "yaml: unmarshal errors:\n"
                    f'  line {line}: mapping key "{name}" {where}',
                    source=self.source,
                    line=line,
                )
            top.explicit[name] = line
            top.pairs[name] = value

    def key(self, value: Any, line: int) -> str:
        if isinstance(value, str):
            return value
        if self.core or value is None or isinstance(value, (dict, list)):
            raise self.fail("a key of a mapping is not a string", line)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def merge(self, top: _Open, value: Any, line: int) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in sources):
            raise self.fail(
                "map merge requires map or sequence of maps as the value", line
            )
        assert top.pairs is not None
        for one in sources:
            for name, member in one.items():
                top.pairs.setdefault(name, self.copy(member, line))

    def scalar(self, event: Any, line: int) -> Any:
        text: str = event.value
        tag: str = event.tag or ""
        if tag.startswith(_TAG):
            return self.tagged(tag.removeprefix(_TAG), text, line)
        if tag or not event.implicit[0]:
            return text
        return self.plain(text, line)

    def plain(self, text: str, line: int) -> Any:
        if text in _NULL:
            return None
        if self.core:
            if text in _TRUE_12 or text in _FALSE_12:
                return text in _TRUE_12
        elif text in _TRUE_11 or text in _FALSE_11:
            return text in _TRUE_11
        if text[0] not in _NUMBER_START:
            return text
        if text in _INFINITE:
            shown = (
                "NaN"
                if "n" in text[1:2].lower()
                else "-Inf"
                if text[0] == "-"
                else "+Inf"
            )
            raise self.fail(f"unsupported value: {shown}", line)
        number = _number(text)
        if number is not None:
            return number
        return _rfc3339(text) or text if self.core else text

    def tagged(self, tag: str, text: str, line: int) -> Any:
        if tag == "str":
            return text
        if tag == "binary":
            try:
                bare = text.replace("\r", "").replace("\n", "")
                return base64.b64decode(bare, validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                raise self.refuse(
                    "!!binary value contains invalid base64 data", line
                ) from None
        if tag == "timestamp":
            return (_rfc3339(text) or text) if self.core else text
        value = self.plain(text, line)
        if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        fits = {
            "null": value is None,
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "float": isinstance(value, float),
        }
        if not fits.get(tag, True):
            raise self.refuse(
                f"cannot decode !!{_tag_of(value)} `{text}` as a !!{tag}", line
            )
        return value


def _tag_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "null" if value is None else "str"


def _number(text: str) -> int | float | None:
    bare = text.replace("_", "")
    found = _INT.fullmatch(bare)
    if found is not None:
        for group, base in _BASES:
            if digits := found.group(group):
                if base == 10 and len(digits) > 20:
                    break
                number = int(digits, base)
                if bare[0] == "-":
                    number = -number
                if -(2**63) <= number < 2**63:
                    return number
                if 0 < number < 2**64:
                    return float(number)
    # Integers of more bits are floats if they look so (`0o7` does not, `07` does, in
    # decimal then), and text beyond float64
    if _FLOAT.fullmatch(bare):
        value = float(bare)
        return None if math.isinf(value) else value
    return None


def _rfc3339(text: str) -> str | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if hour is None and len(text) < 8:
        return None
    parts = (int(part or 0) for part in (year, month, day, hour, minute, second))
    try:
        moment = datetime.datetime(*parts)  # type: ignore[arg-type]  # six numbers
    except ValueError:
        return None
    shown = (fraction or "").rstrip("0").rstrip(".")
    offset = "Z"
    if zone and zone != "Z":
        hours, _, minutes = zone[1:].partition(":")
        offset = f"{zone[0]}{int(hours):02d}:{minutes or '00'}"
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + shown + offset
