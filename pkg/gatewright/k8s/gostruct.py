"""Decoding JSON values into shapes as Go decodes them into structs.

A `Shape` says what Go's type is.  `decode` returns the value in that shape:
absent and null fields are filled with zero values or left out as the shape
says, unknown fields are dropped, and the first value of a wrong type raises
`UnmarshalError` with encoding/json's text, such as

    json: cannot unmarshal number into Go struct field S.spec.x of type string

which names the struct that holds the field, the path from the root (list
indexes and map keys have no part in it) and Go's name of the wanted type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.k8s import gotext

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT64",
    "INT",
    "INT32",
    "INT64",
    "STRING",
    "Shape",
    "UnmarshalError",
    "array",
    "custom",
    "decode",
    "mapping",
    "named",
    "optional",
    "struct",
]


class UnmarshalError(ValueError):
    """A value of a type that does not fit, in encoding/json's words.

    `found`, `owner`, `path` and `wanted` are the parts of the text.  An error
    from a decoder of the type's own has only its text.
    """

    def __init__(
        self,
        text: str = "",
        *,
        found: str = "",
        wanted: str = "",
        owner: str = "",
        path: str = "",
    ) -> None:
        self.found = found
        self.wanted = wanted
        self.owner = owner
        self.path = path
        if not text:
            if owner or path:
                place = f"Go struct field {owner}.{path}"
            else:
                place = "Go value"
            text = f"json: cannot unmarshal {found} into {place} of type {wanted}"
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Shape:
    """One Go type.

    `kind` is scalar kind (`string`, `bool`, `int64`, ...), `struct`, `slice`,
    `map`, `any` or `custom`; `name` is how Go prints it.  `fields` and `inline`
    are a struct's, `element` a slice's or map's, `own` a custom decoder.
    A `nullable` shape (a pointer) decodes null and absence as None.
    """

    kind: str
    name: str
    fields: Mapping[str, Shape] = field(default_factory=dict)
    element: Shape | None = None
    nullable: bool = False
    short_name: str = ""
    own: Callable[[Any], Any] | None = None
    _blank: dict[str, Any] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )
    _within: list[str] = field(
        init=False, default_factory=list, compare=False, repr=False
    )

    def zero(self) -> Any:
        """Return the value of an absent field."""
        if self.nullable:
            return None
        if self.kind == "struct":
            return self.blank()
        return _ZERO.get(self.kind)

    def blank(self) -> dict[str, Any]:
        """Return a struct with all its fields absent, which are most of them: a
        schema has forty, so the first one made is copied."""
        blank = self._blank
        if not blank:
            for name, shape in self.fields.items():
                blank[name] = shape.zero()
                if isinstance(blank[name], dict):
                    self._within.append(name)
        out = dict(blank)
        for name in self._within:
            out[name] = self.fields[name].blank()
        return out


_ZERO: Final[Mapping[str, Any]] = {"string": "", "bool": False, "int": 0, "float": 0.0}

STRING: Final = Shape("string", "string")
BOOL: Final = Shape("bool", "bool")
INT: Final = Shape("int", "int")
INT32: Final = Shape("int", "int32")
INT64: Final = Shape("int", "int64")
FLOAT64: Final = Shape("float", "float64")
ANY: Final = Shape("any", "interface {}")


def named(name: str, shape: Shape) -> Shape:
    """Return a scalar shape whose Go type has a name of its own."""
    return Shape(shape.kind, name, shape.fields, shape.element, shape.nullable)


def optional(shape: Shape) -> Shape:
    """Return the pointer to a shape: null and absence are None."""
    return Shape(
        shape.kind,
        shape.name,
        shape.fields,
        shape.element,
        True,
        shape.short_name,
        shape.own,
    )


def array(element: Shape, name: str = "") -> Shape:
    """Return a slice; null and absence are None."""
    return Shape("slice", name or f"[]{element.name}", {}, element, True)


def mapping(element: Shape, name: str = "") -> Shape:
    """Return a map with string keys; null and absence are None."""
    return Shape("map", name or f"map[string]{element.name}", {}, element, True)


def struct(name: str, fields: Mapping[str, Shape], *, field_owner: str = "") -> Shape:
    """Return a struct named as Go prints it (`v1.Thing`)."""
    return Shape(
        "struct", name, fields, short_name=field_owner or name.rpartition(".")[2]
    )


def custom(name: str, own: Callable[[Any], Any]) -> Shape:
    """Return a type that decodes itself; null and absence are None."""
    return Shape("custom", name, nullable=True, own=own)


def decode(item: Any, shape: Shape, *, prefix: tuple[str, ...] = ()) -> Any:
    """Return `item` in `shape`; `prefix` is the path of embedded structs above it."""
    reader = _Reader(prefix)
    out = reader.read(item, shape)
    if reader.error is not None:
        raise reader.error
    return out


class _Reader:
    """One decoding: where it is, and the first error."""

    def __init__(self, prefix: tuple[str, ...]) -> None:
        self.path: list[str] = list(prefix)
        self.owner = ""
        self.error: UnmarshalError | None = None

    def _refuse(self, found: str, wanted: str) -> None:
        if self.error is None:
            self.error = UnmarshalError(
                found=found, wanted=wanted, owner=self.owner, path=".".join(self.path)
            )

    def read(self, item: Any, shape: Shape) -> Any:
        if shape.kind == "any":
            return item
        if item is None:
            return shape.zero()
        if shape.kind == "custom":
            return self._own(item, shape)
        if shape.kind == "struct":
            return self._struct(item, shape)
        if shape.kind == "slice":
            if not isinstance(item, list):
                return self._wrong(item, shape)
            assert shape.element is not None
            return [self.read(member, shape.element) for member in item]
        if shape.kind == "map":
            if not isinstance(item, dict):
                return self._wrong(item, shape)
            assert shape.element is not None
            return {
                key: self.read(member, shape.element) for key, member in item.items()
            }
        return self._scalar(item, shape)

    def _wrong(self, item: Any, shape: Shape) -> Any:
        self._refuse(json_kind(item), shape.name)
        return shape.zero()

    def _struct(self, item: Any, shape: Shape) -> Any:
        if not isinstance(item, dict):
            return self._wrong(item, shape)
        out = shape.blank()
        owner = self.owner
        for name, member in item.items():
            inner = shape.fields.get(name)
            if inner is None:
                continue
            self.owner = shape.short_name
            self.path.append(name)
            out[name] = self.read(member, inner)
            self.path.pop()
            self.owner = owner
        return out

    def _scalar(self, item: Any, shape: Shape) -> Any:
        if shape.kind == "string" and isinstance(item, str):
            return item
        if shape.kind == "bool" and isinstance(item, bool):
            return item
        if shape.kind == "float" and _is_number(item):
            return float(item)
        if shape.kind == "int" and _is_number(item):
            if isinstance(item, int):
                return item
            if item.is_integer() and abs(item) < 2**53:
                return int(item)
            self._refuse(f"number {gotext.json_text(item)}", shape.name)
            return 0
        return self._wrong(item, shape)

    def _own(self, item: Any, shape: Shape) -> Any:
        assert shape.own is not None
        try:
            return shape.own(item)
        except UnmarshalError as error:
            if self.error is None:
                self.error = self._within(error)
            return None

    def _within(self, error: UnmarshalError) -> UnmarshalError:
        # encoding/json overwrites the owner of an inner error by the outer one.
        if not error.found or not (self.owner or self.path):
            return error
        path = ".".join([*self.path, error.path] if error.path else self.path)
        return UnmarshalError(
            found=error.found, wanted=error.wanted, owner=self.owner, path=path
        )


def _is_number(item: Any) -> bool:
    return isinstance(item, (int, float)) and not isinstance(item, bool)


def json_kind(item: Any) -> str:
    """Return what encoding/json calls a value it cannot place."""
    if isinstance(item, bool):
        return "bool"
    if isinstance(item, str):
        return "string"
    if isinstance(item, dict):
        return "object"
    if isinstance(item, list):
        return "array"
    return "number"
