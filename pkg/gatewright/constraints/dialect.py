"""The Rego of templates: that of OPA 1.17.1, which Gatekeeper 3.23.1 embeds.

The engine follows a later OPA elsewhere. What differs in a template stands in
docs/rego.md ("In templates"); evaluations ask for it by `older` (`engine.reviews`), the compiler
by `CompileOptions.older`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

from gatewright.builtins.capabilities import Capabilities
from gatewright.builtins.declarations import TABLE, Builtin
from gatewright.builtins.types import ANY
from gatewright.rego.compiled import CompileOptions

__all__ = ["capabilities", "options_of"]

VERSION: Final = "v1.17.1"
#: Their results had no type yet.
_UNTYPED: Final = (
    "json.filter",
    "json.remove",
    "object.filter",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
)


@cache
def capabilities() -> Capabilities:
    """What a template may use."""
    found = Capabilities.of_version(VERSION)
    return replace(found, builtins={**found.builtins, **_untyped()}, older=True)


def _untyped() -> dict[str, Builtin]:
    return {name: replace(TABLE[name], result=ANY) for name in _UNTYPED}


def options_of(options: CompileOptions) -> CompileOptions:
    """How to compile a template, but for what the caller takes away or adds."""
    known = capabilities().builtins
    if options.builtins is not None:
        known = {name: of for name, of in known.items() if name in options.builtins}
    return replace(options, builtins=known, older=True)
