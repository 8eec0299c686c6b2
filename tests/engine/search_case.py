"""The evaluator of traces as a conformance evaluator."""

from __future__ import annotations

from gatewright._native.core import Doc
from gatewright.engine.errors import EvalError
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.search.query import search_query
from gatewright.engine.search.state import Program, Search
from gatewright.engine.values import UNDEFINED
from gatewright.rego.compiler import compile_query
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_body
from tests.conformance.rego_cases import Case, CaseError
from tests.engine.native_case import LIMITS, input_of, policy_of


def evaluate_case(case: Case) -> bytes:
    """Compile and search one case; the JSON of its rows."""
    try:
        policy = policy_of(case)
        body = parse_body(case.query, version=case.version)
        query = compile_query(policy.compiled, body)
    except RegoErrors as error:
        raise CaseError(error.errors[0].code, str(error)) from error
    given = input_of(case)
    search = Search(
        Program(policy.compiled, policy.binding),
        data=Doc.parse(case.data.encode()).python(),
        limits=LIMITS,
        context=Context(http=HttpPolicy(enabled=True)),
        listeners=[lambda _: None],
    )
    try:
        rows = search_query(
            search, query, input=UNDEFINED if given is None else given.python()
        )
    except EvalError as error:
        raise CaseError(error.code, str(error)) from error
    if case.strict_error and search.errors:
        first = search.errors[0]
        raise CaseError(first.code, str(first))
    return Doc.from_python(rows).json(html=False)
