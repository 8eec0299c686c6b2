"""Small languages inside builtins: `python -m tests.fuzz.languages [--only templates]`.

Templates, GraphQL, JSON Schema and their like are texts that `tests.fuzz.calls` hits
seldom.  Each language has a generator of calls; operands come as input, so that one
policy holds for all.  Prints each difference, then one JSON line a language: calls,
differences, and how many gave a value, nothing, or an error.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatewright.engine.policy import Policy, RegoVersion, compile_policy
from tests.fuzz import (
    chains,
    graphql,
    json_schemas,
    moments,
    patches,
    pems,
    templates,
    texts,
    yaml_values,
)
from tests.fuzz.compare import Outcome, opa_outcome, ours
from tests.fuzz.opa_server import OpaServer
from tests.needs import require_peer

#: How often opa is asked before something counts as a difference.
TRIES = 20
#: A call: the builtin, and its operands.
Call = tuple[str, list[Any]]
#: Each language: its generator, and the builtins that it calls, by count of operands.
LANGUAGES: dict[str, tuple[Callable[[random.Random], Call], dict[str, int]]] = {
    "chains": (chains.call, chains.BUILTINS),
    "graphql": (graphql.call, graphql.BUILTINS),
    "schemas": (json_schemas.call, json_schemas.BUILTINS),
    "moments": (moments.call, moments.BUILTINS),
    "patches": (patches.call, patches.BUILTINS),
    "pems": (pems.call, pems.BUILTINS),
    "texts": (texts.call, texts.BUILTINS),
    "templates": (templates.call, {"strings.render_template": 2}),
    "yaml": (yaml_values.call, yaml_values.BUILTINS),
}


def module(builtins: dict[str, int]) -> str:
    """A rule for each builtin, `r0` and on."""
    rules = ["package u\n"]
    for at, (name, count) in enumerate(builtins.items()):
        args = ", ".join(f"input[{i}]" for i in range(count))
        # As text, which tells sets from arrays; `[]` keeps strings in quotes.
        rules.append(f'r{at} := sprintf("%v", [[{name}({args})]])')
    return "\n".join(rules) + "\n"


def shown(call: Call) -> str:
    """A call as it may be recorded."""
    args = ", ".join(json.dumps(arg, ensure_ascii=False) for arg in call[1])
    return f"{call[0]}({args})"


def in_order(outcome: Outcome) -> Outcome:
    """Findings of a schema come from opa in random order: sorted, as a set."""
    if not outcome.text.startswith('[[false, [{"desc'):
        return outcome
    findings = json.loads(outcome.text)
    findings[0][1].sort(key=json.dumps)
    return replace(outcome, text=json.dumps(findings))


def answered(server: OpaServer, path: str, given: str, mine: Outcome) -> Outcome:
    """What opa says; it goes through objects in random order, so it is asked again
    before what it finds first counts as a difference."""
    theirs = Outcome("")
    for _ in range(TRIES):
        theirs = opa_outcome(server.value(path, given, strict=True))
        if in_order(mine) == in_order(theirs):
            break
    return theirs


def sweep(
    server: OpaServer, policy: Policy, language: str, *, seed: int, count: int
) -> tuple[list[str], Counter[str]]:
    """The differences of a language's calls, and the kinds of outcomes."""
    generate, builtins = LANGUAGES[language]
    rules = {name: f"r{at}" for at, name in enumerate(builtins)}
    found, kinds = [], Counter[str]()
    for at in range(count):
        name, args = call = generate(random.Random(f"{seed} {language} {at}"))  # noqa: S311
        given = json.dumps(args)
        mine = ours(policy, "{}", given, strict=True, entry=f"data.u.{rules[name]}")
        if "nested too deep" in mine.text:
            # What never ends takes all of opa's memory.
            kinds["too deep here"] += 1
            continue
        try:
            theirs = answered(server, f"u/{rules[name]}", given, mine)
        except (http.client.HTTPException, OSError):
            server.restart()
            server.load({"u.rego": module(builtins)})
            kinds["opa gave no answer"] += 1
            continue
        kinds[theirs.kind] += 1
        if in_order(mine) != in_order(theirs):
            found.append(f"{shown(call)}\n  ours: {mine}\n  opa:  {theirs}")
    return found, kinds


def run(opa: Path, language: str, *, seed: int, count: int) -> list[str]:
    """Compare calls of one language; the differences."""
    source = {"u.rego": module(LANGUAGES[language][1])}
    rules = len(LANGUAGES[language][1])
    policy = compile_policy(
        source,
        version=RegoVersion(1),
        entrypoints=[f"data.u.r{at}" for at in range(rules)],
    )
    with OpaServer(opa, 1) as server:
        server.data("{}")
        _, errors = server.load(source)
        if errors:
            raise RuntimeError(f"{errors[0]['message']}: {source}")
        found, kinds = sweep(server, policy, language, seed=seed, count=count)
    for one in found:
        print(f"=== {one}", flush=True)
    line = {"language": language, "seed": seed, "calls": kinds.total()}
    print(json.dumps({**line, "differences": len(found), "outcomes": kinds}))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--count", type=int, default=1000, help="calls of a language")
    parser.add_argument("--only", choices=LANGUAGES, help="one language")
    args = parser.parse_args()
    opa = require_peer("opa")
    found = [
        difference
        for language in ([args.only] if args.only else LANGUAGES)
        for difference in run(opa, language, seed=args.seed, count=args.count)
    ]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
