"""The engine as a conformance evaluator (see tests/conformance/rego_cases.py)."""

from __future__ import annotations

from gatewright._native.core import Doc, ImageError
from gatewright.builtins.declarations import Builtin
from gatewright.builtins.types import parse_type
from gatewright.engine.errors import BudgetExceeded, EvalError
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from gatewright.engine.values import UNDEFINED
from gatewright.plan.constants import term_text
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_body, parse_term
from tests.conformance.rego_cases import Case, CaseError, Unsupported

#: `test.sleep`: the suite's own builtin; how long does not matter here.
SLEEP = Builtin(
    name="test.sleep",
    args=(parse_type({"type": "string"}),),
    result=parse_type({"type": "null"}),
)

LIMITS = Limits(steps=20_000_000, memory=1 << 28, seconds=20)


def policy_of(case: Case) -> Policy:
    """What its modules compile to.  Raises RegoErrors, ImageError."""
    return compile_policy(
        {f"test-{i}.rego": text for i, text in enumerate(case.modules)},
        version=RegoVersion(case.version),
        options=CompileOptions(
            extra_builtins={"test.sleep": SLEEP}, rego_version=case.version
        ),
        functions={"test.sleep": lambda _: None},
    )


def input_of(case: Case) -> Doc | None:
    """Its input, None where it has none."""
    if case.input_term is not None:
        return Doc.parse(term_text(parse_term(case.input_term)).encode(), term=True)
    return None if case.input is None else Doc.parse(case.input.encode())


def evaluate_case(case: Case) -> bytes:
    """Compile, plan and run one case; the JSON of its rows."""
    try:
        policy = policy_of(case)
        query = policy.prepare_query(parse_body(case.query, version=case.version))
    except RegoErrors as error:
        raise CaseError(error.errors[0].code, str(error)) from error
    except ImageError as error:
        raise Unsupported(str(error)) from error
    given = input_of(case)
    try:
        return query.run_json(
            input=UNDEFINED if given is None else given,
            data=Doc.parse(case.data.encode()),
            limits=LIMITS,
            strict_builtin_errors=case.strict_error,
            context=Context(http=HttpPolicy(enabled=True)),
        )
    except EvalError as error:
        raise CaseError(error.code, str(error)) from error
    except BudgetExceeded as error:
        raise CaseError("eval_cancel_error", str(error)) from error
