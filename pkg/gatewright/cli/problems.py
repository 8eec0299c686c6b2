"""Errors that end a command: words, remedy, exit status."""

from __future__ import annotations

import click

__all__ = ["Problem"]


class Problem(click.ClickException):
    """Printed as `Error: ...` on stderr; `remedy` on a line of its own."""

    def __init__(self, message: str, *, remedy: str = "", status: int = 1) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = status  # type: ignore[misc]  # click reads it per error

    def format_message(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message
