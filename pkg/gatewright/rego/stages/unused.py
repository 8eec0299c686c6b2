"""Variables declared or assigned in vain, found while scopes are rewritten."""

from __future__ import annotations

from gatewright.rego import ast, errors
from gatewright.rego.stages.resolve import declared_vars
from gatewright.rego.stages.scopes import Occurrence, Scopes
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import is_generated, is_wildcard, shown

__all__ = ["check_unused"]


def check_unused(
    scopes: Scopes,
    before: ast.Body,
    after: ast.Body,
    used: set[str],
    *,
    strict: bool,
) -> None:
    """Add to `scopes.unused` what the innermost scope has in vain.

    `before` and `after` are the body without and with its declarations removed;
    `used` are names that the term next to the body needs.  Unused assignments are
    of interest in strict mode only.
    """
    occurrences = scopes.top.occurrence.values()
    if strict and Occurrence.ASSIGNED in occurrences:
        _assigned(scopes, before, used)
    if not scopes.unused and Occurrence.DECLARED in occurrences:
        _declared(scopes, before, after, used)


def _assigned(scopes: Scopes, before: ast.Body, used: set[str]) -> None:
    scope = scopes.top
    unused = {
        scope.names[name]
        for name, occurrence in scope.occurrence.items()
        if occurrence is Occurrence.ASSIGNED
        and not is_wildcard(name)
        and scopes.count(name) <= 1
        and scope.names[name] not in used
    }
    unused -= {scopes.declared(name) or name for name in used}
    names = {new: name for name, new in scope.names.items()}
    for new in sorted(unused):
        place = next((expr for expr in before if new in all_vars(expr)), before[0])
        _report(scopes, f"assigned var {names[new]} unused", place)


def _declared(
    scopes: Scopes, before: ast.Body, after: ast.Body, used: set[str]
) -> None:
    scope = scopes.top
    declared = {
        scope.names[name]
        for name, occurrence in scope.occurrence.items()
        if occurrence is Occurrence.DECLARED
    }
    present = all_vars(after)
    present |= {scopes.declared(name) or name for name in used}
    unused = declared - present - used
    if not unused:
        return
    names = {new: name for name, new in scope.names.items()}
    for new in sorted(unused):
        name = names[new]
        if is_generated(name):
            continue
        place = next((expr for expr in before if name in declared_vars([expr])), None)
        _report(scopes, f"declared var {shown(name)} unused", place or before[0])


def _report(scopes: Scopes, message: str, expr: ast.Expr) -> None:
    scopes.unused.append(errors.Error(errors.COMPILE_ERROR, message, expr.loc))
