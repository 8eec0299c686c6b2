"""Unit tests of policies: rules named `test_*`, found and run as `opa test` does.

All tests of a run are planned into one program.  A test passes only when its value
is true.  `todo_test_*` is skipped.  A rule with variables after its name is a table
of cases: each call of the builtin `internal.test_case`, put where the variables
are bound, names a case, so one that fails later is known too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.documents import Doc
from gatewright.engine.errors import (
    CANCEL_ERROR,
    BudgetExceeded,
    EvalError,
)
from gatewright.engine.library.jsontext import dump
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy
from gatewright.engine.prints import PrintOutput
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled, CompileOptions
from gatewright.rego.compiler import compile_modules
from gatewright.rego.copies import copy_module
from gatewright.rego.errors import RegoErrors
from gatewright.rego.printer import ref_text
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import is_ground, operator_name

__all__ = ["Case", "Outcome", "Suite", "UnitTest", "compile_suite"]

_PREFIX: Final = "test_"
_SKIPPED: Final = "todo_test_"
_CASE: Final = "internal.test_case"
#: So many steps that only time ends a test.
_UNBOUNDED: Final = 1 << 60


@dataclass(frozen=True, slots=True)
class UnitTest:
    """A rule that is a test.

    `package` is the path of its package (`data.a`), `name` the ref of the rule up
    to the part that makes it a test, `query` the ref of its value.  `tabular`: its
    value has a part per case.
    """

    package: str
    name: str
    query: str
    loc: ast.Location
    skip: bool
    tabular: bool

    @property
    def path(self) -> str:
        """The name of the test with its package in front."""
        return f"{self.package}.{self.name}"


@dataclass(slots=True)
class Case:
    """One case of a table; `cases` are those below it, by name."""

    name: str
    fail: bool = False
    cases: dict[str, Case] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test: passed unless `fail`, `skip` or `error` say otherwise.

    `seconds` is how long it took; `output` what it printed.
    """

    test: UnitTest
    seconds: float = 0.0
    fail: bool = False
    skip: bool = False
    error: EvalError | RegoErrors | None = None
    output: str = ""
    cases: Mapping[str, Case] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the test ran and its value was true."""
        return not self.fail and not self.skip and self.error is None


def _test_ref(head: ast.Head) -> list[ast.Term] | None:
    """The part of a head's ref that makes it a test, None for other rules."""
    found: list[ast.Term] = []
    for position, term in enumerate(head.reference.terms):
        if position and not is_ground(term):
            break
        found.append(term)
        name = _term_name(term)
        if name.startswith((_PREFIX, _SKIPPED)):
            return found
    return None


def _term_name(term: ast.Term) -> str:
    if isinstance(term, ast.Var):
        return term.name
    return term.value if isinstance(term, ast.String) else ""


def _rename_doubles(modules: Mapping[str, ast.Module]) -> dict[str, ast.Module]:
    """Give the second test of a name the suffix `#01`, the next `#02`, and so on."""
    counts: dict[str, int] = {}
    out = {}
    for file in sorted(modules):
        module = modules[file]
        if not any(_test_ref(rule.head) for rule in module.rules):
            out[file] = module
            continue
        out[file] = module = copy_module(module)
        package = ref_text(module.package.path)
        for rule in module.rules:
            ref = _test_ref(rule.head)
            if ref is None or _term_name(ref[-1]).startswith(_SKIPPED):
                continue
            key = f"{package} {ref_text(ref)}"
            seen = counts.get(key, 0)
            counts[key] = seen + 1
            if seen:
                last = ref[-1]
                name = f"{_term_name(last)}#{seen:02d}"
                rule.head.reference.terms[len(ref) - 1] = (
                    ast.Var(name, last.loc)
                    if isinstance(last, ast.Var)
                    else ast.String(name, last.loc)
                )
    return out


def _name_cases(compiled: Compiled) -> None:
    """Put a call that names the case into each rule that is a table."""
    for module in compiled.modules.values():
        for rule in module.rules:
            ref = _test_ref(rule.head)
            if ref is None or _term_name(ref[-1]).startswith(_SKIPPED):
                continue
            tail = rule.head.reference.terms[len(ref) :]
            called = any(operator_name(expr) == _CASE for expr in rule.body)
            if tail and not called and rule.head.args is None:
                rule.body = _with_case(rule.body, tail, rule.loc)


def _with_case(body: ast.Body, tail: list[ast.Term], loc: ast.Location) -> ast.Body:
    """The body with the call as early as the tail's variables can be bound.

    Expressions that the compiler made to bind them move up with it.
    """
    mentions = [all_vars([expr]) for expr in body]
    wanted = [term.name for term in tail if isinstance(term, ast.Var)]
    moved: set[int] = set()
    place = 0
    for name in wanted:
        first = next((i for i, names in enumerate(mentions) if name in names), None)
        if first is None or first in moved:
            continue
        if body[first].generated and type(body[first].terms) is list:
            moved.add(first)
            wanted += sorted(mentions[first] - {name, "data", "input"})
        else:
            place = max(place, first + 1)
    moved = {index for index in moved if index >= place}
    call = ast.Expr(
        [
            ast.Ref([ast.Var("internal", loc), ast.String("test_case", loc)], loc),
            ast.Array(list(tail), loc),
        ],
        generated=True,
        loc=loc,
    )
    out = [
        *body[:place],
        *(body[index] for index in sorted(moved)),
        call,
        *(expr for i, expr in enumerate(body) if i >= place and i not in moved),
    ]
    for index, expr in enumerate(out):
        expr.index = index
    return out


