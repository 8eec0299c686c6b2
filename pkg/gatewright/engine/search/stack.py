"""Where an error was: the expressions under way when it came up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatewright.engine.documents import Doc
from gatewright.engine.errors import EvalError, Frame, Place
from gatewright.engine.search.early import Outcome
from gatewright.engine.search.terms import NODES
from gatewright.rego import ast
from gatewright.rego.stages.walk import COMPREHENSIONS, walk

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation

__all__ = ["attach", "error_at", "shortened"]

_WIDEST: Final = 80


def error_at(loc: ast.Location, code: str, message: str) -> EvalError:
    """An error at a place of the source."""
    place = None if loc is ast.NO_LOCATION else Place(loc.file, loc.row, loc.col)
    return EvalError(code, message, place)


def attach(e: Evaluation, end: Outcome) -> Outcome:
    """Give an error its stack, innermost expression first, if it has none yet."""
    if isinstance(end, EvalError) and not end.stack:
        end.stack = tuple(_frames(e))
    return end


def _frames(e: Evaluation) -> list[Frame]:
    frames = []
    where: Evaluation | None = e
    while where is not None:
        steps = where.body.steps
        if steps:
            step = where.step
            loc = step.loc
            place = (
                None if loc is ast.NO_LOCATION else Place(loc.file, loc.row, loc.col)
            )
            frames.append(Frame(where.id, place, _text(where, step)))
        else:
            frames.append(Frame(where.id, None, ""))
        where = where.parent
    return frames


def _text(e: Evaluation, step: Any) -> str:
    """The source of an expression, with the values that its variables have."""
    loc = step.loc
    text: str = loc.text
    found: list[tuple[int, int, str]] = []
    for var in _read(step.node):
        start = var.loc.offset - loc.offset
        end = start + len(var.loc.text)
        if var.loc.file != loc.file or start < 0 or text[start:end] != var.loc.text:
            continue
        value = e.bindings.plug(var)
        if start == end or type(value) in NODES:
            continue
        shown = Doc.from_python([value]).rego_text()[1:-1]
        if len(shown.encode("utf-8", "surrogateescape")) <= _WIDEST:
            found.append((start, end, shown))
    out, done = "", 0
    for start, end, shown in sorted(found, key=lambda one: one[0]):
        if start >= done:
            out += text[done:start] + shown
            done = end
    return shortened(out + text[done:])


def shortened(text: str) -> str:
    """A text in one line of at most 80 characters."""
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "..."


def _read(expr: ast.Expr) -> list[ast.Var]:
    """The variables that an expression reads, those of comprehensions apart."""
    found: list[ast.Var] = []

    def visit(node: Any) -> bool:
        kind = type(node)
        if kind is ast.Var:
            found.append(node)
        return kind in COMPREHENSIONS

    terms = expr.terms
    if type(terms) is ast.Every:
        walk(terms.domain, visit)
        for inner in terms.body:
            found += _read(inner)
    elif type(terms) is list:
        for term in terms[1:]:
            walk(term, visit)
    elif type(terms) not in (ast.Logical, ast.SomeDecl) and expr.negated_body is None:
        walk(terms, visit)
    for modifier in expr.with_:
        walk(modifier.value, visit)
    return found
