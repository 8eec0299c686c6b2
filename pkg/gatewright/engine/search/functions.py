"""Calls: functions of the policy, builtins, and what replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gatewright._native.core import NativeBuiltinError, builtin_names, call_builtin
from gatewright.engine.documents import Doc
from gatewright.engine.errors import (
    BUILTIN_ERROR,
    CANCEL_ERROR,
    CONFLICT_ERROR,
    INTERNAL_ERROR,
    TYPE_ERROR,
    EvalError,
)
from gatewright.engine.library.budget import OverBudget
from gatewright.engine.library.errors import (
    BuiltinError,
    OperandError,
    UnsupportedBuiltin,
)
from gatewright.engine.search.conflicts import Conflicts
from gatewright.engine.search.definitions import each_definition
from gatewright.engine.search.early import Outcome, Then, unwrapped
from gatewright.engine.search.events import Event, Op
from gatewright.engine.search.ruleindex import Found
from gatewright.engine.search.stack import attach, error_at
from gatewright.engine.search.state import dotted
from gatewright.engine.search.terms import NODES, Definition, Step, equal, value_key
from gatewright.engine.search.virtual import look_up
from gatewright.engine.values import UNDEFINED, Set, Value
from gatewright.rego import ast
from gatewright.rego.parser import parse_term

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin
    from gatewright.engine.search.steps import Evaluation

__all__ = ["call"]

_NATIVE: Final = builtin_names()


def call(e: Evaluation, terms: list[Any], then: Then) -> Outcome:
    """Evaluate `[operator, operand, ...]`, with the output last if it is taken."""
    operator, search = terms[0], e.search
    name = dotted(operator)
    mock = search.mocked(name)
    if type(mock) is ast.Ref and search.program.is_function(mock):
        return _replaced(e, mock, terms, then)
    operands = terms[1:]
    if operator.terms[0].name == "data":
        node = search.program.node(operator.terms[1:])
        if node is None or not node.rules:
            return None
        if mock is not UNDEFINED:
            arity = len(node.rules[0].head.args or ())
            return _given(e, arity, operands, mock, then)
        ref = operator.terms
        found = look_up(e, node, ref, operands)
        return _Call(e, name, found, operands).evaluate(then)
    builtin = search.program.builtins.get(name)
    if builtin is None:
        text = f"unsupported built-in: {name}"
        return error_at(e.step.loc, INTERNAL_ERROR, text)
    if mock is not UNDEFINED:
        return _given(e, builtin.arity, operands, mock, then)
    return _builtin(e, builtin, operands, then)


def _replaced(e: Evaluation, mock: ast.Ref, terms: list[Any], then: Then) -> Outcome:
    """Inside of a replacement nothing is replaced."""
    search = e.search
    search.hide_mocks()

    def found() -> Outcome:
        search.show_mocks()
        end = then()
        search.hide_mocks()
        return end

    end = call(e, [mock, *terms[1:]], found)
    search.show_mocks()
    return end


def _given(
    e: Evaluation, arity: int, operands: list[Any], value: Any, then: Then
) -> Outcome:
    """A call that is replaced by a value."""
    if len(operands) == arity + 1:
        return e.unify(operands[-1], value, then)
    return None if value is False else then()


# Functions ------------------------------------------------------------------


class _Call:
    """One call of a function with its definitions."""

    __slots__ = ("arity", "e", "found", "key", "name", "operands")

    def __init__(
        self, e: Evaluation, name: str, found: Found, operands: list[Any]
    ) -> None:
        self.e = e
        self.name = name
        self.found = found
        self.operands = operands
        first = found.rules[0] if found.rules else found.default
        self.arity = len(first.args or ()) if first is not None else 0

    @property
    def taken(self) -> bool:
        """Whether something takes the result."""
        return len(self.operands) == self.arity + 1

    def evaluate(self, then: Then) -> Outcome:
        if not self.found.rules and self.found.default is None:
            return None
        plug = self.e.bindings.plug
        args = [plug(term) for term in self.operands[: self.arity]]
        self.key: Any = None
        if all(type(arg) not in NODES for arg in args):
            self.key = ("call", self.name, *map(value_key, args))
        cached = self.e.search.cache[-1].get(self.key, UNDEFINED)
        if cached is not UNDEFINED:
            if self.taken:
                return self.e.unify(self.operands[-1], cached, then)
            return None if cached is False else then()

        def one(definition: Definition, before: Value) -> tuple[Outcome, Value]:
            return self._definition(definition, before, then)

        return unwrapped(each_definition(self.found, one, self._conflict)[0])

    def _bound(self, child: Evaluation, definition: Definition, then: Then) -> Outcome:
        """Unify the operands with what the definition expects."""
        head: list[Any] = [*(definition.args or ())]
        if len(self.operands) == len(head) + 1:
            head.append(definition.value)
        mine, where = self.e.bindings, child.bindings

        def each(place: int) -> Outcome:
            if place == len(head):
                return then()
            return child.unify(
                self.operands[place],
                head[place],
                lambda: each(place + 1),
                mine,
                where,
            )

        return each(0)

    def _definition(
        self, definition: Definition, before: Value, then: Then
    ) -> tuple[Outcome, Value]:
        e = self.e
        child = e.child(definition.body)
        child.one = self.found.early_exit
        result: Value = UNDEFINED
        alone = len(definition.args or ()) == len(self.operands)
        child.emit(Op.ENTER, definition)

        def solved(inner: Evaluation) -> Outcome:
            nonlocal result, before
            inner.leave(definition)
            result = inner.bindings.plug(definition.value)
            if self.key is not None:
                e.search.cache[-1][self.key] = result
            if before is not UNDEFINED and not equal(before, result):
                return _conflict(definition, self.name)
            if alone and result is False:
                before = result
                return None
            if before is not UNDEFINED:
                inner.emit(Op.REDO, definition)
                return None
            before = result
            end = then()
            if end is None:
                inner.emit(Op.REDO, definition)
            return end

        end = self._bound(child, definition, lambda: child.run(solved))
        return end, result

    def _conflict(self, end: Outcome, definition: Definition) -> Outcome:
        if not isinstance(end, EvalError):
            return end

        def produce(other: Definition, conflicts: Conflicts) -> tuple[bool, Outcome]:
            child = self.e.child(other.body)
            child.one = self.found.early_exit
            child.emit(Op.ENTER, other)
            produced = False

            def run() -> Outcome:
                nonlocal produced
                given, end = conflicts.body(child, other)
                produced |= given
                return end

            end = self._bound(child, other, run)
            return produced, end

        return Conflicts.listed(
            end, definition, self.found, produce, errors=self.e.search.errors
        )


def _conflict(definition: Definition, name: str) -> EvalError:
    text = f"function {name} produced conflicting values for the same inputs"
    return error_at(definition.loc, CONFLICT_ERROR, text)


# Builtins -------------------------------------------------------------------


def _builtin(
    e: Evaluation, builtin: Builtin, operands: list[Any], then: Then
) -> Outcome:
    arity, name = builtin.arity, builtin.name
    taken = not builtin.void and len(operands) > arity
    given = operands[:-1] if taken else operands
    values = [e.bindings.plug(term) for term in given]
    for place, value in enumerate(values):
        if type(value) in NODES:
            text = f"built-in function {name} called with operand {place + 1}"
            return error_at(
                e.step.loc, INTERNAL_ERROR, f"{text} that requires evaluation"
            )
    if name == "trace" and isinstance(values[0], str):
        note = Event(Op.NOTE, None, e.step.loc, e, values[0])
        for listener in e.search.listeners:
            listener(note)
    if name == "internal.test_case":
        case = Event(Op.TEST_CASE, _case_step(values[0]), ast.NO_LOCATION, e)
        for listener in e.search.listeners:
            listener(case)
    try:
        outputs = _run(e, builtin, values)
    except _Stopped as stopped:
        return stopped.error
    for output in outputs:
        end: Outcome
        if builtin.void or not taken:
            end = None if output is False and not builtin.void else then()
        else:
            end = e.unify(operands[-1], output, then)
        if end is not None:
            return end
    return None


def _case_step(path: Value) -> Step:
    """The call that names a case, with the name."""
    term = parse_term(Doc.from_python(path).rego_text())
    operator = ast.Ref([ast.Var("internal"), ast.String("test_case")])
    return Step(ast.Expr([operator, term]))


class _Stopped(Exception):
    """A builtin ended the query."""

    def __init__(self, error: EvalError) -> None:
        super().__init__(error)
        self.error = error


def _run(e: Evaluation, builtin: Builtin, values: list[Value]) -> list[Value]:
    """What a call gives: nothing, one value, or several (`walk`)."""
    search, name = e.search, builtin.name
    key: Any = None
    if builtin.nondeterministic:
        key = (name, *map(value_key, values))
        if key in search.remembered:
            return [search.remembered[key]]
    try:
        value = _value(e, name, values)
    except (OperandError, BuiltinError, NativeBuiltinError) as error:
        search.errors.append(_failure(e, name, error))
        return []
    except UnsupportedBuiltin as error:
        raise _Stopped(error_at(e.step.loc, INTERNAL_ERROR, str(error))) from error
    except OverBudget as error:
        text = "caller cancelled query execution"
        raise _Stopped(error_at(e.step.loc, CANCEL_ERROR, text)) from error
    if value is UNDEFINED:
        return []
    if key is not None:
        search.remembered[key] = value
    if builtin.relation:
        return [*value.items] if isinstance(value, Set) else [*value]
    return [value]


def _value(e: Evaluation, name: str, values: list[Value]) -> Value:
    binding = e.search.program.binding
    if name in _NATIVE and name not in binding.functions:
        return call_builtin(name, *values)
    function = binding.functions.get(name)
    if function is None:
        raise UnsupportedBuiltin(name)
    if name in binding.contextual:
        return function(e.search.context, *values)
    return function(*values)


def _failure(e: Evaluation, name: str, error: Exception) -> EvalError:
    code = getattr(error, "code", "")
    text = str(error)
    if not isinstance(error, NativeBuiltinError):
        code = TYPE_ERROR if isinstance(error, OperandError) else BUILTIN_ERROR
        text = f"{name}: {text}"
    failure = error_at(e.step.loc, code, text)
    attach(e, failure)
    return failure
