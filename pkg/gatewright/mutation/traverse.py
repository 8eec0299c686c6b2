"""Walking an object along a location, copying on write.

Every node on the way to a change is copied; the rest is shared with the
original.  An unchanged object comes back as the same object.
"""

from __future__ import annotations

from typing import Any

from gatewright.mutation.errors import ApplyError
from gatewright.mutation.path import Field, Items, Path
from gatewright.mutation.path_tests import MUST_EXIST, MUST_NOT_EXIST, PathTests
from gatewright.mutation.setters import KEEP, MISSING, Facts, Setter, same

__all__ = ["Walk"]


class Walk:
    """One mutator's way into one object."""

    __slots__ = ("facts", "path", "setter", "tests")

    def __init__(
        self, path: Path, *, tests: PathTests, setter: Setter, facts: Facts
    ) -> None:
        self.path = path
        self.tests = tests
        self.setter = setter
        self.facts = facts

    def apply(self, obj: Any) -> Any:
        """The object with the value set, the same one if it was so before; None where
        it is not to be set: a test fails, or something is there already.

        Raises ApplyError where the object has another shape than the path.
        """
        done, out = self.step(obj, 0)
        return out if done else None

    def step(self, current: Any, depth: int) -> tuple[bool, Any]:
        """Was the leaf reached and set, and what `current` becomes."""
        node = self.path[depth]
        if isinstance(node, Field):
            return self.into_object(current, node, depth)
        return self.into_list(current, node, depth)

    def into_object(self, current: Any, node: Field, depth: int) -> tuple[bool, Any]:
        if not isinstance(current, dict):
            raise mismatch("object", current, node)
        child = current.get(node.name, MISSING)
        if not self.allowed(child is not MISSING, depth):
            return False, current
        if depth == len(self.path) - 1:
            done, new = self.set(child)
        else:
            if child is MISSING:
                start: Any = [] if isinstance(self.path[depth + 1], Items) else {}
            else:
                start = child
            done, new = self.step(start, depth + 1)
        if not done or new is child:
            return done, current
        return True, {**current, node.name: new}

    def into_list(self, current: Any, node: Items, depth: int) -> tuple[bool, Any]:
        if not isinstance(current, list):
            raise mismatch("List", current, node)
        if depth == len(self.path) - 1:
            return self.set_element(current, node, depth)
        if node.glob and self.tests.get(depth) == MUST_NOT_EXIST:
            return False, current  # nothing could ever satisfy it
        done = found = False
        out = current
        for index, element in enumerate(current):
            if not node.glob:
                if not isinstance(element, dict):
                    continue
                if not same(element.get(node.key, MISSING), node.value):
                    continue
                found = True
                if not self.allowed(True, depth):
                    return False, current
            set_one, new = self.step(element, depth + 1)
            done = done or set_one
            if set_one and new is not element:
                if out is current:
                    out = list(current)
                out[index] = new
        if not node.glob and not found:
            if not self.allowed(False, depth):
                return False, current
            done, new = self.step({node.key: node.value}, depth + 1)
            if done:
                out = [*current, new]
        return done, out if done else current

    def set_element(
        self, current: list[Any], node: Items, depth: int
    ) -> tuple[bool, Any]:
        """A location that ends in a list: the value is the whole element."""
        done, value = self.set(MISSING)
        if not done:
            return False, current
        for index, element in enumerate(current):
            if not isinstance(element, dict):
                raise ApplyError(
                    f"cast error, unable to case {go_type(element)} to "
                    "map[string]interface{}"
                )
            if same(element.get(node.key, MISSING), node.value):
                if not self.allowed(True, depth):
                    return False, current
                if same(element, value):
                    return True, current
                return True, [*current[:index], value, *current[index + 1 :]]
        if not self.allowed(False, depth):
            return False, current
        return True, [*current, value]

    def set(self, child: Any) -> tuple[bool, Any]:
        new = self.setter(child, self.facts)
        if new is KEEP:
            return False, child
        return True, new

    def allowed(self, exists: bool, depth: int) -> bool:
        test = self.tests.get(depth)
        if test == MUST_EXIST:
            return exists
        if test == MUST_NOT_EXIST:
            return not exists
        return True


def mismatch(wanted: str, got: Any, node: Field | Items) -> ApplyError:
    shown = node.name if isinstance(node, Field) else str(node)
    return ApplyError(
        f"mismatch between path entry (type: {wanted}) and received object (type: "
        f"{go_type(got)}). Path: {shown}"
    )


def go_type(value: Any) -> str:
    """The Go type that a JSON value has in an unstructured object."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"
