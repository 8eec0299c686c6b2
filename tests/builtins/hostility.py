"""Makes the hostile calls of hostile.yaml, each in a process of its own.

    python -m tests.builtins.hostility [NAME...]

prints how each ended, and the steps, memory and CPU time that it took.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gatewright._native.core import UNDEFINED, Assembler, Doc, Evaluation, Image
from gatewright.engine.binding import LIBRARY, VARYING
from gatewright.engine.errors import BudgetExceeded, EvalError
from gatewright.engine.limits import Limits
from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from gatewright.ir.encode import encode
from gatewright.rego.depth import deep
from gatewright.rego.parser import parse_module

HERE = Path(__file__).parent
ROWS: list[dict[str, Any]] = yaml.safe_load((HERE / "hostile.yaml").read_text())
HELPERS = parse_module("hostile.rego", (HERE / "hostile.rego").read_text())
STEPS = 20_000_000
MEMORY = 64 << 20
#: The net below the test (s, bytes): what obeys its budget does not come near.
MOST_CPU = 20
MOST_MEMORY = 3 << 30


@dataclass(frozen=True)
class Ending:
    """How a call ended: `how` as in hostile.yaml, or `killed` or `raised`."""

    how: str
    text: str = ""
    cpu: float = 0.0


def operands_of(row: dict[str, Any]) -> Doc:
    """The operands, made with as many steps as that takes."""
    asked = (
        f"package ask\nimport data.hostile as h\nr := [{', '.join(row['operands'])}]"
    )
    policy = compile_policy({"hostile.rego": HELPERS, "ask.rego": asked})
    assembler = Assembler()
    assembler.add_program(encode(policy.program(["data.ask.r"])), varying=VARYING)
    image = Image(assembler.finish(), binding=LIBRARY)
    entry = image.entrypoints(0)["data.ask.r"]
    evaluation = Evaluation(image, limit=4 << 30)
    evaluation.reset()
    evaluation.begin(0, entry, {}, steps=1 << 60)
    while not evaluation.advance(1 << 40):
        pass
    found = evaluation.result_doc()
    assert isinstance(found, Doc), f"{row['call']}: {evaluation.outcome()}"
    return found


def policy_of(row: dict[str, Any]) -> Policy:
    """A policy that makes the call on the members of its input."""
    places = [f"input[{i}]" for i in range(len(row["operands"]))]
    call = f"{row['call']}({', '.join(places)})"
    if "infix" in row:
        call = f"{places[0]} {row['infix']} {places[1]}"
    body = call if row.get("infix") == "=" else f"value := {call}"
    if row["call"] == "walk":
        body = "count([x | walk(input[0], x)]) > 0"
    version = RegoVersion.V0 if row.get("v0") else RegoVersion.V1
    rule = f"r {{ {body} }}" if row.get("v0") else f"r if {{ {body} }}"
    policy = compile_policy({"t.rego": f"package t\n{rule}"}, version=version)
    policy.prepare(["data.t.r"])
    return policy


def attempt(row: dict[str, Any]) -> Ending:
    """Make the call here."""
    operands, policy = operands_of(row), policy_of(row)
    failed: list[EvalError] = []
    began = time.process_time()
    try:
        # As `gatewright rego` does: with Python's own limit, deep values are errors.
        with deep():
            value = policy.evaluate(
                "data.t.r",
                input=operands,
                limits=Limits(steps=STEPS, memory=MEMORY),
                collected=failed,
            )
    except BudgetExceeded as exceeded:
        return Ending(exceeded.reason, "", time.process_time() - began)
    except EvalError as error:
        return Ending("error", str(error)[:200], time.process_time() - began)
    cpu = time.process_time() - began
    if failed:
        return Ending("error", str(failed[0])[:200], cpu)
    return Ending("undefined" if value is UNDEFINED else "value", "", cpu)


def confined(row: dict[str, Any]) -> Ending:
    """Make the call in a child that the kernel stops if nothing else does."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU, MOST_CPU))
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            try:
                ending = attempt(row)
            except BaseException:  # noqa: BLE001 - handed to the parent
                ending = Ending("raised", traceback.format_exc()[-1500:])
            os.write(writer, msgspec.json.encode(ending))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    if not data:
        return Ending("killed", f"by signal {os.WTERMSIG(status)}")
    return msgspec.json.decode(data, type=Ending)


def main(names: list[str]) -> None:
    """Print a line for each call."""
    for row in ROWS:
        if names and row["call"] not in names:
            continue
        ending = confined(row)
        mark = " " if ending.how == row["ends"] else "*"
        shown = f"{row['call']}({', '.join(row['operands'])})"[:70]
        print(f"{mark} {ending.cpu:7.3f} {ending.how:9} {shown} {ending.text[-300:]}")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
