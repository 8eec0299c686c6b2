"""`--compile-cache`: where compiled policies are kept between runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from gatewright.engine.cache import CompileCache

__all__ = ["cache_folder", "cache_option", "open_cache"]

_F = TypeVar("_F", bound=Callable[..., Any])
OFF: Final = "off"
VARIABLE: Final = "GATEWRIGHT_COMPILE_CACHE"


def cache_option(command: _F) -> _F:
    """Add the option; its argument is `compile_cache`."""
    return click.option(
        "--compile-cache",
        metavar="DIR|off",
        envvar=VARIABLE,
        default="",
        help="Private folder (mode 700) where compiled templates are kept; off keeps "
        f"none.  [default: ${VARIABLE} or ~/.cache/gatewright/compile]",
    )(command)


def cache_folder(choice: str) -> Path | None:
    """The folder that was chosen; None for none, or where there is no home."""
    if choice == OFF:
        return None
    if choice:
        return Path(choice)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".cache")
    return Path(base, "gatewright", "compile")


def open_cache(choice: str) -> CompileCache:
    """The cache that was chosen, for a command that runs once.

    A folder that was named and can't be used is remarked on stderr; the default one
    just isn't used.
    """
    from gatewright.engine.cache import CompileCache

    cache = CompileCache(cache_folder(choice))
    if choice and cache.unusable:
        click.echo(
            f"Note: the compile cache is not used: {cache.unusable}\n"
            "It must be a folder of your own that nobody else has access to (mode 700).",
            err=True,
        )
    return cache
