"""Unit tests of policies: rules named `test_*`, found and run as `opa test` does.

All tests of a run are planned into one program.  A test passes only when its value
is true.  `todo_test_*` is skipped.  A rule with variables after its name is a table
of cases: each call of the builtin `internal.test_case`, put where the variables
are bound, names a case, so one that fails later is known too.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

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
from gatewright.engine.search.events import Listener
from gatewright.engine.search.state import Program
from gatewright.engine.traces.coverage import EARLY_EXIT, INDEX_EXCLUDED, Coverage
from gatewright.engine.traces.query import TracedQuery
from gatewright.engine.traces.recorder import Record, Recorder
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled, CompileOptions
from gatewright.rego.compiler import compile_modules
from gatewright.rego.copies import copy_module
from gatewright.rego.errors import RegoErrors
from gatewright.rego.printer import ref_text
from gatewright.rego.stages.variables import all_vars
from gatewright.rego.stages.walk import is_ground, operator_name

__all__ = ["Case", "Outcome", "Suite", "UnitTest", "Watch", "compile_suite"]

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

    `seconds` is how long it took; `output` what it printed; `records` its steps.
    """

    test: UnitTest
    seconds: float = 0.0
    fail: bool = False
    skip: bool = False
    error: EvalError | RegoErrors | None = None
    output: str = ""
    cases: Mapping[str, Case] = field(default_factory=dict)
    records: Sequence[Record] = ()

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
                rule.body = _with_case(rule.body, tail)


def _with_case(body: ast.Body, tail: list[ast.Term]) -> ast.Body:
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
            ast.Ref([ast.Var("internal"), ast.String("test_case")]),
            ast.Array(list(tail)),
        ],
        generated=True,
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


@dataclass(frozen=True, slots=True)
class Watch:
    """What is to be seen of tests besides their outcome.

    `coverage` is told of every test.  `trace`: steps are kept of tests that fail, or
    (`all`) of every test; `values`: with what variables held; `unifications` too.
    """

    coverage: Coverage | None = None
    trace: Literal["none", "failed", "all"] = "none"
    values: bool = False
    unifications: bool = False


