"""CheckTypes: static types of rules and bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.builtins.types import Type
from gatewright.rego import ast, errors
from gatewright.rego.compiled import Compiled
from gatewright.rego.graph import Graph, rules_dynamic
from gatewright.rego.printer import ref_text
from gatewright.rego.rule_tree import RuleNode
from gatewright.rego.stages.rename import renamed
from gatewright.rego.stages.state import State, error_order
from gatewright.rego.stages.trees import ground_prefix, rule_ref
from gatewright.rego.types_check import TypeChecker
from gatewright.rego.types_env import TypeEnv
from gatewright.rego.types_schema import SchemaError, schema_type

__all__ = ["check_query", "check_types"]


def _renamer(
    names: Mapping[str, str], subjects: Mapping[str, Any]
) -> Callable[[ast.Ref], ast.Ref]:
    return lambda ref: renamed(ref, names, subjects)


def _dependents(
    root: RuleNode, reverse: Callable[[], Mapping[int, Mapping[int, ast.Rule]]]
) -> Callable[[ast.Ref], list[list[ast.Term]]]:
    """Paths of the rules a ref may reach and of all that depend on those."""

    def find(ref: ast.Ref) -> list[list[ast.Term]]:
        found: list[list[ast.Term]] = []
        seen: set[int] = set()
        head = ref.terms[0]
        if type(head) is not ast.Var or head.name != "data":
            return found
        stack = rules_dynamic(root, ref.terms)
        while stack:
            rule = stack.pop()
            if id(rule) in seen:
                continue
            seen.add(id(rule))
            found.append(ground_prefix(rule_ref(rule)))
            stack.extend(reverse().get(id(rule), {}).values())
        return found

    return find


def check_types(state: State) -> None:
    """CheckTypes over all rules, dependencies first."""
    graph: Graph = state.graph
    state.order = graph.order()
    older = state.options.older
    checker = TypeChecker(
        state.builtins,
        rename=_renamer(state.rewritten, {} if older else state.subjects),
        dependents=_dependents(state.rule_tree, lambda: graph.reverse),
        older=older,
    )
    env = TypeEnv(state.builtins, closure=checker.closure_type, older=older)
    found = _input_type(state, env)
    for rule in state.order:
        types, problems = _rule_schemas(state, rule)
        found += problems
        found += checker.rule(env, rule, types)
    state.note(*sorted(found, key=error_order))
    state.types = env


def _input_type(state: State, env: TypeEnv) -> list[errors.Error]:
    """The global schema is the type of `input`."""
    schema = state.options.schemas.get("schema")
    if schema is None:
        return []
    try:
        env.trees[-1].put([ast.Var("input")], schema_type(schema))
    except SchemaError as error:
        return [errors.Error(errors.TYPE_ERROR, str(error))]
    return []


def _rule_schemas(
    state: State, rule: ast.Rule
) -> tuple[list[tuple[ast.Ref, Type]], list[errors.Error]]:
    """Types that the metadata around a rule gives to documents."""
    types: list[tuple[ast.Ref, Type]] = []
    found: list[errors.Error] = []
    if not state.options.schema_annotations or state.annotations is None:
        return types, found
    for note in reversed([note for _, note in state.annotations.chain(rule)]):
        for item in () if note is None else note.data.get("schemas", ()):
            schema = item.get("definition")
            if schema is None:
                name = ref_text(item["schema"])
                schema = state.options.schemas.get(name)
                if schema is None:
                    if state.options.schemas:
                        message = f"undefined schema: {name}"
                        found.append(errors.Error(errors.TYPE_ERROR, message, rule.loc))
                    continue
            try:
                types.append((item["path"], schema_type(schema)))
            except SchemaError as error:
                found.append(errors.Error(errors.TYPE_ERROR, str(error), rule.loc))
    return types, found


def check_query(state: State, compiled: Compiled, body: ast.Body) -> Any:
    """CheckTypes for a query."""
    checker = TypeChecker(
        state.builtins,
        rename=_renamer({**compiled.rewritten_vars, **state.rewritten}, state.subjects),
        dependents=_dependents(compiled.rule_tree, compiled.reverse),
        older=state.options.older,
    )
    env, problems = checker.body(compiled.types, body)
    state.fail(*(problem.error for problem in problems))
    return env
