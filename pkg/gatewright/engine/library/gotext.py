"""How Go and OPA print values, where their texts show them."""

from __future__ import annotations

from gatewright.engine.values import Number, Set, Value, integer_text, pairs
from gatewright.rego.quoting import quote

__all__ = ["quote", "rego_text"]


def rego_text(value: Value) -> str:
    """Print a value as Rego: `{"a": [1, null], "b": {2, 3}}`, `set()`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return integer_text(value)
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return f"[{', '.join(map(rego_text, value))}]"
    if isinstance(value, Set):
        inner = ", ".join(map(rego_text, value.items))
        return f"{{{inner}}}" if inner else "set()"
    inner = ", ".join(f"{rego_text(k)}: {rego_text(v)}" for k, v in pairs(value))
    return f"{{{inner}}}"
