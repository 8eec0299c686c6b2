"""Fuzz for a while: `python -m tests.fuzz.run --seconds 60 [--seed N] [--version V]`.

Prints each difference as a shrunk program with the command that runs it again, then
one JSON line: programs, rules, differences, outcomes, coverage.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import http.client
import json
import re
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module
from tests.fuzz.compare import (
    Difference,
    Outcome,
    judge,
    ours_compiled,
    sources,
    theirs,
)
from tests.fuzz.generate import Program, generate
from tests.fuzz.known import known
from tests.fuzz.opa_server import OpaServer
from tests.fuzz.shrink import shrink
from tests.fuzz.terms import callable_builtins
from tests.needs import require_peer

#: A name with a parenthesis after it.
_CALLED = re.compile(r"[a-z_][a-z0-9_.]*(?=\()")
#: Kinds of nodes that source text can have (operators of refs and heads included).
_TERMS = (
    "Array ArrayComprehension Boolean Call Every Expr Head Import Module Null Number"
    " Object ObjectComprehension Package Ref Rule Set SetComprehension SomeDecl String"
    " Var With"
)
NODES = {
    0: frozenset(_TERMS.split()),
    1: frozenset((*_TERMS.split(), "Logical", "TemplateString")),
}
#: Codes of errors that programs can have.
CODES = frozenset(
    [
        "rego_parse_error",
        "rego_compile_error",
        "rego_type_error",
        "rego_recursion_error",
        "rego_unsafe_var_error",
        "eval_conflict_error",
        "eval_builtin_error",
        "eval_type_error",
    ]
)


@dataclass
class Summary:
    """What a run came to."""

    programs: int = 0
    rules: int = 0
    known: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    nodes: Counter[str] = field(default_factory=Counter)
    builtins: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def count(self, program: Program, lenient: Outcome, strict: Outcome) -> None:
        self.programs += 1
        self.rules += sum(len(rules) for _, _, rules in program.packages)
        self.outcomes[f"{lenient.kind}"] += 1
        for outcome in (lenient, strict):
            for code in outcome.code.split(",") if outcome.code else ():
                self.codes[code] += 1

    def cover(self, program: Program, *, nodes: bool) -> None:
        """Count the builtins of a program; with `nodes`, the kinds of its nodes."""
        for name, text in program.modules().items():
            self.builtins.update(_CALLED.findall(text))
            if not nodes:
                continue
            try:
                module = parse_module(name, text, version=program.version)
            except RegoErrors:
                continue
            for node in _nodes(module):
                self.nodes[type(node).__name__] += 1

    def missed(self, version: int) -> dict[str, list[str]]:
        """What there is to hit and was not: builtins, kinds of nodes, codes."""
        builtins = {b.name for b in callable_builtins(version) if not b.infix}
        return {
            "builtins": sorted(builtins - self.builtins.keys()),
            "nodes": sorted(NODES[version] - self.nodes.keys()),
            "codes": sorted(CODES - self.codes.keys()),
        }

    def line(self, version: int) -> str:
        wanted = [b.name for b in callable_builtins(version)]
        missed = self.missed(version)
        return json.dumps(
            {
                "version": version,
                "programs": self.programs,
                "rules": self.rules,
                "differences": len(self.differences),
                "known": dict(self.known),
                "outcomes": dict(self.outcomes),
                "codes": dict(self.codes),
                "nodes": dict(sorted(self.nodes.items())),
                "builtins": [len(wanted) - len(missed["builtins"]), len(wanted)],
                "missed": missed,
            }
        )


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, list | tuple):
        for item in node:
            yield from _nodes(item)
        return
    if not type(node).__module__.endswith("rego.ast"):
        return
    yield node
    for name in getattr(type(node), "__slots__", ()):
        if name not in ("loc", "location", "module", "parent"):
            yield from _nodes(getattr(node, name, None))


def fuzz(
    opa: Path,
    *,
    seconds: float,
    seed: int,
    version: int,
    count: int = 0,
    most: int = 20,
    small: bool = True,
    open_seeds: frozenset[int] = frozenset(),
) -> Summary:
    """Programs from `seed` on, until the time, the count or `most` differences.

    A difference of one of the `open_seeds` is counted as known.
    """
    summary = Summary()
    end = time.monotonic() + seconds
    gc.disable()  # trees are freed by counting; looking for cycles is a third of all
    with (
        OpaServer(opa, version) as server,
        ThreadPoolExecutor(1) as other,
        contextlib.suppress(KeyboardInterrupt),
    ):
        while time.monotonic() < end and len(summary.differences) < most:
            program = generate(seed, version)
            modules = sources(program)
            answer = other.submit(theirs, server, modules, program.data, program.input)
            compiled = ours_compiled(modules, version)
            try:
                lenient, strict, failed = answer.result()
            except (http.client.HTTPException, OSError):
                # Some programs end opa's connection, or keep it busy for ever.
                summary.known["opa gave no answer"] += 1
                server.restart()
                seed += 1
                continue
            difference, _, _ = judge(program, compiled, lenient, strict, failed)
            summary.count(program, lenient, strict)
            summary.cover(program, nodes=summary.programs % 10 == 0)
            if difference is not None:
                reason = (
                    "open seed" if seed in open_seeds else known(difference, program)
                )
                if reason is None:
                    # In a process that has compiled thousands of programs opa may
                    # take types of builtins for wider than they are
                    server.restart()
                    fresh = theirs(server, modules, program.data, program.input)
                    if judge(program, compiled, *fresh)[0] is None:
                        reason = "a fault of OPA: it depends on programs before"
                if reason is not None:
                    summary.known[reason] += 1
                else:
                    report(server, summary, program, difference, small=small)
            seed += 1
            if summary.programs % 200 == 0:
                gc.collect()
            if count and summary.programs >= count:
                break
    gc.enable()
    return summary


def report(
    server: OpaServer,
    summary: Summary,
    program: Program,
    difference: Difference,
    *,
    small: bool,
) -> None:
    """Print a difference, cut down."""
    if small:
        program, difference = shrink(server, program, difference)
    if known(difference, program) is not None:
        summary.known[str(known(difference, program))] += 1
        return
    modules = sources(program)
    text = "\n".join(
        f"--- {name}\n{source}"
        for name, source in modules.items()
        if name != "view.rego"
    )
    summary.differences.append(text)
    print(
        f"=== {difference}\n{text}data:  {program.data}\ninput: {program.input}\n"
        f"again: python -m tests.fuzz.run --version {program.version}"
        f" --seed {program.seed} --count 1\n",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--version", type=int, choices=(0, 1), default=1)
    parser.add_argument("--count", type=int, default=0, help="programs at most")
    parser.add_argument("--most", type=int, default=20, help="differences at most")
    parser.add_argument("--whole", action="store_true", help="do not shrink")
    args = parser.parse_args()
    print(f"seed {args.seed} version {args.version}", flush=True)
    # Ended from outside, it says what it has found so far.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    summary = fuzz(
        require_peer("opa"),
        seconds=args.seconds,
        seed=args.seed,
        version=args.version,
        count=args.count,
        most=args.most,
        small=not args.whole,
    )
    print(summary.line(args.version))
    return 1 if summary.differences else 0


if __name__ == "__main__":
    sys.exit(main())
