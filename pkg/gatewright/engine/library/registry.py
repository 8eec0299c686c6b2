"""Which builtin is which Python function.

A family's module is imported when one of its builtins is first asked for, so a
policy that signs nothing never loads cryptography.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

__all__ = ["IMPLEMENTATIONS", "NEEDS_CONTEXT", "implementation"]

#: builtin -> module.function under gatewright.engine.library
_FUNCTIONS: Final[Mapping[str, str]] = {
    "glob.match": "glob.match",
    "glob.quote_meta": "glob.quote_glob",
    "net.cidr_contains": "net.cidr_contains",
    "net.cidr_contains_matches": "net.cidr_contains_matches",
    "net.cidr_expand": "net.cidr_expand",
    "net.cidr_intersects": "net.cidr_intersects",
    "net.cidr_is_valid": "net.cidr_is_valid",
    "net.cidr_merge": "net.cidr_merge",
    "net.cidr_overlap": "net.cidr_contains",
    "net.lookup_ip_addr": "net.lookup_ip_addr",
    "re_match": "regex.match",
    "regex.find_all_string_submatch_n": "regex.find_all_string_submatch_n",
    "regex.find_n": "regex.find_n",
    "regex.globs_match": "regex.globs_match",
    "regex.is_valid": "regex.is_valid",
    "regex.match": "regex.match",
    "regex.replace": "regex.replace",
    "regex.split": "regex.split",
    "regex.template_match": "regex.template_match",
    "time.add_date": "times.add_date",
    "time.clock": "times.clock",
    "time.date": "times.date",
    "time.diff": "times.diff",
    "time.format": "times.format_ns",
    "time.now_ns": "times.now_ns",
    "time.parse_duration_ns": "times.parse_duration_ns",
    "time.parse_ns": "times.parse_ns",
    "time.parse_rfc3339_ns": "times.parse_rfc3339_ns",
    "time.weekday": "times.weekday",
    "units.parse": "units.parse",
    "units.parse_bytes": "units.parse_bytes",
}

#: Builtins whose function takes a `Context` before the operands.
NEEDS_CONTEXT: Final[frozenset[str]] = frozenset(
    {
        "net.cidr_expand",
        "net.lookup_ip_addr",
        "time.now_ns",
    }
)


class _Implementations(Mapping[str, Callable[..., Any]]):
    """A mapping that imports on access."""

    def __init__(self) -> None:
        self._loaded: dict[str, Callable[..., Any]] = {}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        found = self._loaded.get(name)
        if found is None:
            module, _, function = _FUNCTIONS[name].rpartition(".")
            loaded = import_module(f"gatewright.engine.library.{module}")
            found = self._loaded[name] = getattr(loaded, function)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_FUNCTIONS)

    def __len__(self) -> int:
        return len(_FUNCTIONS)

    def __contains__(self, name: object) -> bool:
        return name in _FUNCTIONS


#: builtin -> function(*operands), or function(context, *operands) for
#: `NEEDS_CONTEXT`. It returns a value or UNDEFINED; it raises BuiltinError or
#: OperandError (library/errors.py).
IMPLEMENTATIONS: Final[Mapping[str, Callable[..., Any]]] = _Implementations()


def implementation(name: str) -> Callable[..., Any]:
    """Return the function of a builtin; KeyError when Python has none."""
    return IMPLEMENTATIONS[name]
