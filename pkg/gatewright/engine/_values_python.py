"""Value classes in Python, used until the native ones are built."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any, Final

_WIDE: Final = Context(prec=100000, Emax=10**17, Emin=-(10**17))


class _Undefined:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()


class Number:
    __slots__ = ("_decimal", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._decimal = _WIDE.create_decimal(text)

    def _other(self, other: object) -> Decimal | None:
        if isinstance(other, Number):
            return other._decimal
        if isinstance(other, int) and not isinstance(other, bool):
            return Decimal(other)
        return None

    def __float__(self) -> float:
        return float(self.text)

    def __eq__(self, other: object) -> bool:
        value = self._other(other)
        return NotImplemented if value is None else self._decimal == value

    def __lt__(self, other: object) -> bool:
        value = self._other(other)
        return NotImplemented if value is None else self._decimal < value

    def __gt__(self, other: object) -> bool:
        value = self._other(other)
        return NotImplemented if value is None else self._decimal > value

    def __hash__(self) -> int:
        return hash(self._decimal)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"


class Object:
    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        from gatewright.engine.values import compare, sort_key

        out: list[tuple[Any, Any]] = []
        for key, value in sorted(pairs, key=lambda pair: sort_key(pair[0])):
            if out and compare(out[-1][0], key) == 0:
                out[-1] = (out[-1][0], value)
            else:
                out.append((key, value))
        self.pairs = tuple(out)

    def __repr__(self) -> str:
        return f"Object({self.pairs!r})"


class Set:
    __slots__ = ("items",)

    def __init__(self, items: Iterable[Any] = ()) -> None:
        from gatewright.engine.values import compare, sort_key

        out: list[Any] = []
        for item in sorted(items, key=sort_key):
            if not out or compare(out[-1], item):
                out.append(item)
        self.items = tuple(out)

    def __repr__(self) -> str:
        return f"Set({self.items!r})"
