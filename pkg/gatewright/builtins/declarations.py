"""The builtins of OPA 1.22 by name: arity, types, flags.

`table.json` beside this file holds the facts, one builtin a line, in the shapes of
OPA's capabilities; tools/builtins.py writes it from the real binary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gatewright.builtins.types import FunctionType, Type, parse_type

__all__ = [
    "FEATURES",
    "FUTURE_KEYWORDS",
    "TABLE",
    "Builtin",
    "capabilities_document",
    "parse_builtin",
]


@dataclass(frozen=True, slots=True)
class Builtin:
    """One builtin's declaration.

    `name` is dotted, as called (`object.get`).  `args` and `arg_names` run in
    parallel; a name is "" where OPA gives none.  `result` is None when the call
    yields no value (`void`).  `variadic`: calls may pass any number of further
    operands of that type.  `infix`: the operator that means this builtin ("" for
    none).  `relation`: a call may succeed several times (`walk`).
    `nondeterministic`: the result may differ between queries, though not within
    one.  `deprecated`: illegal in v1 modules.
    """

    name: str
    args: tuple[Type, ...] = ()
    result: Type | None = None
    arg_names: tuple[str, ...] = ()
    result_name: str = ""
    variadic: Type | None = None
    infix: str = ""
    categories: tuple[str, ...] = ()
    relation: bool = False
    nondeterministic: bool = False
    deprecated: bool = False

    @property
    def void(self) -> bool:
        """A call of it yields no value, so it stands only as an expression."""
        return self.result is None

    @property
    def arity(self) -> int:
        """Number of operands without the output; the fixed ones if variadic."""
        return len(self.args)

    @property
    def type(self) -> FunctionType:
        """The declaration as a function type."""
        return FunctionType(self.args, self.result, self.variadic)

    def format_args(self) -> str:
        """Return the operand list as arity errors print it.

        `(x: number, y: number)`; with the output last where OPA shows it, use
        `format_arg` for single operands.
        """
        parts = [self.format_arg(i) for i in range(len(self.args))]
        if self.variadic is not None:
            parts.append(f"{self.variadic}...")
        return f"({', '.join(parts)})"

    def format_arg(self, position: int) -> str:
        """Return `name: type` of one operand, `type` when it has no name."""
        name = self.arg_names[position] if position < len(self.arg_names) else ""
        of = str(self.args[position])
        return f"{name}: {of}" if name else of


def parse_builtin(data: Mapping[str, Any]) -> Builtin:
    """Read one entry of the `builtins` list of a capabilities document."""
    decl = data.get("decl", {})
    args = decl.get("args", ())
    result = decl.get("result")
    variadic = decl.get("variadic")
    return Builtin(
        name=data["name"],
        args=tuple(map(parse_type, args)),
        result=None if result is None else parse_type(result),
        arg_names=tuple(arg.get("name", "") for arg in args),
        result_name="" if result is None else result.get("name", ""),
        variadic=None if variadic is None else parse_type(variadic),
        infix=data.get("infix", ""),
        categories=tuple(data.get("categories", ())),
        relation=bool(data.get("relation")),
        nondeterministic=bool(data.get("nondeterministic")),
        deprecated=bool(data.get("deprecated")),
    )


def capabilities_document() -> dict[str, Any]:
    """The facts as the file holds them: builtins, future keywords, features."""
    # Not by importlib.resources: importing that takes longer than reading the table.
    document: dict[str, Any] = json.loads(
        Path(__file__).with_name("table.json").read_bytes()
    )
    return document


def _load() -> tuple[Mapping[str, Builtin], tuple[str, ...], tuple[str, ...]]:
    document = capabilities_document()
    table = {entry["name"]: parse_builtin(entry) for entry in document["builtins"]}
    return (
        MappingProxyType(table),
        tuple(document["future_keywords"]),
        tuple(document["features"]),
    )


_LOADED: Final = _load()

#: Every builtin of OPA's capabilities, in name order.
TABLE: Final[Mapping[str, Builtin]] = _LOADED[0]
#: Keywords that `future.keywords` can import.
FUTURE_KEYWORDS: Final[tuple[str, ...]] = _LOADED[1]
#: Language features named by OPA's capabilities.
FEATURES: Final[tuple[str, ...]] = _LOADED[2]
