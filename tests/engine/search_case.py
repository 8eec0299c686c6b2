"""The evaluator of traces as a conformance evaluator."""

from __future__ import annotations

from typing import Any

from gatewright._native.core import Doc
from gatewright.engine.errors import EvalError
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.policy import RegoVersion, compile_policy
from gatewright.engine.search.query import search_query
from gatewright.engine.search.state import Program, Search
from gatewright.engine.values import UNDEFINED
from gatewright.plan.constants import term_text
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.compiler import compile_query
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_body, parse_term
from tests.conformance.rego_cases import Case, CaseError
from tests.engine.native_case import LIMITS, SLEEP


def evaluate_case(case: Case) -> bytes:
    """Compile and search one case; the JSON of its rows."""
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    try:
        policy = compile_policy(
            dict(modules),
            version=RegoVersion(case.version),
            options=CompileOptions(
                extra_builtins={"test.sleep": SLEEP}, rego_version=case.version
            ),
            functions={"test.sleep": lambda _: None},
        )
        body = parse_body(case.query, version=case.version)
        query = compile_query(policy.compiled, body)
    except RegoErrors as error:
        raise CaseError(error.errors[0].code, str(error)) from error
    given: Any = UNDEFINED
    if case.input_term is not None:
        given = Doc.parse(term_text(parse_term(case.input_term)).encode(), term=True)
        given = given.python()
    elif case.input is not None:
        given = Doc.parse(case.input.encode()).python()
    search = Search(
        Program(policy.compiled, policy.binding),
        data=Doc.parse(case.data.encode()).python(),
        limits=LIMITS,
        context=Context(http=HttpPolicy(enabled=True)),
        listeners=[lambda _: None],
    )
    try:
        rows = search_query(search, query, input=given)
    except EvalError as error:
        raise CaseError(error.code, str(error)) from error
    if case.strict_error and search.errors:
        first = search.errors[0]
        raise CaseError(first.code, str(first))
    return Doc.from_python(rows).json(html=False)
