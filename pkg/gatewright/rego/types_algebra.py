"""What can be computed with types: unions, members, order, text.

A type may be *unknown* (None), alone or inside another: `[x, 1]` with x not typed
yet is `ArrayType((None, NUMBER))`.  The types of `{}`, `[]` and `set()` are
`ObjectType()`, `ArrayType()` and `SetType(None)`.

Keys of an object type are `str` for strings and terms of the syntax tree for
other constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from gatewright.builtins.types import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    AnyType,
    ArrayType,
    FunctionType,
    ObjectType,
    ScalarType,
    SetType,
    Type,
)
from gatewright.rego import ast
from gatewright.rego.rule_tree import number_key, term_key

__all__ = [
    "Maybe",
    "constant_key",
    "dynamic_value",
    "is_empty",
    "is_unknown",
    "keys_of",
    "make_object",
    "or_",
    "select",
    "sort_key",
    "sprint",
    "type_of_key",
    "unifies",
    "union",
    "values_of",
]

Maybe: TypeAlias = Type | None

_SCALAR_RANK: Final = {"null": 0, "boolean": 1, "number": 2, "string": 3}
#: Numbers that may be the index of an array.
_INDEX: Final = re.compile(r"-?[0-9]{1,20}")
_RANKS: Final = {name: (rank,) for name, rank in _SCALAR_RANK.items()}


def _optional(of: Maybe) -> tuple[Any, ...]:
    return (0,) if of is None else (1, sort_key(of))


def sort_key(of: Maybe) -> tuple[Any, ...]:
    """A key that orders types as OPA does, equal for equal types."""
    if of is None:
        return (-1,)
    if isinstance(of, ScalarType):
        return _RANKS[of.name]
    if isinstance(of, ArrayType):
        return (4, _optional(of.dynamic), tuple(map(sort_key, of.static)))
    if isinstance(of, ObjectType):
        dynamic: tuple[Any, ...] = (0,)
        if of.dynamic is not None:
            dynamic = (1, sort_key(of.dynamic[0]), sort_key(of.dynamic[1]))
        return (
            5,
            dynamic,
            tuple((key_order(key), sort_key(value)) for key, value in of.static),
        )
    if isinstance(of, SetType):
        return (6, _optional(of.of))
    if isinstance(of, AnyType):
        return (7, tuple(map(sort_key, of.of)))
    return (
        8,
        len(of.args),
        tuple(map(sort_key, of.args)),
        sort_key(of.result),
        sort_key(of.variadic),
    )


def key_order(key: Any) -> tuple[Any, ...]:
    """Sort key of an object type's key: by kind, then by value."""
    if isinstance(key, str):
        return (3, key)
    if isinstance(key, ast.Number):
        return (2, number_key(key.text))
    if isinstance(key, ast.Boolean):
        return (1, key.value)
    if isinstance(key, ast.Null):
        return (0,)
    if isinstance(key, ast.Array | ast.Set):
        return (4, tuple(key_order(constant_key(item)) for item in key.items))
    return (5, repr(term_key(key)))


def constant_key(term: Any) -> Any:
    """The key of an object type for a constant term."""
    return term.value if type(term) is ast.String else term


def same_key(one: Any, two: Any) -> bool:
    """Whether two keys are the same value."""
    if isinstance(one, str) or isinstance(two, str):
        return one == two if isinstance(one, str) and isinstance(two, str) else False
    return term_key(one) == term_key(two)


def type_of_key(key: Any) -> Type:
    """The type of a key."""
    if isinstance(key, str):
        return STRING
    kind = type(key)
    if kind is ast.Number:
        return NUMBER
    if kind is ast.Boolean:
        return BOOLEAN
    if kind is ast.Null:
        return NULL
    if kind is ast.Array or kind is ast.Set:
        return ArrayType(tuple(type_of_key(constant_key(t)) for t in key.items))
    return make_object(
        [(_json_name(k), type_of_key(constant_key(v))) for k, v in key.items]
    )


def _json_name(key: Any) -> str:
    # OPA takes a constant object through JSON, where names are strings: the type of
    # the key `{true: 1}` has the name "true", so `p[{true: 1}]` never has a value.
    name = constant_key(key)
    if isinstance(name, str):
        return name
    return "null" if type(name) is ast.Null else key_text(name)


def make_object(static: Iterable[tuple[Any, Any]], dynamic: Any = None) -> ObjectType:
    """An object type with its keys in order."""
    pairs = list(static)
    if len(pairs) > 1:
        pairs.sort(key=lambda pair: key_order(pair[0]))
    return ObjectType(tuple(pairs), dynamic)


# Text -----------------------------------------------------------------------


def key_text(key: Any) -> str:
    """A key as types print it: bare, without quotes."""
    if isinstance(key, str):
        return key
    kind = type(key)
    if kind is ast.Number:
        return key.text
    if kind is ast.Boolean:
        return "true" if key.value else "false"
    if kind is ast.Null:
        return "<nil>"
    if kind is ast.Object:
        pairs = " ".join(
            f"{key_text(constant_key(k))}:{key_text(constant_key(v))}"
            for k, v in key.items
        )
        return f"map[{pairs}]"
    return f"[{' '.join(key_text(constant_key(item)) for item in key.items)}]"


