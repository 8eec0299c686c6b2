"""From sources to a result by way of the oracle: the whole language, slowly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gatewright.ir.program import Program
from gatewright.ir.verify import verify
from gatewright.plan.constants import term_text
from gatewright.plan.planner import QUERY, plan_program, plan_query
from gatewright.rego import ast
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.compiler import compile_modules, compile_query
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_body, parse_module, parse_term
from tests.conformance.rego_cases import Case, CaseError, Unsupported
from tests.oracle.interpreter import Interpreter, OracleError
from tests.oracle.values import Value, from_json, parse, to_json


def plan_sources(
    modules: Mapping[str, str],
    *,
    query: str | None = None,
    entrypoints: Sequence[str] = (),
    version: int = 1,
    optimized: bool = True,
    messages: Any = "opa",
) -> Program:
    """Parse, compile, plan and verify."""
    parsed = {
        name: parse_module(name, text, version=version, process_annotations=True)
        for name, text in modules.items()
    }
    compiled = compile_modules(parsed, options=CompileOptions())
    if query is None:
        program = plan_program(
            compiled,
            entrypoints=entrypoints,
            optimized=optimized,
            messages=messages,
        )
    else:
        body = compile_query(compiled, parse_body(query, version=1))
        program = plan_query(compiled, body, optimized=optimized, messages=messages)
    verify(program)
    return program


def read_term(text: str) -> Value:
    """A ground term of Rego source."""
    term: ast.Term = parse_term(text)
    return parse(term_text(term))


def evaluate_case(case: Case, *, optimized: bool = True) -> str:
    """The oracle as a conformance evaluator."""
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    try:
        program = plan_sources(modules, query=case.query, optimized=optimized)
    except RegoErrors as error:
        raise CaseError(error.errors[0].code, str(error)) from error
    given = None
    if case.input_term is not None:
        given = read_term(case.input_term)
    elif case.input is not None:
        given = from_json(json.loads(case.input, parse_float=Fraction))
    interpreter = Interpreter(
        program,
        input=given,
        data=from_json(json.loads(case.data, parse_float=Fraction)),
        strict=case.strict_error,
    )
    try:
        value = interpreter.evaluate(QUERY)
    except OracleError as error:
        raise CaseError(error.code, str(error)) from error
    except NotImplementedError as error:
        raise Unsupported(str(error)) from error
    assert value is not None
    return json.dumps(to_json(value))
