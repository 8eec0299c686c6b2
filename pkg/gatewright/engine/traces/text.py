"""Kept steps as OPA prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gatewright.engine.documents import Doc
from gatewright.engine.search.events import Op
from gatewright.engine.search.terms import NODES, Body, Comprehension, Definition, Step
from gatewright.engine.traces.recorder import Record
from gatewright.rego import ast
from gatewright.rego.copies import copy_expr, copy_term
from gatewright.rego.printer import body_text, expr_text, ref_text, term_text
from gatewright.rego.stages.walk import is_generated, walk

__all__ = ["shown_name", "trace_text", "value_text", "variables_of"]

_PADDING: Final = 4
_WIDEST_LOCATION: Final = 64
_WIDEST_VALUE: Final = 32


def value_text(value: Any) -> str:
    """A value, or a term that is not one, as Rego text."""
    if type(value) in NODES:
        return _term(value)
    return Doc.from_python([value]).rego_text()[1:-1]


def _term(term: Any) -> str:
    kind = type(term)
    if kind not in NODES:
        return value_text(term)
    if kind is Comprehension:
        return term_text(term.node)
    if kind is ast.Var:
        return term_text(term)
    if kind is ast.Ref:
        return _ref(term.terms)
    if kind is ast.Object:
        pairs = ", ".join(f"{_term(k)}: {_term(v)}" for k, v in term.items)
        return f"{{{pairs}}}"
    items = ", ".join(map(_term, term.items))
    return f"[{items}]" if kind is ast.Array else f"{{{items}}}"


def _ref(parts: Sequence[Any]) -> str:
    shown: list[Any] = []
    for part in parts:
        if isinstance(part, str):
            shown.append(ast.String(part))
        elif type(part) in (ast.Var, ast.Ref):
            shown.append(part if type(part) is ast.Var else ast.Var(_term(part)))
        else:
            shown.append(ast.Var(_term(part)))
    return ref_text(shown)


def trace_text(
    records: Sequence[Record],
    names: Mapping[str, str],
    *,
    variables: bool = False,
    indent: str = "",
) -> str:
    """A line for each step; `names` are those of the source, by compiled name.

    `variables`: with what the variables in the expression hold.  `indent` stands
    before each column and the end of the line, as where opa indents.
    """
    files = _short_files(records)
    writer = _Writer(names)
    depths: dict[int, int] = {}
    rows = []
    for record in records:
        depth = depths.get(record.query, 0)
        if not depth:
            depth = depths[record.query] = depths.get(record.parent, 0) + 1
        row = [_location(record, files), writer.line(record, depth)]
        if variables:
            row.append(writer.variables(record))
        rows.append(row)
    return "".join(line + "\n" for line in _aligned(rows, indent))


def _aligned(rows: Sequence[Sequence[str]], indent: str) -> Iterable[str]:
    if not rows:
        return
    widths = [
        max(len(cell.encode("utf-8", "surrogateescape")) for cell in column) + _PADDING
        for column in zip(*rows, strict=True)
    ]
    for *cells, last in rows:
        before = "".join(
            f"{indent}{cell:<{width}} "
            for cell, width in zip(cells, widths, strict=False)
        )
        yield f"{before}{indent}{last}{indent}"


def _location(record: Record, files: Mapping[str, str]) -> str:
    loc = record.loc
    if loc is ast.NO_LOCATION:
        return ""
    return f"{files[loc.file]}:{loc.row}" if loc.file else f"query:{loc.row}"


def _short_files(records: Sequence[Record]) -> dict[str, str]:
    """Files by shorter names, if the longest place is longer than 64."""
    longest = 0
    files: dict[str, str] = {}
    for record in records:
        loc = record.loc
        if loc is ast.NO_LOCATION:
            continue
        files.setdefault(loc.file, loc.file)
        name = loc.file or "query"
        longest = max(longest, len(f"{name}:{loc.row}"))
    named = [file for file in files if file]
    if not named or longest <= _WIDEST_LOCATION:
        return files
    tails = [file[file.index("/") :] if "/" in file else file for file in named]
    common = _common(tails)
    spare = _WIDEST_LOCATION - (longest - len(common) + 3)
    if spare > 0:
        common = "" if spare > len(common) else common[: len(common) - spare]
    if len(common) > 3:
        for file in named:
            files[file] = file.replace(common, "...", 1)
    return files


def _common(texts: Sequence[str]) -> str:
    """The longest text that is a part of all texts."""
    first = min(texts, key=len)
    best = ""
    for start in range(len(first)):
        while len(first) - start > len(best):
            longer = first[start : start + len(best) + 1]
            if not all(longer in text for text in texts):
                break
            best = longer
    return best


class _Writer:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self._texts: dict[int, tuple[Any, str]] = {}

    def line(self, record: Record, depth: int) -> str:
        inner = record.op is not Op.ENTER and not (
            record.op is Op.REDO and type(record.node) is not Step
        )
        bars = "| " * (depth - 1 + inner)
        if record.op is Op.NOTE:
            return f'{bars}Note "{record.message}"'
        shown = f"{bars}{record.op.value} {self._node(record)}"
        return f"{shown} {record.message}" if record.message else shown

    def _node(self, record: Record) -> str:
        node = record.node
        if isinstance(node, Definition):
            return node.path_text
        if record.ref is not None:
            return _ref(record.ref)
        if record.op is Op.UNIFY:
            left, right = node
            return f"{self._renamed(left)} = {self._renamed(right)}"
        found = self._texts.get(id(node))
        if found is None:
            found = self._texts[id(node)] = (node, self._text(node))
        return found[1]

    def _text(self, node: Any) -> str:
        if isinstance(node, Body):
            body = [copy_expr(expr) for expr in node.node]
            self._rename(body)
            return body_text(body)
        expr = copy_expr(node.node)
        self._rename([expr])
        return expr_text(expr)

    def _renamed(self, term: Any) -> str:
        if type(term) in NODES and type(term) is not Comprehension:
            term = _substituted(term, self.names)
        elif type(term) is Comprehension:
            copy = copy_term(term.node)
            self._rename([copy])
            return term_text(copy)
        return _term(term)

    def _rename(self, nodes: Iterable[Any]) -> None:
        def visit(node: Any) -> bool:
            if type(node) is ast.Var:
                node.name = self.names.get(node.name, node.name)
            elif type(node) is ast.Every and is_unnamed(node.key, self.names):
                node.key = None
            return False

        for node in nodes:
            walk(node, visit)

    def variables(self, record: Record) -> str:
        held = {}
        for name in variables_of(record.node):
            if name in record.locals:
                shown = self.names.get(name, name)
                held[shown] = value_text(record.locals[name])
        parts = [
            f"{shown_name(name)}: {_cut(held[name])}"
            for name in sorted(held, key=shown_name)
        ]
        return f"{{{', '.join(parts)}}}"


def is_unnamed(key: Any, names: Mapping[str, str]) -> bool:
    """Whether a key is a variable that only the compiler knows."""
    return type(key) is ast.Var and is_generated(key.name) and key.name not in names


def shown_name(name: str) -> str:
    """A variable as text has it."""
    return "_" if name.startswith("$") else name


def _substituted(term: Any, names: Mapping[str, str]) -> Any:
    kind = type(term)
    if kind is ast.Var:
        return ast.Var(names.get(term.name, term.name))
    if kind is ast.Ref:
        return ast.Ref([_substituted(part, names) for part in term.terms])
    if kind is ast.Object:
        return ast.Object(
            [(_substituted(k, names), _substituted(v, names)) for k, v in term.items]
        )
    if kind in (ast.Array, ast.Set):
        return kind([_substituted(item, names) for item in term.items])
    return term


def _cut(text: str) -> str:
    raw = text.encode("utf-8", "surrogateescape")
    if len(raw) <= _WIDEST_VALUE:
        return text
    return raw[: _WIDEST_VALUE - 3].decode("utf-8", "replace") + "..."


def variables_of(node: Any) -> list[str]:
    """Names of the variables in a step, a body or the head of a definition."""
    if isinstance(node, Definition):
        head = node.node.head
        nodes: list[Any] = [*(head.args or ()), *head.reference.terms]
        nodes += [term for term in (head.key, head.value) if term is not None]
    elif isinstance(node, Body):
        nodes = list(node.node)
    elif isinstance(node, Step):
        nodes = [node.node]
    else:
        return []
    found: dict[str, None] = {}

    def visit(one: Any) -> bool:
        if type(one) is ast.Var:
            found[one.name] = None
        return False

    for one in nodes:
        walk(one, visit)
    return list(found)
