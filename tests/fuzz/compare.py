"""One program through both engines, and what differs.

What is compared: the errors of the compiler (code, place, text), or the text of
`data.u` as `sprintf("%v")` shows it, which keeps the spelling of numbers and tells
sets from arrays, or the evaluation error (code, text, place), with builtin errors
ignored and with them raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gatewright.engine.documents import Doc
from gatewright.engine.errors import BudgetExceeded, EvalError
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from gatewright.engine.reruns import SearchFault
from gatewright.engine.values import UNDEFINED
from gatewright.rego.errors import RegoErrors
from tests.fuzz.generate import Program
from tests.fuzz.opa_server import OpaServer

#: The module that shows the result; it stays loaded from program to program.
VIEW = {0: 'package view\ntext = x { x := sprintf("%v", [data.u]) }\n',
        1: 'package view\ntext := sprintf("%v", [data.u])\n'}  # fmt: skip
ENTRY = "data.view.text"
#: Errors of builtins: without them there is no difference between the modes.
RAISED = frozenset({"eval_builtin_error", "eval_type_error"})
_BAD_BYTE = re.compile("[\udc80-\udcff]")
LIMITS = Limits(steps=20_000_000, seconds=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind`: compile, value, undefined, error, crash or budget."""

    kind: str
    text: str = ""
    code: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` names what was compared; a shrunk program must keep it."""

    what: str
    ours: Outcome
    theirs: Outcome

    @property
    def kind(self) -> str:
        """Coarse name: a smaller program must differ in the same way."""
        return f"{self.what} {self.ours.kind}/{self.theirs.kind}"

    def __str__(self) -> str:
        return f"{self.what}\n  ours: {self.ours}\n  opa:  {self.theirs}"


def _error_line(error: Any) -> str:
    place = error.get("location") or {}
    where = f"{place.get('file', '')}:{place.get('row', 0)}:{place.get('col', 0)}"
    # In JSON Go writes a byte that is no UTF-8 so.
    message = _BAD_BYTE.sub("\ufffd", str(error["message"]))
    return f"{where} {error['code']}: {message}"


def compile_outcome(errors: list[dict[str, Any]]) -> Outcome:
    codes = sorted({str(error["code"]) for error in errors})
    lines = sorted(_error_line(error) for error in errors)
    return Outcome("compile", "\n        ".join(lines), ",".join(codes))


def theirs(
    server: OpaServer, modules: dict[str, str], data: str, given: str
) -> tuple[Outcome, Outcome, str]:
    """What the real one makes of a program, lenient and strict; the module that
    did not compile."""
    server.data(data)
    failed, errors = server.load(modules)
    if errors:
        out = compile_outcome(errors)
        return out, out, failed
    strict = opa_outcome(server.value("view/text", given, strict=True))
    if strict.code in RAISED:
        lenient = opa_outcome(server.value("view/text", given))
    else:
        # No builtin failed, so raising what builtins report changes nothing.
        lenient = strict
    return lenient, strict, ""


def opa_outcome(answer: Any) -> Outcome:
    if "result" in answer:
        return Outcome("value", answer["result"])
    if "code" not in answer:
        return Outcome("undefined")
    error = (answer.get("errors") or [{"code": answer["code"], **answer}])[0]
    return Outcome("error", _error_line(error), error["code"])


def ours_compiled(modules: dict[str, str], version: int) -> Policy | Outcome:
    try:
        return compile_policy(
            modules,
            version=RegoVersion(version),
            entrypoints=[ENTRY] if "view.rego" in modules else [],
        )
    except RegoErrors as found:
        return compile_outcome([error.to_json() for error in found.errors])
    except RecursionError as crash:
        return Outcome("crash", repr(crash))
    except Exception as crash:  # noqa: BLE001 - any crash is a finding
        return Outcome("crash", f"{type(crash).__name__}: {crash}")


def ours(
    policy: Policy,
    data: str,
    given: str,
    *,
    strict: bool,
    collected: list[EvalError] | None = None,
    entry: str = ENTRY,
) -> Outcome:
    try:
        value = policy.evaluate(
            entry,
            input=Doc.parse(given.encode()) if given else UNDEFINED,
            data=Doc.parse(data.encode()),
            limits=LIMITS,
            strict_builtin_errors=strict,
            collected=collected,
        )
    except EvalError as error:
        if isinstance(error.__cause__, SearchFault):
            return Outcome("crash", str(error.__cause__))
        return Outcome("error", _error_line(error.to_json()), error.code)
    except BudgetExceeded as error:
        return Outcome("budget", str(error))
    except Exception as crash:  # noqa: BLE001 - any crash is a finding
        return Outcome("crash", f"{type(crash).__name__}: {crash}")
    if value is UNDEFINED:
        return Outcome("undefined")
    # In JSON Go writes a byte that is no UTF-8 so.
    return Outcome("value", _BAD_BYTE.sub("\ufffd", str(value)))


def sources(program: Program) -> dict[str, str]:
    return {"view.rego": VIEW[program.version], **program.modules()}


def compare(
    server: OpaServer, program: Program
) -> tuple[Difference | None, Outcome, Outcome]:
    """The first difference, and the real one's lenient and strict outcomes."""
    modules = sources(program)
    answer = theirs(server, modules, program.data, program.input)
    return judge(program, ours_compiled(modules, program.version), *answer)


def judge(
    program: Program,
    compiled: Policy | Outcome,
    lenient: Outcome,
    strict: Outcome,
    failed: str,
) -> tuple[Difference | None, Outcome, Outcome]:
    """Compare what both made of a program."""
    if failed and len(program.packages) > 1:
        # The server compiled up to the module that failed, and no further.
        modules = list(sources(program).items())
        upto = [name for name, _ in modules].index(failed) + 1
        compiled = ours_compiled(dict(modules[:upto]), program.version)
    if isinstance(compiled, Outcome):
        if compiled != lenient:
            return Difference("compile", compiled, lenient), lenient, strict
        return None, lenient, strict
    if lenient.kind == "compile":
        return Difference("compile", Outcome("value"), lenient), lenient, strict
    failed_calls: list[EvalError] = []
    mine = ours(
        compiled, program.data, program.input, strict=False, collected=failed_calls
    )
    if mine != lenient:
        return Difference("lenient", mine, lenient), lenient, strict
    if not failed_calls and lenient == strict and program.seed % 4:
        # Nobody met an error of a builtin.  A strict plan takes a fifth of the time
        # of a program, so only some of these have one.
        return None, lenient, strict
    mine = ours(compiled, program.data, program.input, strict=True)
    if mine != strict:
        return Difference("strict", mine, strict), lenient, strict
    return None, lenient, strict
