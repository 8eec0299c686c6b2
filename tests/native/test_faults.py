"""Exceptions of Python inside native built-ins are errors, and interrupts stay ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import pytest

from gatewright._native.core import NativeBuiltinError, call_builtin, set_regex
from gatewright.engine.library import regex_hooks


@pytest.fixture
def matcher() -> Iterator[Callable[[BaseException], None]]:
    """Has Python answer `regex.match`, and raise then."""

    def use(error: BaseException) -> None:
        def match(_pattern: bytes, _text: bytes) -> NoReturn:
            raise error

        set_regex(lambda _: None, match)

    yield use
    set_regex(regex_hooks.compile_pattern_tables, regex_hooks.match_bytes)


def ask(pattern: str) -> Any:
    return call_builtin("regex.match", pattern, "text")


def test_an_interrupt_is_raised_once_python_runs_again(
    matcher: Callable[[BaseException], None],
) -> None:
    matcher(KeyboardInterrupt())

    def asked() -> None:
        with suppress(RuntimeError):
            ask("interrupted")
        for _ in range(1000):
            pass

    with pytest.raises(KeyboardInterrupt):
        asked()


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ValueError("bad \udead pattern"), RuntimeError, "an error without words"),
        (ValueError("bad pattern"), NativeBuiltinError, "regex.match: bad pattern"),
        (KeyError("x" * 5000), RuntimeError, "regex.match: KeyError"),
    ],
    ids=["no text", "plain", "long"],
)
def test_errors_are_errors(
    matcher: Callable[[BaseException], None],
    error: BaseException,
    kind: type[Exception],
    text: str,
) -> None:
    matcher(error)

    with pytest.raises(kind, match=text):
        ask(f"pattern for {text}")