class _Run(threading.local):
    """What the test that a thread runs has printed and named."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.named: list[list[Value]] = []


@dataclass(slots=True, eq=False)
class Suite:
    """Tests with the policy that they test, ready to run.

    `modules`: as they were read.
    """

    policy: Policy
    documents: Mapping[str, Value]
    tests: tuple[UnitTest, ...]
    modules: Mapping[str, ast.Module]
    _run: _Run
    _broken: Mapping[str, RegoErrors]
    _data: Doc = field(init=False)
    _program: Program | None = None

    def __post_init__(self) -> None:
        self._data = Doc.from_python(dict(self.documents))

    @property
    def names(self) -> Mapping[str, str]:
        """Names in the source of variables that the compiler renamed."""
        return self.policy.compiled.rewritten_vars

    def run(
        self, *, timeout: float = 5.0, parallel: int = 1, watch: Watch = Watch()
    ) -> Iterator[Outcome]:
        """Run all tests; outcomes come in the order of files and lines.

        `timeout` in seconds; `parallel`: how many may run at a time (those that are
        watched run one after the other).
        """
        limits = Limits(steps=_UNBOUNDED, seconds=timeout)
        one = functools.partial(self._outcome, limits=limits, watch=watch)
        searched = watch.coverage is not None or watch.trace == "all"
        if parallel <= 1 or searched or len(self.tests) < 2:
            yield from map(one, self.tests)
            return
        with ThreadPoolExecutor(min(parallel, len(self.tests))) as pool:
            yield from pool.map(one, self.tests)

    def once(self, test: UnitTest) -> Value:
        """The value of a test, as often as wanted (for benchmarks).

        Raises EvalError, BudgetExceeded.
        """
        self._run.named.clear()
        self._run.printed.clear()
        limits = Limits(steps=_UNBOUNDED)
        return self.policy.evaluate(test.query, data=self._data, limits=limits)

    def _outcome(self, test: UnitTest, *, limits: Limits, watch: Watch) -> Outcome:
        if test.skip:
            return Outcome(test, skip=True)
        broken = self._broken.get(test.query)
        if broken is not None:
            return Outcome(test, error=broken)
        run = self._run
        run.named.clear()
        run.printed.clear()
        records: Sequence[Record] = ()
        value: Value = UNDEFINED
        error: EvalError | None = None
        start = time.perf_counter()
        try:
            if watch.coverage is not None or watch.trace == "all":
                value, error, records = self._searched(test, limits, watch)
            else:
                value = self.policy.evaluate(test.query, data=self._data, limits=limits)
        except EvalError as failure:
            error = failure
        except BudgetExceeded as exceeded:
            late = exceeded.reason == "cancelled"
            text = "context deadline exceeded" if late else str(exceeded)
            error = EvalError(CANCEL_ERROR, text)
            error.__cause__ = exceeded
        taken = time.perf_counter() - start
        outcome = self._judged(
            test,
            value,
            error,
            seconds=taken,
            output="".join(run.printed),
            records=records,
        )
        if outcome.passed or records or watch.coverage is not None:
            return outcome
        return self._explained(outcome, limits, watch)

    def _judged(
        self,
        test: UnitTest,
        value: Value,
        error: EvalError | None,
        *,
        seconds: float,
        output: str,
        records: Sequence[Record],
    ) -> Outcome:
        made = functools.partial(Outcome, test, seconds, output=output, records=records)
        if error is not None:
            return made(error=error)
        if value is UNDEFINED or not test.tabular:
            return made(fail=value is not True)
        failed, cases = _cases(value)
        for path in self._run.named:
            failed |= _add_case(cases, [_text(part) for part in path])
        return made(fail=failed, cases=cases)

    def _explained(self, outcome: Outcome, limits: Limits, watch: Watch) -> Outcome:
        """The outcome with its steps, or the stack of its error."""
        traced = watch.trace != "none"
        if outcome.error is None and not traced:
            return outcome
        _, error, records = self._searched(outcome.test, limits, watch)
        known = outcome.error
        same = (
            isinstance(error, EvalError)
            and isinstance(known, EvalError)
            and (error.code, error.location) == (known.code, known.location)
        )
        return replace(
            outcome, error=error if same else known, records=records if traced else ()
        )

    def _searched(
        self, test: UnitTest, limits: Limits, watch: Watch
    ) -> tuple[Value, EvalError | None, Sequence[Record]]:
        """Evaluate a test step by step."""
        if self._program is None:
            self._program = Program(self.policy.compiled, self.policy.binding)
        query = TracedQuery(self.policy, test.query, program=self._program)
        recorder = Recorder(values=watch.values)
        listeners: list[Listener] = [] if watch.trace == "none" else [recorder]
        remembered: dict[Any, Any] = {}
        solve = functools.partial(
            query.solve, data=self.documents, limits=limits, remembered=remembered
        )
        if watch.coverage is not None:
            listeners.append(watch.coverage)
        try:
            solutions = solve(listeners=listeners, unifications=watch.unifications)
        except EvalError as error:
            return UNDEFINED, error, recorder.records
        if watch.coverage is not None:
            self._more(solve, watch.coverage)
        value = solutions[0].values[0] if solutions else UNDEFINED
        return value, None, recorder.records

    def _more(self, solve: Callable[..., Any], coverage: Coverage) -> None:
        """Evaluate again with more definitions tried; what comes of it is no matter."""
        run = self._run
        kept = list(run.printed), list(run.named)
        for kind, other in coverage.kinds.items():
            with contextlib.suppress(EvalError):
                solve(
                    listeners=[other],
                    indexing=kind != INDEX_EXCLUDED,
                    early_exit=kind != EARLY_EXIT,
                )
        run.printed[:], run.named[:] = kept


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
    run = _Run()

    def name_case(path: list[Value]) -> bool:
        run.named.append(path)
        return True

    prints = PrintOutput(lambda line: run.printed.append(line))
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
        documents,
        tuple(test for test, _ in tests),
        modules,
        run,
        broken,
    )
