"""YAML of metadata comments: values with types, and messages as OPA's library has.

A block is small, so this composes nodes with PyYAML and resolves plain scalars
itself, by the YAML 1.2 core schema with the extras that Go's yaml library keeps
(octal `0777`, `_` in numbers, timestamps as text).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

__all__ = ["YamlError", "load"]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INT: Final = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|[0-9]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


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
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _syntax(error) from error
    if node is None or (isinstance(node, yaml.ScalarNode) and _plain(node) is None):
        return {}
    complaints: list[str] = []
    if not isinstance(node, yaml.MappingNode):
        complaints.append(_mismatch(node, "ast.rawAnnotation"))
        raise _typed(complaints)
    out: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
        line = key_node.start_mark.line + 1
        if key in seen:
            complaints.append(
                f'line {line}: mapping key "{key}" already defined at line {seen[key]}'
            )
        seen.setdefault(key, line)
        if key in shape:
            value = _SHAPES[shape[key]](value_node, shape[key], complaints)
            if value is not None:
                out[key] = value
    if complaints:
        raise _typed(complaints)
    return out


def _typed(complaints: list[str]) -> YamlError:
    line = int(complaints[0].split(":", 1)[0].removeprefix("line "))
    return YamlError("yaml: unmarshal errors:\n  " + "\n  ".join(complaints), line)


def _syntax(error: yaml.YAMLError) -> YamlError:
    context = getattr(error, "context_mark", None)
    problem = getattr(error, "problem_mark", None)
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
        return _plain(node)
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
