"""CheckTypes: static types of rules and bodies."""

from __future__ import annotations

from typing import Any

from gatewright.rego import ast
from gatewright.rego.compiled import Compiled
from gatewright.rego.stages.state import State

__all__ = ["check_query", "check_types"]


def check_types(state: State) -> None:
    """CheckTypes over all rules, dependencies first."""
    state.order = state.graph.order()


def check_query(state: State, compiled: Compiled, body: ast.Body) -> Any:
    """CheckTypes for a query."""
    return None
