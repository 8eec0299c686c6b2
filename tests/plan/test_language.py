"""The cases of `language.test` by way of the oracle, the engine, and the real OPA.

`pytest -m peers tests/plan --update` records what the real one says.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatewright._native.core import Doc
from gatewright.engine.errors import EvalError
from gatewright.engine.policy import RegoVersion, compile_policy
from gatewright.engine.values import UNDEFINED
from gatewright.rego.errors import RegoErrors
from tests.golden import Block, read_blocks, rewrite
from tests.needs import require_peer
from tests.oracle.evaluate import plan_sources
from tests.oracle.interpreter import Interpreter, OracleError
from tests.oracle.values import from_json, to_json
from tests.plan.language import (
    PATH,
    document,
    error_text,
    module,
    run_opa,
    value_text,
)

BLOCKS = read_blocks(PATH)


def run_oracle(block: Block, *, optimized: bool) -> str:
    try:
        program = plan_sources(
            {"t.rego": module(block)},
            entrypoints=["data.t"],
            version=0 if "v0" in block.flags else 1,
            optimized=optimized,
        )
        given = document(block, "input")
        value = Interpreter(
            program,
            input=None if given is None else from_json(given),
            data=from_json(document(block, "data") or {}),
        ).evaluate("data.t")
    except RegoErrors as errors:
        return error_text(errors.errors[0].code, errors.errors[0].message)
    except OracleError as error:
        return str(error)
    return "undefined" if value is None else value_text(to_json(value))


def run_engine(block: Block) -> str:
    given = document(block, "input")
    try:
        policy = compile_policy(
            {"t.rego": module(block)},
            version=RegoVersion(0 if "v0" in block.flags else 1),
        )
        value = policy.evaluate(
            "data.t",
            input=UNDEFINED if given is None else Doc.from_python(given),
            data=Doc.from_python(document(block, "data") or {}),
        )
    except RegoErrors as errors:
        return error_text(errors.errors[0].code, errors.errors[0].message)
    except EvalError as error:
        return error_text(error.code, error.message)
    if value is UNDEFINED:
        return "undefined"
    return value_text(json.loads(Doc.from_python(value).json()))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
@pytest.mark.parametrize("optimized", [True, False], ids=["passes", "raw"])
def test_oracle(block: Block, *, optimized: bool) -> None:
    assert run_oracle(block, optimized=optimized) == block.expected


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_engine(block: Block) -> None:
    assert run_engine(block) == block.expected


@pytest.mark.peers
def test_opa(tmp_path: Path, update: bool) -> None:
    opa = require_peer("opa")
    if update:
        rewrite(PATH, lambda block: run_opa(opa, tmp_path, block))
        return
    for block in BLOCKS:
        (tmp_path / block.name).mkdir()
        assert run_opa(opa, tmp_path / block.name, block) == block.expected, block.name
