"""The declared builtins are OPA's, and each has an implementation."""

from __future__ import annotations

import inspect
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from gatewright._native.builtin import builtin_names
from gatewright.builtins.declarations import (
    FEATURES,
    FUTURE_KEYWORDS,
    TABLE,
    Builtin,
    parse_builtin,
)
from gatewright.builtins.types import parse_type, type_json
from gatewright.engine.library.registry import IMPLEMENTATIONS, NEEDS_CONTEXT

ELSEWHERE = Path(__file__).with_name("elsewhere.yaml")
TYPES = Path(__file__).with_name("types.yaml")


def elsewhere() -> dict[str, str]:
    return yaml.safe_load(ELSEWHERE.read_text())


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_builtin_is_carried_out_here_or_elsewhere(name: str) -> None:
    carried_out = name in IMPLEMENTATIONS or name in builtin_names()
    assert carried_out != (name in elsewhere())


def test_nothing_is_carried_out_that_is_not_declared() -> None:
    assert IMPLEMENTATIONS.keys() <= TABLE.keys()
    assert elsewhere().keys() <= TABLE.keys()
    assert NEEDS_CONTEXT <= IMPLEMENTATIONS.keys()


@pytest.mark.parametrize("name", sorted(IMPLEMENTATIONS))
def test_functions_take_the_declared_operands(name: str) -> None:
    operands = [None] * (TABLE[name].arity + (name in NEEDS_CONTEXT))
    inspect.signature(IMPLEMENTATIONS[name]).bind(*operands)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_types_keep_their_json_form(name: str) -> None:
    of = TABLE[name].type
    data = type_json(of)
    assert data is not None
    assert parse_type(data) == of


@pytest.mark.parametrize("case", yaml.safe_load(TYPES.read_text()))
def test_printed_types(case: dict[str, str]) -> None:
    builtin = TABLE[case["builtin"]]
    assert builtin.format_args() == case["args"]
    assert str(builtin.type) == case["type"]
    assert builtin.void == case.get("void", False)


@pytest.mark.peers
def test_declarations_are_those_of_opa(opa: Path) -> None:
    done = subprocess.run(
        [opa, "capabilities", "--current"], check=True, capture_output=True, timeout=60
    )
    real = json.loads(done.stdout)
    declared: dict[str, Builtin] = {
        row["name"]: parse_builtin(row) for row in real["builtins"]
    }

    assert dict(TABLE) == declared
    assert set(FEATURES) == set(real["features"])
    assert set(FUTURE_KEYWORDS) == set(real["future_keywords"])
