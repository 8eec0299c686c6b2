"""Modules in, immutable policy out; policy and input in, result out.

values      the Python form of Rego's values
documents   values that stay in the evaluator's memory
library/    builtins that Python carries out
binding     what the native evaluator is told of them
limits      what an evaluation may use
errors      how it ends without a value
parts       one planned policy as an image of its own
reruns      what has failed, once more as a search: which error OPA meets first
policy      compile_policy -> Policy: evaluate, prepare_query
cache       planned policies by what they were made from, in memory and on disk
crew        a list of jobs done by this process and forks of it
search/     the same, step by step: slower, and it tells
traces/     what becomes of the steps: coverage, profile, explanation
manifest    what a bundle may hold, and which Rego its files are in
loading     files, folders and bundles -> modules and base data
prints      where the lines of print() go
testing     modules -> Suite -> the outcome of each unit test
basedata    base documents that change, in shared memory, epoch by epoch
reviews     LibraryBuilder -> bytes -> Library -> Reviewer: what serves admission
arrivals    a review's bytes -> what it says and is held against -> an answer's bytes
edits       changes to a review's objects, and what they come to as a patch

The names below are the Python API of Rego (docs/python.md); a name is imported when
it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatewright.engine.documents import Doc
    from gatewright.engine.errors import BudgetExceeded, EvalError
    from gatewright.engine.library.context import Context
    from gatewright.engine.limits import Limits
    from gatewright.engine.loading import Loaded, LoadErrors, load_bundle, load_paths
    from gatewright.engine.policy import (
        Policy,
        PreparedQuery,
        RegoVersion,
        Run,
        Solution,
        compile_policy,
    )
    from gatewright.engine.prints import PrintOutput
    from gatewright.engine.values import UNDEFINED, Number, Object, Set, Value
    from gatewright.rego.compiled import CompileOptions
    from gatewright.rego.depth import deep
    from gatewright.rego.errors import RegoErrors

__all__ = [
    "UNDEFINED",
    "BudgetExceeded",
    "CompileOptions",
    "Context",
    "Doc",
    "EvalError",
    "Limits",
    "LoadErrors",
    "Loaded",
    "Number",
    "Object",
    "Policy",
    "PreparedQuery",
    "PrintOutput",
    "RegoErrors",
    "RegoVersion",
    "Run",
    "Set",
    "Solution",
    "Value",
    "compile_policy",
    "deep",
    "load_bundle",
    "load_paths",
]

_HOMES: Final = {
    "engine.documents": ("Doc",),
    "engine.errors": ("BudgetExceeded", "EvalError"),
    "engine.library.context": ("Context",),
    "engine.limits": ("Limits",),
    "engine.loading": ("LoadErrors", "Loaded", "load_bundle", "load_paths"),
    "engine.policy": (
        "Policy",
        "PreparedQuery",
        "RegoVersion",
        "Run",
        "Solution",
        "compile_policy",
    ),
    "engine.prints": ("PrintOutput",),
    "engine.values": ("UNDEFINED", "Number", "Object", "Set", "Value"),
    "rego.compiled": ("CompileOptions",),
    "rego.depth": ("deep",),
    "rego.errors": ("RegoErrors",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"gatewright.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
