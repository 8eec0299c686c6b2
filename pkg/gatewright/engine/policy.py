"""A compiled policy, and how to evaluate it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, Literal, TypedDict, Unpack

from gatewright._native.core import (
    Assembler,
    Doc,
    Evaluation,
    Question,
)
from gatewright.engine.binding import LIBRARY, VARYING, Binding, bind
from gatewright.engine.errors import BudgetExceeded, EvalError, Place
from gatewright.engine.library.context import Context
from gatewright.engine.limits import Limits
from gatewright.engine.parts import Part, loaded
from gatewright.engine.reruns import Rerun, Reruns
from gatewright.engine.values import UNDEFINED, Value, pairs
from gatewright.ir.encode import encode
from gatewright.ir.program import Program
from gatewright.plan.joins import IndexedTree
from gatewright.plan.passes import leaves_out
from gatewright.plan.planner import QUERY, parse_entrypoint, plan_program, plan_query
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled, CompileOptions, QueryContext
from gatewright.rego.compiler import compile_modules, compile_query
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_body, parse_module

__all__ = [
    "Policy",
    "PreparedQuery",
    "RegoVersion",
    "Run",
    "Solution",
    "compile_policy",
    "error_from",
    "solution_of",
    "stated",
]

_STANDARD = Limits()


class RegoVersion(IntEnum):
    """Which Rego a module is written in."""

    V0 = 0
    V1 = 1


def error_from(
    kind: str,
    code: str,
    message: str,
    location: tuple[str, int, int] | None,
    cause: BaseException | None,
) -> EvalError | BudgetExceeded:
    """The exception for an outcome of the native evaluator."""
    if kind != "error":
        place = None if location is None else Place(*location)
        return BudgetExceeded(kind, place)  # type: ignore[arg-type]
    error = _eval_error(code, message, location)
    error.__cause__ = cause
    return error


def _eval_error(
    code: str, message: str, location: tuple[str, int, int] | None
) -> EvalError:
    return EvalError(code, message, None if location is None else Place(*location))


class Run(TypedDict, total=False):
    """What an evaluation is given, all of it optional, by keyword.

    `input`, `data`: what the policy sees as these; without them there is no input,
    and no base data.  `limits`: see `Limits`.  `strict_builtin_errors`: an error of a
    builtin is raised.  `context`: clock, randomness, hosts; a new one without it.
    `collected`: a list that takes errors of builtins that are not raised.
    """

    input: Value | Doc
    data: Value | Doc | None
    limits: Limits
    strict_builtin_errors: bool
    context: Context | None
    collected: list[EvalError] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Ending:
    """How an evaluation ends that is more than a value.

    `rerun` finds out how one ends that failed; None: as it did.
    """

    rerun: Rerun | None

    def __call__(
        self,
        value: Value,
        failure: Any,
        failed: Sequence[tuple[str, str, tuple[str, int, int] | None]],
        json: bool,
        how: Run,
    ) -> Value | bytes:
        """The value after all, or what is to be raised; notes errors of builtins."""
        strict = how["strict_builtin_errors"]
        errors = [_eval_error(*entry) for entry in failed]
        error: EvalError | BudgetExceeded | None = None
        if strict and errors and (failure is None or failure[0] == "error"):
            # As in OPA before the conflict that evaluation may have ended with.
            error = errors[0]
        elif failure is not None:
            error = error_from(*failure)
        if error is not None:
            if self.rerun is None or isinstance(error, BudgetExceeded):
                raise error
            value, errors = self.rerun.outcome(
                error,
                input=how["input"],
                data=how["data"],
                limits=how["limits"],
                context=how["context"],
                strict=strict,
            )
            if json:
                value = Doc.from_python(value).json(html=False)
        if how["collected"] is not None:
            how["collected"] += errors
        return value


class _Prepared:
    """An image of one program, and the questions that it answers, by entry point.

    `reruns`: by entry point, what finds out how an evaluation ends that failed.
    `strict`: as a `Question` takes it.
    """

    def __init__(
        self,
        program: Program,
        binding: Binding,
        reruns: Mapping[str, Rerun],
        strict: Callable[[], Question] | None = None,
    ) -> None:
        assembler = Assembler()
        assembler.add_program(encode(program), varying=VARYING)
        image = loaded(assembler.finish(), binding=binding)
        idle: list[Evaluation] = []
        self.questions = {
            name: Question(
                image,
                function,
                idle=idle,
                limits=_STANDARD,
                make_context=Context,
                conclude=_Ending(reruns.get(name)),
                strict=strict,
                quiet=not leaves_out("quiet"),
                paths=not leaves_out("paths"),
            )
            for name, function in image.entrypoints(0).items()
        }


@dataclass(slots=True, eq=False)
class Policy:
    """Compiled modules; immutable, and safe to evaluate from several threads.

    `messages`: whose texts conflicts have, those of OPA 1.22 or those of the OPA
    inside Gatekeeper 3.23.
    """

    compiled: Compiled
    messages: Literal["opa", "gatekeeper"] = "opa"
    binding: Binding = LIBRARY
    indexed: IndexedTree | None = None
    _prepared: dict[str, _Prepared] = field(default_factory=dict)
    _strict: dict[str, _Prepared] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)
    _reruns: Reruns | None = None

    @classmethod
    def of(
        cls,
        compiled: Compiled,
        *,
        messages: Literal["opa", "gatekeeper"] = "opa",
        functions: Mapping[str, Callable[..., Any]] | None = None,
        indexed: IndexedTree | None = None,
    ) -> Policy:
        """The policy of a compiled library; `functions` as in `compile_policy`."""
        return cls(compiled, messages, bind(compiled.builtins, functions), indexed)

    def prepare(self, entrypoints: Iterable[str]) -> None:
        """Plan entry points now, as one program, that `evaluate` then finds ready.

        Raises PlanError if one is no document.
        """
        names = list(entrypoints)
        if names:
            prepared = self._prepare(self.program(names), names)
            self._prepared.update(dict.fromkeys(names, prepared))

    def program(self, entrypoints: Sequence[str]) -> Program:
        """Plan some entry points (`data.p.allow`, `p/allow`).

        Raises PlanError if one is no document.
        """
        return self._plan(entrypoints, strict=False)

    def _plan(self, entrypoints: Sequence[str], *, strict: bool) -> Program:
        return plan_program(
            self.compiled,
            entrypoints=entrypoints,
            messages=self.messages,
            strict=strict,
            indexed=self.indexed,
        )

    def part(self, entrypoint: str, *, meta: bytes = b"") -> Part:
        """The program of an entry point as libraries take it; planned once.

        `meta` is kept in it.  Raises PlanError if it is no document, RegoErrors if
        nothing carries out a builtin that it calls.
        """
        found = self._parts.get(entrypoint)
        if found is None:
            program = self.program([entrypoint])
            found = Part.of(program, binding=self.binding, meta=meta)
            self._parts[entrypoint] = found
        return found

    def evaluate(
        self,
        entrypoint: str,
        *,
        input: Value | Doc = UNDEFINED,  # noqa: A002 - Rego's name for it
        data: Value | Doc | None = None,
        limits: Limits = _STANDARD,
        strict_builtin_errors: bool = False,
        context: Context | None = None,
        collected: list[EvalError] | None = None,
    ) -> Value:
        """The value of an entry point, UNDEFINED when it has none.

        Parameters as in `Run`, in full since passing them on as a dict would take a
        quarter of a small evaluation.  Builtins that fail make their expression
        undefined; their errors are added to `collected`, or with
        `strict_builtin_errors` the first one is raised.  Raises EvalError,
        BudgetExceeded.
        """
        known = self._strict if strict_builtin_errors else self._prepared
        prepared = known.get(entrypoint)
        if prepared is None:
            prepared = self._ready(entrypoint, strict=strict_builtin_errors)
        value: Value = prepared.questions[entrypoint].ask(
            input=input,
            data=data,
            limits=limits,
            strict_builtin_errors=strict_builtin_errors,
            context=context,
            collected=collected,
        )
        return value

    def evaluate_many(
        self,
        entrypoint: str,
        inputs: Iterable[Value | Doc],
        *,
        threads: int = 1,
        **how: Unpack[Run],
    ) -> list[Value | EvalError | BudgetExceeded]:
        """The values of an entry point for many inputs, in their order.

        `threads` of them are evaluated at a time, on as many cores; builtins in
        Python take turns.  An evaluation that fails gives its error in the place of
        its value, and hurts no other.  `how`: as in `evaluate`, for each.
        """
        strict = how.get("strict_builtin_errors", False)
        question = self._ready(entrypoint, strict=strict).questions[entrypoint]
        if how.get("data") is not None and not isinstance(how["data"], Doc):
            how["data"] = Doc.from_python(how["data"])

        def one(value: Value | Doc) -> Value | EvalError | BudgetExceeded:
            try:
                mine: Run = {**how, "input": value}
                answer: Value = question.ask(**mine)
            except (EvalError, BudgetExceeded) as error:
                return error
            return answer

        given = list(inputs)
        if threads <= 1 or len(given) < 2:
            return [one(value) for value in given]
        # A task takes some 20 us to hand over, so each takes several inputs.
        from concurrent.futures import ThreadPoolExecutor  # for those who want it

        size = max(1, len(given) // (8 * threads))
        parts = [given[at : at + size] for at in range(0, len(given), size)]
        with ThreadPoolExecutor(threads) as pool:
            done = pool.map(lambda part: [one(value) for value in part], parts)
            return [answer for part in done for answer in part]

    def _ready(self, entrypoint: str, *, strict: bool) -> _Prepared:
        known = self._strict if strict else self._prepared
        prepared = known.get(entrypoint)
        if prepared is None:
            program = self._plan([entrypoint], strict=strict)
            prepared = known[entrypoint] = self._prepare(program, [entrypoint])
        return prepared

    def _prepare(self, program: Program, entrypoints: Sequence[str]) -> _Prepared:
        reruns: dict[str, Rerun] = {}
        if (shared := self._searches()) is not None:
            for name in entrypoints:
                reruns[name] = shared.document(partial(parse_entrypoint, name))
        return _Prepared(program, self.binding, reruns)

    def _searches(self) -> Reruns | None:
        """What runs again what has failed; the search has the messages of OPA only."""
        if self._reruns is None and self.messages == "opa":
            self._reruns = Reruns(self.compiled, self.binding)
        return self._reruns

    def prepare_query(
        self,
        text: str | ast.Body,
        *,
        context: QueryContext | None = None,
        capture: bool = False,
    ) -> PreparedQuery:
        """Compile a query against the policy.  Raises RegoErrors.

        With `capture`, `PreparedQuery.solve` gives the value of each expression.
        """
        body = parse_body(text) if isinstance(text, str) else text
        compiled = compile_query(self.compiled, body, context=context, capture=capture)

        strict: list[Question] = []

        def question(*, loud: bool) -> Question:
            program = plan_query(
                self.compiled, compiled, messages=self.messages, strict=loud
            )
            shared = self._searches()
            again = {} if shared is None else {QUERY: shared.query(compiled)}
            ready = _Prepared(program, self.binding, again, None if loud else strictly)
            return ready.questions[QUERY]

        def strictly() -> Question:
            if not strict:
                strict.append(question(loud=True))
            return strict[0]

        usual = question(loud=False)
        return PreparedQuery(
            usual.ask,
            usual.ask_json,
            tuple(compiled.bindings),
            tuple(filter(stated, body)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PreparedQuery:
    """A query ready to run; `names` are its variables in the order of first use.

    `run`: the bindings of each solution, in order, repeats included; `run_json`: the
    JSON text of that list, in which sets are arrays.  Both are calls of the native
    evaluator itself; their parameters (`Run`) and errors are those of
    `Policy.evaluate`.

    `expressions` are those of the query as written, bare `some` declarations left
    out.
    """

    run: Callable[..., list[dict[str, Value]]]
    run_json: Callable[..., bytes]
    names: tuple[str, ...]
    expressions: tuple[ast.Expr, ...] = ()

    def solve(self, **how: Unpack[Run]) -> list[Solution]:
        """The solutions, in order, repeats included; otherwise as `run`.

        The query was prepared with `capture`.
        """
        return [
            solution_of(dict(pairs(row)), self.names, self.expressions)
            for row in self.run(**how)
        ]


@dataclass(frozen=True, slots=True)
class Solution:
    """One way to make a query true: its variables, and the value of each expression
    (true for those without one: an assignment, a negation)."""

    bindings: dict[str, Value]
    values: tuple[Value, ...]


def solution_of(
    row: Mapping[Any, Value], names: Iterable[str], expressions: Iterable[ast.Expr]
) -> Solution:
    """A solution from the values of variables (by name) and expressions (by index)."""
    values = tuple(row.get(expr.index, True) for expr in expressions)
    return Solution({name: row[name] for name in names if name in row}, values)


def stated(expr: ast.Expr) -> bool:
    """Whether an expression has a value: all but bare `some` declarations."""
    declared = expr.terms
    return not isinstance(declared, ast.SomeDecl) or any(
        isinstance(symbol, ast.Call) for symbol in declared.symbols
    )


def compile_policy(
    modules: Mapping[str, str | ast.Module],
    *,
    version: RegoVersion = RegoVersion.V1,
    entrypoints: Iterable[str] = (),
    options: CompileOptions | None = None,
    messages: Literal["opa", "gatekeeper"] = "opa",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    indexed: IndexedTree | None = None,
) -> Policy:
    """Compile modules (name -> text or tree; texts are read as `version`).

    `entrypoints` are planned now, as one program; others when first evaluated.
    `functions` carries out builtins that `options.extra_builtins` declares.
    `indexed`: base documents that evaluators may keep indexes of.  Raises
    RegoErrors, PlanError.
    """
    parsed: dict[str, ast.Module] = {}
    errors = []
    for name, module in modules.items():
        if not isinstance(module, str):
            parsed[name] = module
            continue
        try:
            parsed[name] = parse_module(name, module, version=int(version))
        except RegoErrors as error:
            errors += error.errors
    if errors:
        raise RegoErrors(errors)
    compiled = compile_modules(parsed, options=options)
    policy = Policy.of(
        compiled, messages=messages, functions=functions, indexed=indexed
    )
    policy.prepare(entrypoints)
    return policy