def sprint(of: Maybe) -> str:
    """The text of a type; `???` for an unknown one."""
    if of is None:
        return "???"
    if isinstance(of, ScalarType):
        return of.name
    if isinstance(of, AnyType):
        return f"any<{', '.join(map(sprint, of.of))}>" if of.of else "any"
    if isinstance(of, SetType):
        return "set" if is_empty(of) else f"set[{sprint(of.of)}]"
    if isinstance(of, ArrayType):
        static = f"<{', '.join(map(sprint, of.static))}>" if of.static else ""
        dynamic = "" if of.dynamic is None else f"[{sprint(of.dynamic)}]"
        return f"array{static}{dynamic}"
    if isinstance(of, ObjectType):
        static = ", ".join(f"{key_text(k)}: {sprint(v)}" for k, v in of.static)
        text = f"object<{static}>" if static else "object"
        if of.dynamic is not None:
            text += f"[{sprint(of.dynamic[0])}: {sprint(of.dynamic[1])}]"
        return text
    parts = list(map(sprint, of.args))
    if of.variadic is not None:
        parts.append(f"{sprint(of.variadic)}...")
    return f"({', '.join(parts)}) => {sprint(of.result)}"


# Members --------------------------------------------------------------------


def or_(one: Maybe, two: Maybe) -> Maybe:
    """The union; unknown types drop out.  None for a function and a value."""
    if one is two or two is None:
        return one
    if one is None:
        return two
    if isinstance(one, FunctionType) or isinstance(two, FunctionType):
        if isinstance(one, FunctionType) and isinstance(two, FunctionType):
            return _union_functions(one, two)
        return None
    if isinstance(one, AnyType):
        return _merge(one, two)
    if isinstance(two, AnyType):
        return _merge(two, one)
    first, second = sort_key(one), sort_key(two)
    if first == second:
        return one
    return AnyType((one, two) if first < second else (two, one))


def _merge(one: AnyType, two: Type) -> AnyType:
    if not one.of:
        return one
    others = two.of if isinstance(two, AnyType) else (two,)
    if isinstance(two, AnyType) and not others:
        return two
    members = {sort_key(of): of for of in one.of}
    for of in others:
        members.setdefault(sort_key(of), of)
    if len(members) == len(one.of):
        return one
    return AnyType(tuple(members[key] for key in sorted(members)))


def union(types: Iterable[Maybe]) -> Maybe:
    """The union of many types, as `or_` makes it one by one.

    Each is looked at once, so that what a variable selects from thousands of
    packages has a type in a time that grows with their number.
    """
    known = [of for of in types if of is not None]
    if len(known) < 3 or any(isinstance(of, FunctionType) for of in known):
        out: Maybe = None
        for of in known:
            out = or_(out, of)
        return out
    members: dict[tuple[Any, ...], Type] = {}
    for of in known:
        parts = of.of if isinstance(of, AnyType) else (of,)
        if not parts:
            return of
        for part in parts:
            members.setdefault(sort_key(part), part)
    if len(members) == 1:
        return known[0]
    return AnyType(tuple(members[key] for key in sorted(members)))


def _union_functions(one: FunctionType, two: FunctionType) -> FunctionType | None:
    if len(one.args) != len(two.args):
        return None
    if (one.variadic is None) != (two.variadic is None):
        return None
    args = tuple(or_(a, b) for a, b in zip(one.args, two.args, strict=True))
    return FunctionType(
        args,  # type: ignore[arg-type]
        or_(one.result, two.result),
        or_(one.variadic, two.variadic),
    )


def contains(one: Maybe, two: Maybe) -> bool:
    """Whether a type is, or has as a member, another."""
    if isinstance(one, AnyType):
        if isinstance(two, FunctionType):
            return False
        wanted = sort_key(two)
        return not one.of or any(sort_key(of) == wanted for of in one.of)
    return sort_key(one) == sort_key(two)


def select(of: Maybe, key: Any) -> Maybe:
    """The type below a constant key; None where there is none."""
    if isinstance(of, ObjectType):
        for name, value in of.static:
            if name is key or same_key(name, key):
                return value
        if of.dynamic is not None and contains(of.dynamic[0], type_of_key(key)):
            return of.dynamic[1]
        return None
    if isinstance(of, ArrayType):
        if type(key) is not ast.Number:
            return None
        # As Go reads an integer: `1.0` and `1e0` are none.
        if not _INDEX.fullmatch(key.text):
            return None
        position = int(key.text)
        return item(of, position) if position < 2**63 else None
    if isinstance(of, SetType):
        wanted = type_of_key(key)
        if sort_key(of.of) == sort_key(wanted):
            return of.of
        if isinstance(of.of, AnyType) and contains(of.of, wanted):
            return wanted
        return None
    if isinstance(of, AnyType):
        if not of.of:
            return ANY
        return union(select(member, key) for member in of.of)
    return None


