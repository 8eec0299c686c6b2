"""`with`: an expression evaluated with other input, data or functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewright.engine.errors import CONFLICT_ERROR, INTERNAL_ERROR
from gatewright.engine.search.early import Outcome
from gatewright.engine.search.stack import attach, error_at
from gatewright.engine.search.state import dotted
from gatewright.engine.search.terms import NODES, Step, build, is_collection, value_key
from gatewright.engine.values import UNDEFINED, Value, make_object, pairs

if TYPE_CHECKING:
    from gatewright.engine.search.steps import After, Evaluation

__all__ = ["run"]


class _Scene:
    """What an expression's modifiers make of the world."""

    def __init__(self, e: Evaluation, step: Step) -> None:
        program = e.search.program
        self.mocks: dict[str, Any] = {}
        self.targets: list[tuple[Any, ...]] = []
        self.inputs: list[tuple[list[Value], Any]] = []
        self.documents: list[tuple[list[Value], Any]] = []
        for modifier in step.with_:
            target: Any = build(modifier.target)
            value = e.bindings.plug(build(modifier.value))
            head, *path = getattr(target, "terms", [target])
            if program.is_function(target):
                self.mocks[dotted(target)] = value
                if head.name != "data":
                    continue
            elif head.name == "input":
                self.inputs.append((path, value))
            elif head.name == "data":
                self.documents.append((path, value))
            self.targets.append((head.name, *map(value_key, path)))


def run(e: Evaluation, step: Step, after: After) -> Outcome:
    """Evaluate an expression under its modifiers, and what follows without them."""
    scene = _Scene(e, step)
    for _, value in (*scene.inputs, *scene.documents):
        if type(value) in NODES:
            text = "a value of with is not known"
            return error_at(step.loc, INTERNAL_ERROR, text)
    bad = [path for path, _ in (*scene.inputs, *scene.documents) if not _texts(path)]
    if bad:
        return attach(e, error_at(step.loc, CONFLICT_ERROR, "bad document path"))
    new_input = _replace(e.input, scene.inputs)
    new_data = _replace(e.data, scene.documents)
    old = _push(e, scene, new_input, new_data)

    def found(_: Evaluation) -> Outcome:
        nonlocal old
        _pop(e, old)
        end = e.go_on(after)
        old = _push(e, scene, new_input, new_data)
        return end

    end = attach(e, e.once(step, found, advance=False))
    _pop(e, old)
    return end


def _texts(path: list[Value]) -> bool:
    return all(isinstance(key, str) for key in path)


def _push(e: Evaluation, scene: _Scene, new_input: Value, new_data: Value) -> Any:
    search, old = e.search, (e.input, e.data)
    e.input, e.data = new_input, new_data
    if e.gathered is None:
        e.gathered = [{}]
    e.gathered.append({})
    search.cache.append({})
    search.targets.append(scene.targets)
    search.push_mocks(scene.mocks)
    return old


def _pop(e: Evaluation, old: Any) -> None:
    search = e.search
    search.targets.pop()
    search.cache.pop()
    search.pop_mocks()
    assert e.gathered is not None
    e.gathered.pop()
    e.input, e.data = old


def _replace(value: Value, changes: list[tuple[list[Value], Value]]) -> Value:
    for path, new in changes:
        value = _put(value, path, new)
    return value


def _put(value: Value, path: list[Value], new: Value) -> Value:
    """The value with another one at a path; what is no object gives way."""
    if not path:
        return new
    key, *rest = path
    entries: list[tuple[Value, Value]] = []
    below: Value = UNDEFINED
    if value is not UNDEFINED and is_collection(value) and not _is_list(value):
        mark = value_key(key)
        for name, item in pairs(value):
            if value_key(name) == mark:
                below = item
            else:
                entries.append((name, item))
    entries.append((key, _put(below, rest, new)))
    return make_object(entries)


def _is_list(value: Value) -> bool:
    return isinstance(value, list) or (
        hasattr(value, "items")
        and not (isinstance(value, dict) or hasattr(value, "pairs"))
    )
