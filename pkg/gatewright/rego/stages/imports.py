"""CheckDuplicateImports, CheckKeywordOverrides, RemoveImports."""

from __future__ import annotations

from collections.abc import Iterable

from gatewright.rego import ast, errors
from gatewright.rego.printer import term_text
from gatewright.rego.stages.resolve import import_name, import_text
from gatewright.rego.stages.state import State
from gatewright.rego.stages.walk import (
    RESERVED,
    exprs_in,
    is_root_document,
    operator_name,
)

__all__ = [
    "check_duplicate_imports",
    "check_keyword_overrides",
    "remove_imports",
    "root_overrides",
]


def check_duplicate_imports(state: State) -> None:
    """No two imports of a module may bind one name (v1, strict)."""
    found: list[errors.Error] = []
    for module in state.modules.values():
        if not state.strict_or_v1(module):
            continue
        first: dict[str, ast.Import] = {}
        for import_ in module.imports:
            name = import_name(import_)
            earlier = first.setdefault(name, import_)
            if earlier is not import_:
                found.append(
                    errors.Error(
                        errors.COMPILE_ERROR,
                        f"import must not shadow {import_text(earlier)}",
                        import_.loc,
                    )
                )
    state.note(*found)


def _assignments(node: object, found: list[errors.Error]) -> None:
    for expr in exprs_in(node):
        if operator_name(expr) != "assign" or len(expr.terms) < 2:  # type: ignore[arg-type]
            continue
        target = expr.terms[1]  # type: ignore[index]
        name = ""
        if is_root_document(target):
            name = target.terms[0].name  # type: ignore[union-attr]
        elif type(target) is ast.Var and target.name in RESERVED:
            name = target.name
        if name:
            found.append(
                errors.Error(
                    errors.COMPILE_ERROR,
                    f"variables must not shadow {name} (use a different variable name)",
                    expr.loc,
                )
            )


def root_overrides(module: ast.Module) -> list[errors.Error]:
    """Rules, parameters and variables of a module named `input` or `data`."""
    found: list[errors.Error] = []
    for rule in module.rules:
        name = rule.head.name
        if name in RESERVED:
            found.append(
                errors.Error(
                    errors.COMPILE_ERROR,
                    f"rules must not shadow {name} (use a different rule name)",
                    rule.loc,
                )
            )
        for arg in rule.head.args or ():
            if is_root_document(arg):
                found.append(
                    errors.Error(
                        errors.COMPILE_ERROR,
                        f"args must not shadow {term_text(arg)}"
                        " (use a different variable name)",
                        arg.loc,
                    )
                )
    _assignments(module, found)
    return found


def query_overrides(body: Iterable[ast.Expr]) -> list[errors.Error]:
    """Variables of a query named `input` or `data`."""
    found: list[errors.Error] = []
    _assignments(list(body), found)
    return found


def check_keyword_overrides(state: State) -> None:
    """The root documents keep their names (v1, strict)."""
    for module in state.modules.values():
        if state.strict_or_v1(module):
            state.note(*root_overrides(module))


def remove_imports(state: State) -> None:
    """Resolved refs need the imports no longer."""
    for module in state.modules.values():
        module.imports = []