def _tests(compiled: Compiled) -> Iterator[tuple[UnitTest, ast.Rule]]:
    for module in compiled.modules.values():
        package = ref_text(module.package.path)
        for rule in module.rules:
            ref = _test_ref(rule.head)
            if ref is None:
                continue
            head = rule.head
            skip = _term_name(ref[-1]).startswith(_SKIPPED)
            tabular = head.key is None and not all(
                map(is_ground, head.reference.terms[1:])
            )
            names = map(ast.String, map(_term_name, ref[:1]))
            query = ref_text([*module.package.path.terms, *names, *ref[1:]])
            yield (
                UnitTest(package, ref_text(ref), query, rule.loc, skip, tabular),
                rule,
            )


@dataclass(slots=True, eq=False)
class Suite:
    """Tests with the policy that they test, ready to run."""

    policy: Policy
    data: Doc
    tests: tuple[UnitTest, ...]
    prints: PrintOutput
    _named: list[list[Value]]
    _broken: Mapping[str, RegoErrors]

    def run(self, *, timeout: float = 5.0) -> Iterator[Outcome]:
        """Run all tests, in the order of files and lines; `timeout` in seconds."""
        limits = Limits(steps=_UNBOUNDED, seconds=timeout)
        for test in self.tests:
            yield self._outcome(test, limits)

    def _outcome(self, test: UnitTest, limits: Limits) -> Outcome:
        if test.skip:
            return Outcome(test, skip=True)
        broken = self._broken.get(test.query)
        if broken is not None:
            return Outcome(test, error=broken)
        self._named.clear()
        self.prints.take()
        start = time.perf_counter()
        value: Value = UNDEFINED
        error: EvalError | None = None
        try:
            value = self.policy.evaluate(test.query, data=self.data, limits=limits)
        except EvalError as failure:
            error = failure
        except BudgetExceeded as exceeded:
            late = exceeded.reason == "cancelled"
            text = "context deadline exceeded" if late else str(exceeded)
            error = EvalError(CANCEL_ERROR, text)
            error.__cause__ = exceeded
        taken = time.perf_counter() - start
        output = self.prints.take()
        if error is not None:
            return Outcome(test, taken, error=error, output=output)
        if value is UNDEFINED or not test.tabular:
            failed = value is not True
            return Outcome(test, taken, fail=failed, output=output)
        failed, cases = _cases(value)
        for path in self._named:
            failed |= _add_case(cases, [_text(part) for part in path])
        return Outcome(test, taken, fail=failed, output=output, cases=cases)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else dump(value)


def _cases(value: Value) -> tuple[bool, dict[str, Case]]:
    """Whether a case failed, and the cases, of the value of a table."""
    cases: dict[str, Case] = {}
    if not isinstance(value, dict):
        pairs = getattr(value, "pairs", None)
        if pairs is None:
            return value is None, cases
        value = {_text(key): item for key, item in pairs}
    for name, item in value.items():
        if item is None:
            case = Case("")
        elif isinstance(item, dict) or hasattr(item, "pairs"):
            failed, below = _cases(item)
            case = Case(name, failed, below)
        else:
            case = Case(name, item is not True)
        cases[name] = case
    return any(case.fail for case in cases.values()), cases


def _add_case(cases: dict[str, Case], path: list[str]) -> bool:
    """Note that a case was tried; without a value of its own it has failed."""
    name, *rest = path
    case = cases.get(name)
    if case is None:
        case = cases[name] = Case(name, True)
    if not rest:
        return case.fail
    failed = _add_case(case.cases, rest)
    case.fail |= failed
    return failed


def compile_suite(
    modules: Mapping[str, ast.Module],
    documents: Mapping[str, Value],
    *,
    options: CompileOptions,
    selects: Callable[[str], bool] = lambda _path: True,
) -> Suite:
    """Compile modules and find the tests in them.

    `selects` gets the ref of each test (`data.a.test_x`) and tells whether it is to
    run.  Raises RegoErrors, PlanError.
    """
    compiled = compile_modules(_rename_doubles(modules), options=options)
    _name_cases(compiled)
    prints = PrintOutput()
    named: list[list[Value]] = []

    def name_case(path: list[Value]) -> bool:
        named.append(path)
        return True

    functions: dict[str, Callable[..., Any]] = {
        **prints.functions,
        _CASE: name_case,
    }
    policy = Policy.of(compiled, functions=functions)
    tests = [(test, rule) for test, rule in _tests(compiled) if selects(test.query)]
    broken: dict[str, RegoErrors] = {}
    queries: list[str] = []
    for test, rule in tests:
        if test.skip:
            continue
        if rule.head.args is None:
            queries.append(test.query)
            continue
        try:
            policy.prepare_query(test.query)
        except RegoErrors as error:
            broken[test.query] = error
    policy.prepare(dict.fromkeys(queries))
    return Suite(
        policy,
        Doc.from_python(dict(documents)),
        tuple(test for test, _ in tests),
        prints,
        named,
        broken,
    )
