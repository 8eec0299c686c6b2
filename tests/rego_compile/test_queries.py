"""Queries against a small library: bodies, bindings, captured values, mistakes."""

from __future__ import annotations

import pytest

from gatewright.rego import ast, compiler, errors, parser
from gatewright.rego.compiled import Compiled, CompileOptions, QueryContext
from tests.golden import Block, read_blocks, rewrite
from tests.rego_compile import golden

FILE = golden.CASES / "queries.test"

LIBRARY = """package t
p := {"a": 1}
q contains x if some x in input.xs
f(x) := x + 1
r[x] := y if some x, y in input.o
"""


def library() -> Compiled:
    return compiler.compile_modules(
        {"lib.rego": parser.parse_module("lib.rego", LIBRARY)},
        options=CompileOptions(print_enabled=True),
    )


def outcome(block: Block) -> str:
    """The rewritten query; flag `capture` gives expressions a value, `package`
    puts the query in the package of the library."""
    context = QueryContext()
    if "package" in block.flags:
        path = ast.Ref([ast.Var("data"), ast.String("t")])
        context = QueryContext(package=path)
    try:
        query = compiler.compile_query(
            library(),
            parser.parse_body(block.source),
            context=context,
            capture="capture" in block.flags,
        )
    except errors.RegoErrors as found:
        return golden.error_text(found)
    lines = golden.body_lines(query.body)
    lines += [f"{name} is {new}" for name, new in query.bindings.items()]
    lines += [f"{i} in {new}" for i, new in query.captures.items()]
    return "\n".join(lines)


@pytest.mark.parametrize("block", read_blocks(FILE), ids=lambda b: b.name)
def test_queries(block: Block) -> None:
    """A query is rewritten like a rule body and tells which names are results."""

    assert outcome(block) == block.expected


def test_update(update: bool) -> None:
    """With --update the file holds what the stages make now."""
    if update:
        rewrite(FILE, outcome)


def test_empty_query() -> None:
    """An empty query is an error of its own."""
    with pytest.raises(errors.RegoErrors, match="empty query cannot be compiled"):
        compiler.compile_query(library(), [])
