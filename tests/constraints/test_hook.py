"""Templates are compiled without the hook where it would find nothing."""

from __future__ import annotations

import pytest

from gatewright.constraints import regosource
from gatewright.engine.policy import compile_policy
from gatewright.rego.ast import Module
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module

#: Whether the types alone show that the hook finds nothing; and whether it does.
SOURCES = {
    "a message": ('violation[{"msg": "m"}] { true }', True, True),
    "message and details": (
        'violation[{"msg": m, "details": {"a": 1}}] { m := input.review.name }',
        True,
        True,
    ),
    "two shapes": (
        """violation[{"msg": "m"}] { true }
        violation[{"msg": "m", "details": {}}] { true }""",
        True,
        True,
    ),
    "any object": ("violation[r] { r := input.review.object }", True, True),
    "a computed key": ("violation[{k: 1}] { k := input.review.kind.kind }", True, True),
    "a number for a key": ("violation[{k: 1}] { k := count(input) }", False, False),
    "one shape without": (
        """violation[{"msg": "m"}] { true }
        violation[{"details": {}}] { true }""",
        False,
        True,
    ),
    "no message": ('violation[{"details": 1}] { true }', False, False),
    "a text": ('violation["m"] { true }', False, False),
    "an array": ('violation := [{"msg": "m"}] { true }', False, False),
    "a function": ('violation(x) := {"msg": "m"} { x }', False, False),
    "broken": ('violation[{"msg": x}] { true }', False, False),
}


@pytest.mark.parametrize("name", SOURCES)
def test_left_out_only_where_it_finds_nothing(name: str) -> None:
    text, left_out, passes = SOURCES[name]
    template = parse_module("t", "package template\n" + text, version=0)
    hook = parse_module(regosource.HOOK_MODULE, regosource.HOOK, version=0)
    both: dict[str, Module] = {regosource.HOOK_MODULE: hook, "t": template}

    def part(modules: dict[str, Module]) -> bytes:
        policy = compile_policy(modules, messages="gatekeeper")
        return policy.part(regosource.ENTRYPOINT).data

    try:
        whole = part(both)
    except RegoErrors:
        whole = b""
    assert passes is bool(whole)
    try:
        policy = compile_policy({"t": template}, messages="gatekeeper")
    except RegoErrors:
        assert not passes
        return
    assert left_out is regosource.has_messages(policy.compiled.types)
    if passes:
        assert whole == part({"t": template}), "the hook adds nothing to the plan"
