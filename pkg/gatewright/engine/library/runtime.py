"""`opa.runtime` and `rego.parse_module`: what the engine tells of itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gatewright.builtins.capabilities import Capabilities
from gatewright.engine.library.budget import older
from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import load
from gatewright.engine.library.operands import string
from gatewright.engine.values import Value

__all__ = ["metadata_chain", "metadata_rule", "parse_module", "runtime"]


def runtime(ctx: Context) -> dict[str, Value]:
    """Return what the caller lets policies know; nothing unless it says so."""
    return dict(ctx.runtime)


def metadata_chain() -> Value:
    """Fail: what the compiler has not replaced stands in a query, outside of rules."""
    raise _outside("chain")


def metadata_rule() -> Value:
    """Fail, as `metadata_chain` does."""
    raise _outside("rule")


def _outside(name: str) -> BuiltinError:
    return BuiltinError(
        f"the rego.metadata.{name} function must only be called within the scope of a"
        " rule"
    )


@cache
def _older_language() -> Capabilities:
    return replace(Capabilities.of_version("v1.17.1"), older=True)


def parse_module(filename: Value, source: Value) -> Value:
    """Return the syntax tree of a v1 module as JSON, without places."""
    # OPA calls both of them operand 1.
    name, text = string(filename, 1), string(source, 1)
    from gatewright.rego.ast_json import dumps, module_json
    from gatewright.rego.errors import RegoErrors
    from gatewright.rego.parser import parse_module as parse

    known = _older_language() if older() else None
    try:
        module = parse(name, text, capabilities=known)
    except RegoErrors as error:
        first = error.errors[0]
        # OPA returns this one as it is, not in a list of errors.
        alone = first.message == "empty module"
        raise BuiltinError(first.format() if alone else str(error)) from None
    return load(dumps(module_json(module, older=older()), indent=None))
