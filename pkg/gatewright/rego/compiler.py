"""The compiler: modules and queries through a table of named stages.

The table is OPA's, in OPA's order, since the order decides which of several
mistakes is reported.  A stage rewrites the trees in place (the first one copies
them) and records errors with `State.fail`, which ends the run after the stage, or
`State.note`, which does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from gatewright.builtins.declarations import TABLE, Builtin
from gatewright.rego import ast, errors
from gatewright.rego.compiled import (
    Compiled,
    CompiledQuery,
    CompileOptions,
    QueryContext,
)
from gatewright.rego.depth import deeply
from gatewright.rego.stages import (
    comprehensions,
    conflicts,
    dynamics,
    expressions,
    functions,
    heads,
    imports,
    metadata,
    prints,
    query,
    recursion,
    resolve,
    safety,
    templates,
    trees,
    typing,
    withs,
)
from gatewright.rego.stages import (
    locals as local_vars,
)
from gatewright.rego.stages.state import State

__all__ = ["QUERY_STAGES", "STAGES", "compile_modules", "compile_query"]

#: Name of each stage and what runs it, in order.
STAGES: Final[tuple[tuple[str, Callable[[State], None]], ...]] = (
    ("ResolveRefs", resolve.resolve_modules),
    ("CheckUnusedImports", resolve.check_unused_imports),
    ("RewriteRuleHeadRefs", heads.rewrite_rule_head_refs),
    ("CheckKeywordOverrides", imports.check_keyword_overrides),
    ("CheckDuplicateImports", imports.check_duplicate_imports),
    ("RemoveImports", imports.remove_imports),
    ("SetModuleTree", trees.set_module_tree),
    ("SetRuleTree", trees.set_rule_tree),
    ("RewriteLocalVars", local_vars.rewrite_local_vars),
    ("RewriteTemplateStrings", templates.rewrite_template_strings),
    ("CheckVoidCalls", prints.check_void_calls),
    ("RewritePrintCalls", prints.rewrite_print_calls),
    ("RewriteExprTerms", expressions.rewrite_expr_terms),
    ("ParseMetadataBlocks", metadata.parse_metadata_blocks),
    ("SetAnnotationSet", metadata.set_annotation_set),
    ("RewriteRegoMetadataCalls", metadata.rewrite_metadata_calls),
    ("SetGraph", recursion.set_graph),
    ("RewriteComprehensionTerms", comprehensions.rewrite_comprehension_terms),
    ("RewriteRefsInHead", heads.rewrite_refs_in_head),
    ("RewriteWithValues", withs.rewrite_with_values),
    ("CheckRuleConflicts", conflicts.check_rule_conflicts),
    ("CheckUndefinedFuncs", functions.check_undefined_funcs),
    ("CheckSafetyRuleHeads", safety.check_safety_rule_heads),
    ("CheckSafetyRuleBodies", safety.check_safety_rule_bodies),
    ("RewriteEquals", dynamics.rewrite_equals),
    ("RewriteDynamicTerms", dynamics.rewrite_dynamic_terms),
    ("CheckRecursion", recursion.check_recursion),
    ("CheckTypes", typing.check_types),
    ("CheckUnsafeBuiltins", functions.check_unsafe_builtins),
    ("CheckDeprecatedBuiltins", functions.check_deprecated_builtins),
)

#: The same for queries.
QUERY_STAGES: Final[tuple[tuple[str, Callable[[query.QueryState], None]], ...]] = (
    ("CheckKeywordOverrides", query.check_keyword_overrides),
    ("ResolveRefs", query.resolve_refs),
    ("CaptureValues", query.capture_values),
    ("RewriteLocalVars", query.rewrite_local_vars),
    ("RewriteTemplateStrings", query.rewrite_template_strings),
    ("CheckVoidCalls", query.check_void_calls),
    ("RewritePrintCalls", query.rewrite_print_calls),
    ("RewriteExprTerms", query.rewrite_expr_terms),
    ("RewriteComprehensionTerms", query.rewrite_comprehension_terms),
    ("RewriteWithValues", query.rewrite_with_values),
    ("CheckUndefinedFuncs", query.check_undefined_funcs),
    ("CheckSafety", query.check_safety),
    ("RewriteDynamicTerms", query.rewrite_dynamic_terms),
    ("CheckTypes", query.check_types),
    ("CheckUnsafeBuiltins", query.check_unsafe_builtins),
    ("CheckDeprecatedBuiltins", query.check_deprecated_builtins),
)


def _builtins(options: CompileOptions) -> Mapping[str, Builtin]:
    table = TABLE if options.builtins is None else options.builtins
    if not options.extra_builtins:
        return table
    return {**table, **options.extra_builtins}


@contextmanager
def _bounded() -> Iterator[None]:
    """Terms nested too deep for the stages are an error of the source."""
    try:
        yield
    except RecursionError:
        message = "max recursion depth exceeded"
        raise errors.RegoErrors([errors.Error(errors.COMPILE_ERROR, message)]) from None


@deeply
def compile_modules(
    modules: Mapping[str, ast.Module],
    *,
    options: CompileOptions | None = None,
    until: str = "",
) -> Compiled:
    """Compile a library; the trees that come in stay as they are.

    `modules` maps names (mostly files) to parsed modules; errors are reported in
    the order of their places.  `until` names the last stage to run, for tests and
    for printing a stage's output.  Raises RegoErrors.
    """
    options = CompileOptions() if options is None else options
    state = State(
        modules={name: modules[name] for name in sorted(modules)},
        options=options,
        builtins=_builtins(options),
    )
    with _bounded():
        for name, run in STAGES:
            run(state)
            if state.fatal or name == until:
                break
    state.raise_errors()
    graph = state.graph
    return Compiled(
        modules=state.modules,
        rule_tree=state.rule_tree,
        options=options,
        builtins=state.builtins,
        graph={}
        if graph is None
        else {key: list(edges.values()) for key, edges in graph.edges.items()},
        order=state.order,
        types=state.types,
        annotations=state.annotations,
        rewritten_vars=state.rewritten,
    )


@deeply
def compile_query(
    compiled: Compiled,
    body: Sequence[ast.Expr],
    *,
    context: QueryContext | None = None,
    options: CompileOptions | None = None,
    capture: bool = False,
) -> CompiledQuery:
    """Compile a query against a library; the body that comes in stays as it is.

    `options` default to those of the library.  `capture` gives each expression's
    value a variable, see `CompiledQuery.captures`.  Raises RegoErrors.
    """
    if not body:
        raise errors.RegoErrors(
            [errors.Error(errors.COMPILE_ERROR, "empty query cannot be compiled")]
        )
    state = query.QueryState(
        compiled=compiled,
        body=body,
        context=QueryContext() if context is None else context,
        options=compiled.options if options is None else options,
        builtins=compiled.builtins if options is None else _builtins(options),
        capture=capture,
    )
    for _, run in QUERY_STAGES:
        with _bounded():
            run(state)
        found = state.state.errors
        if found:
            limit = state.state.options.max_errors
            raise errors.RegoErrors(errors.limited(found, limit=limit))
    return state.result()


def stage_names() -> Iterable[str]:
    """Names of the stages, in order."""
    return (name for name, _ in STAGES)
