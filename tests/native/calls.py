"""Calls of built-ins, one to a line: `name term term => what it gives`.

Terms are the JSON superset of plans (`<1,2>` is a set). What it gives is Rego text,
`undefined`, or `! code: text` for an error. Lines that start with # are comments.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatewright._native import builtin
from gatewright._native.core import UNDEFINED, Doc, Number, Object, Set

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Call:
    """One line: `terms` as texts; `want` is empty when nobody has asked yet."""

    name: str
    terms: tuple[str, ...]
    want: str
    line: str


def split_terms(text: str) -> Iterator[str]:
    """The terms of a line, parted by blanks outside of brackets and strings."""
    depth, start, quoted, escaped = 0, 0, False, False
    for i, c in enumerate(text + " "):
        if quoted:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "[{<":
            depth += 1
        elif c in "]}>":
            depth -= 1
        elif c == " " and depth == 0:
            if i > start:
                yield text[start:i]
            start = i + 1


def read_calls(path: Path) -> list[Call]:
    """The calls of one file."""
    calls = []
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, want = line.partition(" => ")
        name, *terms = split_terms(head)
        calls.append(Call(name, tuple(terms), want, line))
    return calls


def native_answer(call: Call) -> str:
    """What the native built-in gives, in the form of `want`."""
    operands = [Doc.parse(term, term=True) for term in call.terms]
    try:
        value = builtin.call(call.name, *operands)
    except builtin.BuiltinError as error:
        return f"! {error.code}: {error}"
    if value is UNDEFINED:
        return "undefined"
    return Doc.from_python([value]).rego_text()[1:-1]


def rego(value: object) -> str:
    """A value in Python form as Rego source."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Set):
        return "{" + ", ".join(map(rego, value)) + "}" if len(value) else "set()"
    if isinstance(value, (Object, dict)):
        return "{" + ", ".join(f"{rego(k)}: {rego(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(rego, value)) + "]"
    return json.dumps(value, ensure_ascii=True)


INFIX = {
    "plus": "+", "minus": "-", "mul": "*", "div": "/", "rem": "%", "or": "|",
    "and": "&", "equal": "==", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">",
    "gte": ">=", "internal.member_2": "in",
}  # fmt: skip


def source(call: Call, *, row: int) -> str:
    """The call as Rego; `id` hides the types of its operands from the compiler.

    `row` differs for each call: opa caches functions by the value of their operands,
    and 1 and 1.0 are the same.
    """
    operands = [
        f"id({row}, {rego(Doc.parse(t, term=True).python())})" for t in call.terms
    ]
    if call.name in INFIX:
        return f"({f' {INFIX[call.name]} '.join(operands)})"
    if call.name == "internal.member_3":
        return f"(({operands[0]}, {operands[1]} in {operands[2]}))"
    return f"{call.name}({', '.join(operands)})"


def opa_answers(opa: Path, calls: Sequence[Call], *, scratch: Path) -> list[str]:
    """What the real opa gives, in the form of `want`."""
    lines = ["package calls", "import future.keywords.in", "id(_, x) := x"]
    for i, call in enumerate(calls):
        # The text by sprintf, since opa's JSON spells numbers anew and has no sets
        lines.append(
            f"c{i} = t {{ x := {source(call, row=i)}; t := sprintf(`%v`, [[x]]) }}"
        )
    module = scratch / "calls.rego"
    module.write_text("\n".join(lines) + "\n", "utf-8")
    done = subprocess.run(
        [opa, "eval", "--v0-compatible", "--show-builtin-errors", "--format=json",
         "--data", module, "data.calls"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    if "result" not in answer:
        raise ValueError(done.stdout[:3000])
    values = answer["result"][0]["expressions"][0]["value"]
    errors = {
        e["location"]["row"] - 4: f"! {e['code']}: {e['message']}"
        for e in answer.get("errors", [])
    }
    return [
        values[f"c{i}"][1:-1] if f"c{i}" in values else errors.get(i, "undefined")
        for i in range(len(calls))
    ]
