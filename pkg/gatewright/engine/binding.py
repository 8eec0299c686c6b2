"""What the native evaluator is told of builtins that Python carries out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from gatewright._native.core import set_regex
from gatewright.builtins.declarations import TABLE
from gatewright.engine.library import regex_hooks
from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import (
    BuiltinError,
    OperandError,
    UnsupportedBuiltin,
)
from gatewright.engine.library.registry import IMPLEMENTATIONS, NEEDS_CONTEXT

__all__ = ["LIBRARY", "VARYING", "Binding", "bind"]


class Binding:
    """The functions of an image's builtins, and the errors that they raise.

    `extra` adds functions (name -> callable on the operands) to the library's, or
    takes the place of some.
    """

    operand_error: Final = OperandError
    builtin_error: Final = BuiltinError
    unsupported: Final = UnsupportedBuiltin
    make_context: Final = Context

    def __init__(self, extra: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self.functions: Mapping[str, Callable[..., Any]] = IMPLEMENTATIONS
        self.contextual: frozenset[str] = NEEDS_CONTEXT
        if extra:
            self.functions = _Layered(extra)
            self.contextual = NEEDS_CONTEXT - extra.keys()

    def but(self, functions: Mapping[str, Callable[..., Any]]) -> Binding:
        """The same, with some functions in place of others."""
        mine = self.functions
        extra = mine.extra if isinstance(mine, _Layered) else {}
        return Binding({**extra, **functions})


class _Layered(Mapping[str, Callable[..., Any]]):
    """The library below some functions, still imported on access only."""

    def __init__(self, extra: Mapping[str, Callable[..., Any]]) -> None:
        self.extra = dict(extra)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        found = self.extra.get(name)
        return IMPLEMENTATIONS[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(IMPLEMENTATIONS), **self.extra})

    def __len__(self) -> int:
        return len(IMPLEMENTATIONS.keys() | self.extra.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.extra or name in IMPLEMENTATIONS


#: The library as it is.
LIBRARY: Final = Binding()


def bind(
    declared: Iterable[str], functions: Mapping[str, Callable[..., Any]] | None
) -> Binding:
    """The binding for a policy whose declared builtins may be more than OPA's.

    Those that `functions` lacks can be called only behind a `with` that replaces
    them; otherwise evaluation ends with `unsupported built-in`.
    """
    extra = dict(functions or {})
    for name in declared:
        if name not in TABLE and name not in extra:
            extra[name] = functools.partial(_unsupported, name)
    return Binding(extra) if extra else LIBRARY


def _unsupported(name: str, *_operands: Any) -> NoReturn:
    raise UnsupportedBuiltin(name)


#: Builtins that give the same result for the same operands within one query only.
#: Not `http.send`, which asks again after an answer of the moment, such as a 500.
VARYING: Final = frozenset(
    name for name, declared in TABLE.items() if declared.nondeterministic
) - {"http.send"}

set_regex(regex_hooks.compile_pattern_tables, regex_hooks.match_bytes)
