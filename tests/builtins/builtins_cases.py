"""The recorded cases: reading them, and calling our implementation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.registry import NEEDS_CONTEXT, implementation
from gatewright.engine.values import UNDEFINED
from tests.builtins.terms import read, write

CASES = Path(__file__).parent / "cases"
CALL = re.compile(r"([\w.]+)\((.*)\)", re.DOTALL)
CLOCK = 1_700_000_000_123_456_789


def parse_call(call: str) -> tuple[str, list[str]]:
    found = CALL.fullmatch(call)
    assert found, call
    return found[1], [write(value) for value in read(f"[{found[2]}]")]


def load() -> list[Any]:
    return [
        (path.stem, row)
        for path in sorted(CASES.glob("*.yaml"))
        for row in yaml.safe_load(path.read_text())
    ]


def outcome(call: str) -> dict[str, str]:
    """What our function gives, in the form of a recorded row."""
    name, texts = parse_call(call)
    args = [read(text) for text in texts]
    if name in NEEDS_CONTEXT:
        args.insert(0, Context(clock=CLOCK, seed=1))
    try:
        result = implementation(name)(*args)
    except OperandError as error:
        return {"error": f"{name}: {error}", "code": "eval_type_error"}
    except BuiltinError as error:
        return {"error": f"{name}: {error}", "code": "eval_builtin_error"}
    return {"is": "undefined" if result is UNDEFINED else write(result)}


def normal(text: str) -> str:
    """One spelling of Rego text, whoever wrote it."""
    return text if text == "undefined" else write(read(text))
