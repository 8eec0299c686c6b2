"""Calls of builtins, one by one: `python -m tests.fuzz.calls [--seed N] [--each 20]`.

What programs reach seldom: each builtin with operands that are right, wrong in what
they say, or of another type, in all mixtures, so that it shows which of several
things is found wrong first.  The type checker sees none of it: operands go through
`id(_, x) := x`, whose first one tells calls apart (OPA keeps the results of functions,
so `[f(2.0), f(2)]` is `[2.0, 2.0]`).  Prints each difference, then one JSON line: calls, differences, and
how many gave a value, nothing, or an error.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import sys
from collections import Counter
from pathlib import Path

from gatewright.builtins.declarations import Builtin
from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from tests.fuzz.compare import Outcome, opa_outcome, ours
from tests.fuzz.opa_server import OpaServer
from tests.fuzz.operands import KINDS, operand
from tests.fuzz.shapes import ANY, STR, Shape, from_declared, shape, text
from tests.fuzz.terms import Scope, Terms, callable_builtins
from tests.needs import require_peer

#: Rules of one module: its compilation is shared, and still short.
RULES = 20
HEAD = {
    0: "package u\n\nid(_, x) = x { true }\n",
    1: "package u\n\nid(_, x) := x if true\n",
}


class Constants(Terms):
    """Terms that are constants."""

    def term(self, want: Shape, scope: Scope, depth: int = 3) -> str:
        if want == ANY:
            want = shape(self.rng, 1)
        return self.literal(want, scope, min(depth, 2))

    def literal(self, want: Shape, scope: Scope, depth: int) -> str:
        # No template strings: not all versions have them, and they are no constants.
        return text(self.rng) if want == STR else super().literal(want, scope, depth)

    def call_of(self, builtin: Builtin) -> str:
        """A call of a builtin."""
        rng = self.rng
        kinds = KINDS.get(builtin.name, ())
        args = []
        for position, declared in enumerate(builtin.args):
            kind = kinds[position] if position < len(kinds) else ""
            chance = rng.random()
            made = operand(rng, kind) if kind and chance < 0.6 else None
            if made is None and builtin.name.startswith(("numbers.range", "bits.")):
                made = str(rng.randint(-3, 9)) if chance < 0.8 else None
            if made is None:
                want = ANY if chance > 0.8 else from_declared(declared, rng)
                made = self.term(want, Scope([], bind=False))
            args.append(made)
        for _ in range(rng.randint(0, 2) if builtin.variadic is not None else 0):
            args.append(self.term(ANY, Scope([], bind=False)))
        args = [f"id({at}, {made})" for at, made in enumerate(args)]
        return f"{builtin.name}({', '.join(args)})"


def module(builtin: Builtin, rng: random.Random, version: int) -> list[str]:
    """The rules of a module, `r0` and on."""
    terms = Constants(rng, version, {}, member=False)
    sign = ":=" if version else "="
    # As text, which keeps the spelling of numbers and tells sets from arrays.
    return [
        f'r{at} {sign} sprintf("%v", [{terms.call_of(builtin)}])' for at in range(RULES)
    ]


def both(
    server: OpaServer, policy: Policy, at: int, *, strict: bool
) -> tuple[Outcome, Outcome]:
    """Ours and the real one's outcome of a rule."""
    theirs = opa_outcome(server.value(f"u/r{at}", "", strict=strict))
    return ours(policy, "{}", "", strict=strict, entry=f"data.u.r{at}"), theirs


def sweep(
    server: OpaServer, builtin: Builtin, rng: random.Random, version: int, each: int
) -> tuple[list[str], Counter[str]]:
    """Differences of one builtin's calls, and the kinds of outcomes."""
    found, kinds = [], Counter[str]()
    for _ in range(0, each, RULES):
        rules = module(builtin, rng, version)
        source = {"u.rego": HEAD[version] + "\n".join(rules) + "\n"}
        _, errors = server.load(source)
        if errors:
            raise RuntimeError(f"{builtin.name}: {errors[0]['message']}: {source}")
        policy = compile_policy(
            source,
            version=RegoVersion(version),
            entrypoints=[f"data.u.r{at}" for at in range(RULES)],
        )
        for at, rule in enumerate(rules):
            for strict in (True, False):
                try:
                    mine, theirs = both(server, policy, at, strict=strict)
                except (http.client.HTTPException, OSError):
                    # Some calls end opa's connection, or keep it busy for ever.
                    server.restart()
                    server.load(source)
                    kinds["opa gave no answer"] += 1
                    break
                if strict:
                    kinds[theirs.kind] += 1
                if mine != theirs:
                    mode = "strict" if strict else "lenient"
                    found.append(f"{mode}: {rule}\n  ours: {mine}\n  opa:  {theirs}")
                    break
    return found, kinds


def run(opa: Path, *, seed: int, version: int, each: int, only: str = "") -> list[str]:
    """Sweep all builtins, or those with a word in their name; the differences."""
    differences: list[str] = []
    kinds = Counter[str]()
    with OpaServer(opa, version) as server:
        server.data("{}")
        for builtin in callable_builtins(version):
            if builtin.infix or only not in builtin.name:
                continue
            rng = random.Random(f"{seed} {builtin.name}")  # noqa: S311
            found, seen = sweep(server, builtin, rng, version, each)
            differences += found
            kinds += seen
            for one in found:
                print(f"=== {one}", flush=True)
    line = {"seed": seed, "version": version, "calls": kinds.total()}
    print(json.dumps({**line, "differences": len(differences), "outcomes": kinds}))
    return differences


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--version", type=int, choices=(0, 1), default=1)
    parser.add_argument("--each", type=int, default=RULES, help="calls of a builtin")
    parser.add_argument("--only", default="", help="a word in the builtin's name")
    args = parser.parse_args()
    opa = require_peer("opa")
    found = run(
        opa, seed=args.seed, version=args.version, each=args.each, only=args.only
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
