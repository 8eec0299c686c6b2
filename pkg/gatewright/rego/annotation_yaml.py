"""YAML of metadata comments: values with types, and messages as OPA's library has.

A block is small, so this composes nodes with PyYAML and resolves plain scalars
itself, by the YAML 1.2 core schema with the extras that Go's yaml library keeps
(octal `0777`, `_` in numbers, dates as points in time).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

__all__ = ["YamlError", "load", "nests_too_deep"]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INT: Final = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|[0-9]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPECIAL: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


#: The library composes nodes by recursion on the C stack, which has an end.
_MAX_DEPTH: Final = 1_000


def nests_too_deep(text: str) -> bool:
    """Tell whether collections nest deeper than the library can take.

    Looks at the parser's events, which need no stack; not at all where the text
    has too few of the signs that open a collection.
    """
    signs = sum(map(text.count, ("[", "{", "- ", "-\t", "-\n", "?", "\n")))
    if signs < _MAX_DEPTH:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return False  # composing it finds the same mistake, and says it better
    return False


class YamlError(Exception):
    """The block is no YAML or has a value of a wrong type.

    The message is the library's; `line` is the line it names (0: none).
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def load(text: str, shape: dict[str, str]) -> dict[str, Any]:
    """Read a block; `shape` gives the Go type of each known key.

    Unknown keys are dropped, null counts as not given.  Raises `YamlError`.
    """
    if nests_too_deep(text):
        raise YamlError("yaml: exceeded max depth of 10000")
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _syntax(error, text) from error
    if node is None or (isinstance(node, yaml.ScalarNode) and _plain(node) is None):
        return {}
    complaints: list[str] = []
    if not isinstance(node, yaml.MappingNode):
        complaints.append(_mismatch(node, "ast.rawAnnotation"))
        raise _typed(complaints)
    names = [
        key.value if isinstance(key, yaml.ScalarNode) else "" for key, _ in node.value
    ]
    lines = [key.start_mark.line + 1 for key, _ in node.value]
    for first, name in enumerate(names):
        complaints += [
            f'line {lines[again]}: mapping key "{name}" already defined at line'
            f" {lines[first]}"
            for again in range(first + 1, len(names))
            if names[again] == name
        ]
    if complaints:
        raise _typed(complaints)
    out: dict[str, Any] = {}
    for name, (_, value_node) in zip(names, node.value, strict=True):
        if name in shape:
            value = _SHAPES[shape[name]](value_node, shape[name], complaints)
            if value is not None:
                out[name] = value
    if complaints:
        raise _typed(complaints)
    return out


def _typed(complaints: list[str]) -> YamlError:
    line = int(complaints[0].split(":", 1)[0].removeprefix("line "))
    return YamlError("yaml: unmarshal errors:\n  " + "\n  ".join(complaints), line)


def _syntax(error: yaml.YAMLError, source: str) -> YamlError:
    context = getattr(error, "context_mark", None)
    problem = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.composer.ComposerError) and problem is not None:
        alias = re.match(
            r"\*(\S*)", source.splitlines()[problem.line][problem.column :]
        )
        if alias:
            return YamlError(f"yaml: unknown anchor '{alias[1]}' referenced")
    line = 0
    for mark in (context, problem):
        if mark is not None and mark.line:
            line = mark.line + isinstance(error, yaml.scanner.ScannerError)
            break
    text = getattr(error, "problem", None) or "unknown problem parsing YAML content"
    place = f"line {line}: " if line else ""
    return YamlError(f"yaml: {place}{text}", line)


def _mismatch(node: yaml.Node, wanted: str) -> str:
    line = node.start_mark.line + 1
    shown = ""
    if isinstance(node, yaml.ScalarNode):
        text = node.value if len(node.value) <= 10 else node.value[:7] + "..."
        shown = f" `{text}`"
    return f"line {line}: cannot unmarshal {_tag(node)}{shown} into {wanted}"


def _tag(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "!!map"
    if isinstance(node, yaml.SequenceNode):
        return "!!seq"
    value = _plain(node)
    if value is None:
        return "!!null"
    if isinstance(value, bool):
        return "!!bool"
    if isinstance(value, int):
        return "!!int"
    return "!!float" if isinstance(value, float) else "!!str"


def _plain(node: Any) -> Any:
    """Return the value of a scalar: only a plain one is anything but a string."""
    text: str = node.value
    if node.style:  # quoted or a block; the C loader marks plain ones with ""
        return text
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    digits = text.replace("_", "")
    if _INT.fullmatch(digits):
        if re.fullmatch(r"[-+]?0[0-7]+", digits):
            return int(digits, 8)
        if not re.fullmatch(r"[-+]?0[0-9]+", digits):
            return int(digits, 0)
    if _FLOAT.fullmatch(digits):
        return float(digits)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _any(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value = _plain(node)
        if isinstance(value, str) and not node.style and _DATE.fullmatch(value):
            return f"{value}T00:00:00Z"  # Go's library makes it a point in time
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
            return int(value)  # as Go writes it in JSON
        return value
    if isinstance(node, yaml.SequenceNode):
        return [_any(item) for item in node.value]
    out: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _any(key_node)
        out[key if isinstance(key, str | int | float | bool) else str(key)] = _any(
            value_node
        )
    return out


def _string(node: yaml.Node, wanted: str, complaints: list[str]) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        complaints.append(_mismatch(node, wanted))
        return None
    return None if _plain(node) is None else str(node.value)


def _bool(node: Any, wanted: str, complaints: list[str]) -> bool | None:
    value = _plain(node) if isinstance(node, yaml.ScalarNode) else node
    if value is None or isinstance(value, bool):
        return value
    words = {"y": True, "yes": True, "on": True, "n": False, "no": False, "off": False}
    if isinstance(value, str) and not node.style and value.lower() in words:
        return words[value.lower()]
    complaints.append(_mismatch(node, wanted))
    return None


def _sequence(node: yaml.Node, wanted: str, complaints: list[str]) -> Any:
    if isinstance(node, yaml.ScalarNode) and _plain(node) is None:
        return None
    if not isinstance(node, yaml.SequenceNode):
        complaints.append(_mismatch(node, wanted))
        return None
    inner = wanted.removeprefix("[]")
    return [_SHAPES[inner](item, inner, complaints) for item in node.value]


def _mapping(node: yaml.Node, wanted: str, complaints: list[str]) -> Any:
    if isinstance(node, yaml.ScalarNode) and _plain(node) is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        complaints.append(_mismatch(node, wanted))
        return None
    return {
        key.value if isinstance(key, yaml.ScalarNode) else str(_any(key)): _any(value)
        for key, value in node.value
    }


_SHAPES: Final[dict[str, Callable[[yaml.Node, str, list[str]], Any]]] = {
    "string": _string,
    "bool": _bool,
    "interface {}": lambda node, _wanted, _complaints: _any(node),
    "map[string]interface {}": _mapping,
    "[]string": _sequence,
    "[]interface {}": _sequence,
    "[]map[string]interface {}": _sequence,
}
