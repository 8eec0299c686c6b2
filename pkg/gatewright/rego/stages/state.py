"""What the stages share while one library or one query is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gatewright.rego import ast, errors
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.walk import ref_name

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin

__all__ = ["State", "VarGenerator"]


class VarGenerator:
    """Fresh names: `__local0__`, ... (`__localq0__`, ... in a query)."""

    __slots__ = ("next", "prefix", "taken")

    def __init__(self, prefix: str, taken: set[str]) -> None:
        self.prefix = prefix
        self.taken = taken
        self.next = 0

    def name(self) -> str:
        """The next name that the source does not use itself."""
        while True:
            name = f"{self.prefix}{self.next}__"
            self.next += 1
            if name not in self.taken:
                return name

    def var(self, loc: ast.Location) -> ast.Var:
        """A fresh variable placed at `loc`."""
        return ast.Var(self.name(), loc)

    def bind(self, term: ast.Term) -> ast.Expr:
        """The generated expression `fresh = term`; see `left`."""
        return ast.Expr(
            [
                ast.Ref([ast.Var("eq", term.loc)], term.loc),
                ast.Var(self.name(), term.loc),
                term,
            ],
            generated=True,
            loc=term.loc,
        )


def left(expr: ast.Expr) -> ast.Var:
    """A new node for the variable that a generated equality binds."""
    var = expr.terms[1]  # type: ignore[index]
    return ast.Var(var.name, var.loc)  # type: ignore[union-attr]


class State:
    """The modules under rewriting, and what the stages learn about them.

    `modules` in the order of their names.  `rewritten` maps generated names to
    names in the source; `subjects` maps generated names to the term that each
    stands for, for messages.  An error recorded by `fail` ends the pipeline after
    the stage, one recorded by `note` does not.
    """

    __slots__ = (
        "annotations",
        "builtins",
        "copies",
        "errors",
        "fatal",
        "features",
        "gen",
        "graph",
        "graph_origins",
        "module_tree",
        "modules",
        "options",
        "order",
        "rewritten",
        "rule_tree",
        "subjects",
        "types",
        "unused_imports",
    )

    def __init__(
        self,
        *,
        modules: dict[str, ast.Module],
        options: CompileOptions,
        builtins: Mapping[str, Builtin],
    ) -> None:
        self.modules = modules
        self.options = options
        self.builtins = builtins
        self.errors: list[errors.Error] = []
        self.fatal = False
        self.features: set[str] = set()
        self.gen = VarGenerator("__local", set())
        self.rewritten: dict[str, str] = {}
        self.subjects: dict[str, Any] = {}
        self.rule_tree = RuleNode(ast.Var("data"))
        self.module_tree: Any = None
        self.graph: Any = None
        self.graph_origins: dict[int, Any] = {}
        self.order: list[ast.Rule] = []
        self.types: Any = None
        self.annotations: Any = None
        self.unused_imports: list[ast.Import] = []
        #: The copy of each rule that came in, by `id` of that.
        self.copies: dict[int, ast.Rule] = {}

    def fail(self, *found: errors.Error) -> bool:
        """Record errors that end the pipeline; False once the limit is reached."""
        return self._record(found, fatal=True)

    def note(self, *found: errors.Error) -> bool:
        """Record errors that let later stages run; False at the limit.

        Before OPA 1.18 none did.
        """
        return self._record(found, fatal=self.options.older)

    def _record(self, found: tuple[errors.Error, ...], *, fatal: bool) -> bool:
        if not found:
            return True
        found = tuple(map(_placed, found))
        limit = self.options.max_errors
        if limit <= 0:
            self.errors.extend(found)
            self.fatal = self.fatal or fatal
            return True
        room = limit - len(self.errors)
        if room <= 0:
            return False
        self.errors.extend(found[:room])
        full = len(self.errors) >= limit
        self.fatal = self.fatal or fatal or full
        return not full

    def raise_errors(self) -> None:
        """Raise what was recorded, sorted by place; say when the limit was hit."""
        if not self.errors:
            return
        limit = self.options.max_errors
        found = sorted(self.errors, key=error_order)
        if limit > 0 and len(found) >= limit:
            found.append(errors.Error(errors.COMPILE_ERROR, "error limit reached"))
        raise errors.RegoErrors(found)

    def arity(self, ref: ast.Ref) -> int:
        """How many arguments a function takes; -1 when there is no such name.

        A rule that is not a function has arity 0.
        """
        name = ref_name(ref)
        if name:
            builtin = self.builtins.get(name)
            if builtin is not None:
                return len(builtin.args)
        head = ref.terms[0]
        if type(head) is not ast.Var or head.name != "data":
            return -1
        node = self.rule_tree.find(ref)
        if node is None or not node.rules:
            return -1
        args = node.rules[0].head.args
        return len(args) if args else 0

    def strict_or_v1(self, module: ast.Module) -> bool:
        """Whether the checks that v1 made mandatory apply to a module."""
        return self.options.strict or module.rego_version >= 1


def _placed(error: errors.Error) -> errors.Error:
    """An error about a node without a place has none either."""
    if error.loc is ast.NO_LOCATION:
        return replace(error, loc=None)
    return error


def loc_order(loc: ast.Location | None) -> tuple[Any, ...]:
    """Sort key of a place: places come before no place at all."""
    if loc is None or loc is ast.NO_LOCATION:
        return (1, "", 0, 0)
    return (0, loc.file, loc.row, loc.col)


def error_order(error: errors.Error) -> tuple[Any, ...]:
    """Sort key of an error: its place, then its text."""
    return (*loc_order(error.loc), error.format())
