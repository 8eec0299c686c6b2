"""A value with edits on top, as OPA's `json.patch` keeps it, with its oddities.

What was inserted or deleted hangs beside the value; the value itself stays, and where
no edit is, one looks into it. So a path that fails is told with the value as it was,
and an index of an array that has changed its length finds what stood there first.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from gatewright.engine.library.budget import LINE, charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.jsontext import key_text
from gatewright.engine.library.keys import key_of
from gatewright.engine.library.operands import short_integer
from gatewright.engine.values import (
    UNDEFINED,
    Set,
    Value,
    equal,
    is_number,
    is_object,
    make_object,
    number_text,
    pairs,
    type_name,
)

__all__ = ["Edits"]

_NAMES = {"null": "Null", "boolean": "Boolean", "number": "Number"}


def _is_composite(value: Value) -> bool:
    return isinstance(value, list | Set) or is_object(value)


class Edits:
    """A value (UNDEFINED: deleted) and the edits of its members.

    Of objects and sets `scalars` and `parts` have members by key, UNDEFINED and None
    for what was deleted, and `keys` what the keys are. Of arrays they have what was
    inserted by index; `inserted` tells for each index whether it is that, and
    `gone` which members of the value are there no more.
    """

    __slots__ = ("gone", "inserted", "keys", "parts", "scalars", "value")

    def __init__(self, value: Value) -> None:
        self.keys: dict[Hashable, Value] = {}
        self.scalars: dict[Hashable, Value] = {}
        self.parts: dict[Hashable, Edits | None] = {}
        self.gone: list[bool] = []
        self.inserted: list[bool] = []
        self.start(value)

    def start(self, value: Value) -> None:
        """Be this value, without edits."""
        self.value = value
        self.keys.clear()
        self.scalars.clear()
        self.parts.clear()
        if isinstance(value, list):
            charge(LINE + len(value))
            self.gone = [False] * len(value)
            self.inserted = [False] * len(value)

    # Paths

    def insert_at(self, path: Sequence[Value], value: Value) -> None:
        """Insert at the end of a path; in an array before what is there."""
        if value is UNDEFINED:
            raise BuiltinError("cannot insert nil value into EditTree")
        if not path:
            self.start(value)
        else:
            self.unfold(path[:-1]).insert(path[-1], value)

    def delete_at(self, path: Sequence[Value]) -> None:
        """Delete what is at the end of a path."""
        if path:
            self.unfold(path[:-1]).delete(path[-1])
            return
        if self.value is UNDEFINED:
            raise BuiltinError("deleted node encountered during delete operation")
        self.start(UNDEFINED)

    def unfold(self, path: Sequence[Value]) -> Edits:
        """Return the edits of what is at the end of a path."""
        found = self
        for step in path:
            charge(8 * LINE)
            found = found.child(step)
        return found

    def child(self, step: Value) -> Edits:
        value = self.value
        if value is UNDEFINED:
            raise BuiltinError(
                "nil value encountered where composite value was expected"
            )
        if is_object(value):
            return self.child_of_object(step)
        if isinstance(value, Set):
            return self.child_of_set(step)
        if isinstance(value, list):
            return self.child_of_array(value, step)
        raise self.no_composite(f" for path {rego_text(step)}")

    def child_of_object(self, step: Value) -> Edits:
        key = key_of(step)
        if key in self.keys:
            part = self.parts.get(key, UNDEFINED)
            if part is None:
                raise _deleted("unfold", "composite", step)
            if isinstance(part, Edits):
                return part
            if self.scalars[key] is UNDEFINED:
                raise _deleted("unfold", "scalar", step)
            return Edits(self.scalars[key])
        found = self.find(step)
        if found is not UNDEFINED:
            return self.put(step, found)
        raise BuiltinError(
            f"path {rego_text(step)} does not exist in object term "
            f"{rego_text(self.value)}"
        )

    def child_of_set(self, step: Value) -> Edits:
        if _is_composite(step):
            self.start(self.render())
        else:
            key = key_of(step)
            if self.scalars.get(key, UNDEFINED) is not UNDEFINED:
                return Edits(self.scalars[key])
        if self.find(step) is not UNDEFINED and key_of(step) not in self.keys:
            return self.insert(step, step)
        raise BuiltinError(
            f"path {key_text(step)} does not exist in set term {rego_text(self.value)}"
        )

    def child_of_array(self, value: list[Value], step: Value) -> Edits:
        index = self.index(step)
        if index in self.scalars:
            return Edits(self.scalars[index])
        part = self.parts.get(index)
        if part is not None:
            return part
        if 0 <= index < len(value):
            found = value[index]
            self.delete(index)
            return self.insert(index, found)
        raise BuiltinError(
            f"path {index} does not exist in array term {rego_text(value)}"
        )

    # One step

    def insert(self, key: Value, value: Value) -> Edits:
        """Make a new member."""
        if self.value is UNDEFINED:
            raise BuiltinError("deleted node encountered during insert operation")
        if is_object(self.value):
            return self.put(key, value)
        if isinstance(self.value, Set):
            if not equal(key, value):
                raise BuiltinError(
                    f"set key {rego_text(key)} does not equal value to be inserted "
                    f"{rego_text(value)}"
                )
            if _is_composite(key):
                self.start(self.render())
            return self.put(key, value)
        if not isinstance(self.value, list):
            raise self.no_composite()
        index = self.index(key)
        if not 0 <= index <= len(self.inserted):
            raise BuiltinError("index for array insertion out of bounds")
        self.shift(index, 1)
        self.inserted.insert(index, True)
        return self.hang(index, value)

    def put(self, key: Value, value: Value) -> Edits:
        place = key_of(key)
        self.scalars.pop(place, None)
        self.parts.pop(place, None)
        self.keys[place] = key
        return self.hang(place, value)

    def hang(self, place: Hashable, value: Value) -> Edits:
        part = Edits(value)
        if _is_composite(value):
            self.parts[place] = part
        else:
            self.scalars[place] = value
        return part

    def delete(self, key: Value) -> None:
        """Delete a member."""
        value = self.value
        if value is UNDEFINED:
            raise BuiltinError("deleted node encountered during delete operation")
        if isinstance(value, list):
            self.delete_index(self.index(key))
            return
        if not _is_composite(value):
            raise self.no_composite()
        place = key_of(key)
        if isinstance(value, Set) and _is_composite(key):
            self.start(self.render())
        elif place in self.scalars:
            if self.scalars[place] is UNDEFINED:
                raise _deleted("delete", "scalar", key)
            self.keys[place], self.scalars[place] = key, UNDEFINED
            return
        elif place in self.parts:
            if self.parts[place] is None:
                raise _deleted("delete", "composite", key)
            self.keys[place], self.parts[place] = key, None
            return
        found = self.find(key)
        if found is UNDEFINED:
            raise BuiltinError(
                f"cannot delete child key {rego_text(key)} that does not exist"
            )
        self.keys[place] = key
        if _is_composite(found):
            self.parts[place] = None
        else:
            self.scalars[place] = UNDEFINED

    def delete_index(self, index: int) -> None:
        if not 0 <= index < len(self.inserted):
            raise BuiltinError("index for array delete out of bounds")
        self.scalars.pop(index, None)
        self.parts.pop(index, None)
        if not self.inserted[index]:
            charge(2 * len(self.gone))
            before = self.inserted[:index].count(False)
            kept = [at for at, gone in enumerate(self.gone) if not gone]
            self.gone[kept[before]] = True
        self.shift(index + 1, -1)
        del self.inserted[index]

    def shift(self, start: int, by: int) -> None:
        """Move what was inserted from an index on."""
        charge(LINE * (len(self.scalars) + len(self.parts)) + len(self.inserted))
        for members in (self.scalars, self.parts):
            moved = {
                at + by if isinstance(at, int) and at >= start else at: member
                for at, member in members.items()
            }
            members.clear()
            members.update(moved)

    def index(self, step: Value) -> int:
        """Return the place a step means; `-` is behind the last."""
        if is_number(step):
            index = short_integer(number_text(step))
            if index is None:
                raise BuiltinError("invalid number type for indexing")
            return index
        if not isinstance(step, str):
            raise BuiltinError("invalid type for indexing")
        if step == "-":
            return len(self.inserted)
        index = short_integer(step)
        if index is None:
            raise BuiltinError("invalid string for indexing")
        if step != "0" and step.startswith("0"):
            raise BuiltinError("leading zeros are not allowed in JSON paths")
        return index

    def find(self, step: Value) -> Value:
        """The member as it was before all edits; UNDEFINED for none."""
        value = self.value
        if isinstance(value, dict):
            return value.get(step, UNDEFINED) if isinstance(step, str) else UNDEFINED
        if isinstance(value, Set):
            charge(4 * LINE * len(value.items))
            found = (item for item in value.items if equal(item, step))
            return next(found, UNDEFINED)
        charge(4 * LINE * len(value))
        entries = (entry for key, entry in pairs(value) if equal(key, step))
        return next(entries, UNDEFINED)

    def no_composite(self, where: str = "") -> BuiltinError:
        name = _NAMES.get(type_name(self.value), "String")
        return BuiltinError(
            f"expected composite type{where}, found value: {rego_text(self.value)} "
            f"(type: ast.{name})"
        )

    # The whole

    def render(self) -> Value:
        """Return the value with its edits; UNDEFINED when it was deleted."""
        value = self.value
        if isinstance(value, list):
            return self.render_array(value)
        if value is UNDEFINED or not self.keys:
            return value
        members: dict[Hashable, Value] = dict(self.scalars)
        for place, part in self.parts.items():
            members[place] = UNDEFINED if part is None else part.render()
        if isinstance(value, Set):
            charge(4 * LINE * (len(value.items) + len(members)))
            kept = [item for item in value.items if key_of(item) not in self.keys]
            return Set(
                kept + [item for item in members.values() if item is not UNDEFINED]
            )
        charge(4 * LINE * (len(value) + len(members)))
        entries = [
            (key, entry) for key, entry in pairs(value) if key_of(key) not in self.keys
        ]
        entries += [
            (self.keys[place], entry)
            for place, entry in members.items()
            if entry is not UNDEFINED
        ]
        return make_object(entries)

    def render_array(self, value: list[Value]) -> Value:
        charge(LINE * (1 + len(self.scalars) + len(self.parts)) + 4 * len(value))
        if not self.scalars and not self.parts and not any(self.gone):
            return value
        left = iter(
            [item for item, gone in zip(value, self.gone, strict=True) if not gone]
        )
        out: list[Value] = []
        for at, inserted in enumerate(self.inserted):
            if not inserted:
                out.append(next(left))
                continue
            part = self.parts.get(at)
            out.append(self.scalars[at] if part is None else part.render())
        return out


def _deleted(doing: str, kind: str, key: Value) -> BuiltinError:
    return BuiltinError(
        f"cannot {doing} the already deleted {kind} node for key {rego_text(key)}"
    )
