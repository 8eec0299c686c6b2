"""Types of Rego values, as OPA's type checker names and prints them.

    any                      AnyType()
    any<string, array[any]>  AnyType((STRING, ArrayType(dynamic=ANY)))
    array<number>[string]    ArrayType((NUMBER,), STRING)
    object<a: number>        ObjectType((("a", NUMBER),))
    object[string: any]      ObjectType(dynamic=(STRING, ANY))
    set[any]                 SetType(ANY)
    (string) => boolean      FunctionType((STRING,), BOOLEAN)

`str(type)` is OPA's text.  An `AnyType` without members admits every value; with
members it is their union, in OPA's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = [
    "ANY",
    "BOOLEAN",
    "NULL",
    "NUMBER",
    "STRING",
    "AnyType",
    "ArrayType",
    "FunctionType",
    "ObjectType",
    "ScalarType",
    "SetType",
    "Type",
    "parse_type",
    "type_json",
]


@dataclass(frozen=True, slots=True)
class ScalarType:
    """`null`, `boolean`, `number` or `string`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AnyType:
    """Every value, or the union of `of`."""

    of: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.of:
            return "any"
        return f"any<{', '.join(map(str, self.of))}>"


@dataclass(frozen=True, slots=True)
class ArrayType:
    """`static` types by position, then any number of `dynamic` ones."""

    static: tuple[Type, ...] = ()
    dynamic: Type | None = None

    def __str__(self) -> str:
        text = "array"
        if self.static:
            text += f"<{', '.join(map(str, self.static))}>"
        if self.dynamic is not None:
            text += f"[{self.dynamic}]"
        return text


@dataclass(frozen=True, slots=True)
class ObjectType:
    """`static` (key, type) pairs, then `dynamic` (key type, value type) pairs.

    A static key is a Python value in the engine's form (mostly a str).
    """

    static: tuple[tuple[Any, Type], ...] = ()
    dynamic: tuple[Type, Type] | None = None

    def __str__(self) -> str:
        text = "object"
        if self.static:
            text += f"<{', '.join(f'{key}: {of}' for key, of in self.static)}>"
        if self.dynamic is not None:
            text += f"[{self.dynamic[0]}: {self.dynamic[1]}]"
        return text


@dataclass(frozen=True, slots=True)
class SetType:
    """A set whose members are all of type `of`."""

    of: Type

    def __str__(self) -> str:
        return f"set[{self.of}]"


@dataclass(frozen=True, slots=True)
class FunctionType:
    """A function; `result` None: it yields nothing; `variadic`: type of the rest."""

    args: tuple[Type, ...] = ()
    result: Type | None = None
    variadic: Type | None = None

    def __str__(self) -> str:
        parts = [str(arg) for arg in self.args]
        if self.variadic is not None:
            parts.append(f"{self.variadic}...")
        text = f"({', '.join(parts)})"
        return text if self.result is None else f"{text} => {self.result}"


Type: TypeAlias = ScalarType | AnyType | ArrayType | ObjectType | SetType | FunctionType

NULL: Final = ScalarType("null")
BOOLEAN: Final = ScalarType("boolean")
NUMBER: Final = ScalarType("number")
STRING: Final = ScalarType("string")
ANY: Final = AnyType()

_SCALARS: Final = {kind.name: kind for kind in (NULL, BOOLEAN, NUMBER, STRING)}


def parse_type(data: Mapping[str, Any]) -> Type:
    """Read a type from its JSON form in OPA's capabilities.

    Names and descriptions of arguments are no part of a type.  Raises
    ValueError for a form that OPA does not have.
    """
    kind = data["type"]
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "any":
        return AnyType(tuple(map(parse_type, data.get("of", ()))))
    if kind == "set":
        return SetType(parse_type(data["of"]))
    dynamic = data.get("dynamic")
    if kind == "array":
        return ArrayType(
            tuple(map(parse_type, data.get("static", ()))),
            None if dynamic is None else parse_type(dynamic),
        )
    if kind == "object":
        return ObjectType(
            tuple((p["key"], parse_type(p["value"])) for p in data.get("static", ())),
            None
            if dynamic is None
            else (parse_type(dynamic["key"]), parse_type(dynamic["value"])),
        )
    if kind == "function":
        return FunctionType(
            tuple(map(parse_type, data.get("args", ()))),
            parse_type(data["result"]) if "result" in data else None,
            parse_type(data["variadic"]) if "variadic" in data else None,
        )
    raise ValueError(f"unknown type {kind!r}")


def type_json(of: Type | None) -> dict[str, Any] | None:
    """Return the JSON form of a type in OPA's capabilities.

    None is the type of what the checker knows nothing of; parts may be that too.
    """
    if of is None:
        return None
    if isinstance(of, ScalarType):
        return {"type": of.name}
    if isinstance(of, AnyType):
        return (
            {"of": list(map(type_json, of.of)), "type": "any"}
            if of.of
            else {"type": "any"}
        )
    if isinstance(of, SetType):
        return {"of": type_json(of.of), "type": "set"}
    out: dict[str, Any] = {}
    if isinstance(of, ArrayType):
        if of.static:
            out["static"] = list(map(type_json, of.static))
        if of.dynamic is not None:
            out["dynamic"] = type_json(of.dynamic)
        return {**out, "type": "array"}
    if isinstance(of, ObjectType):
        if of.static:
            out["static"] = [{"key": k, "value": type_json(v)} for k, v in of.static]
        if of.dynamic is not None:
            out["dynamic"] = {
                "key": type_json(of.dynamic[0]),
                "value": type_json(of.dynamic[1]),
            }
        return {**out, "type": "object"}
    if of.args:
        out["args"] = list(map(type_json, of.args))
    if of.result is not None:
        out["result"] = type_json(of.result)
    if of.variadic is not None:
        out["variadic"] = type_json(of.variadic)
    return {**out, "type": "function"}