def item(of: ArrayType, position: int) -> Maybe:
    """The type at a position of an array."""
    if position < 0:
        return None
    return of.static[position] if position < len(of.static) else of.dynamic


def keys_of(of: Maybe) -> Maybe:
    """The type of what indexes a value; None when nothing does."""
    if isinstance(of, ArrayType):
        return NUMBER
    if isinstance(of, ObjectType):
        found = union(type_of_key(key) for key, _ in of.static)
        return found if of.dynamic is None else or_(found, of.dynamic[0])
    if isinstance(of, SetType):
        return of.of
    if isinstance(of, AnyType):
        if not of.of:
            return ANY
        return union(keys_of(member) for member in of.of)
    return None


def values_of(of: Maybe) -> Maybe:
    """The type of what iterating a value yields; None when it cannot be."""
    if isinstance(of, ArrayType):
        return or_(union(of.static), of.dynamic)
    if isinstance(of, ObjectType):
        found = union(value for _, value in of.static)
        return found if of.dynamic is None else or_(found, of.dynamic[1])
    if isinstance(of, SetType):
        return of.of
    if isinstance(of, AnyType):
        if not of.of:
            return ANY
        return union(values_of(member) for member in of.of)
    return None


def is_unknown(of: Maybe) -> bool:
    """True for an unknown type and for one with an unknown part."""
    if of is None:
        return True
    if isinstance(of, ScalarType | AnyType):
        return False
    if isinstance(of, ArrayType):
        if any(map(is_unknown, of.static)):
            return True
        return of.dynamic is not None and is_unknown(of.dynamic)
    if isinstance(of, ObjectType):
        if any(is_unknown(value) for _, value in of.static):
            return True
        return of.dynamic is not None and (
            is_unknown(of.dynamic[0]) or is_unknown(of.dynamic[1])
        )
    if isinstance(of, SetType):
        return is_unknown(of.of)
    return any(map(is_unknown, of.args)) or is_unknown(of.result)


def is_empty(of: Maybe) -> bool:
    """True for the types of `{}`, `[]` and `set()`."""
    if isinstance(of, ObjectType):
        return not of.static and of.dynamic is None
    if isinstance(of, ArrayType):
        return not of.static and of.dynamic is None
    return isinstance(of, SetType) and of.of is None


# Compatibility --------------------------------------------------------------


def unifies(one: Maybe, two: Maybe) -> bool:
    """Whether some value has both types, as far as OPA tells."""
    if one is None or two is None:
        return False
    if one is two and isinstance(one, ScalarType):
        return True
    any_one, any_two = isinstance(one, AnyType), isinstance(two, AnyType)
    if any_one and _unifies_any(one, two):  # type: ignore[arg-type]
        return True
    if any_two and _unifies_any(two, one):  # type: ignore[arg-type]
        return True
    if any_one or any_two:
        return False
    if isinstance(one, ScalarType):
        return isinstance(two, ScalarType) and one.name == two.name
    if isinstance(one, ArrayType):
        return isinstance(two, ArrayType) and _unifies_arrays(one, two)
    if isinstance(one, ObjectType):
        return isinstance(two, ObjectType) and _unifies_objects(one, two)
    if isinstance(one, SetType):
        if not isinstance(two, SetType):
            return False
        return is_empty(one) or is_empty(two) or unifies(one.of, two.of)
    if not isinstance(two, FunctionType) or len(one.args) != len(two.args):  # type: ignore[union-attr]
        return False
    return all(map(unifies, one.args, two.args))  # type: ignore[union-attr]


def _unifies_any(one: AnyType, two: Type) -> bool:
    if isinstance(two, FunctionType):
        return False
    return not one.of or any(unifies(of, two) for of in one.of)


def _unifies_arrays(one: ArrayType, two: ArrayType) -> bool:
    for i in range(max(len(one.static), len(two.static))):
        if not unifies(item(one, i), item(two, i)):
            return False
    if one.dynamic is None or two.dynamic is None:
        return True
    return unifies(one.dynamic, two.dynamic)


def _unifies_objects(one: ObjectType, two: ObjectType) -> bool:
    if not _static_unifies(one, two) or not _static_unifies(two, one):
        return False
    value, other = dynamic_value(one), dynamic_value(two)
    return value is None or other is None or unifies(value, other)


def dynamic_value(of: ObjectType) -> Maybe:
    """The type of the values under keys that are no constants, if it is known."""
    return None if of.dynamic is None else of.dynamic[1]


def _static_unifies(one: ObjectType, two: ObjectType) -> bool:
    for key, value in one.static:
        other = select(two, key)
        if other is None:
            if dynamic_value(one) is None and dynamic_value(two) is None:
                return False
            continue
        if not unifies(value, other):
            return False
    return True
