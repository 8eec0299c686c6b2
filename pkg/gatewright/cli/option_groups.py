"""Several options as one decorator, so that commands can share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["all_of"]

F = TypeVar("F", bound=Callable[..., Any])


def all_of(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Add click options to a command, in the order in which its help shows them."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add
