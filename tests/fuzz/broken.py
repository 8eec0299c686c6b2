"""Programs with a mistake: `python -m tests.fuzz.broken [--count N] [--version V]`.

Takes modules of OPA's cases and generated ones, and breaks each with one to three
small changes: a token left out, doubled, moved, or put in place of another.  What the
real compiler says has to be what ours says: how many errors, and of each code, row,
column and text.  Prints those that differ, then one JSON line with the ratios.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import random
import re
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gatewright.engine.policy import Policy
from tests.conformance.rego_cases import FOLDERS, read_cases
from tests.fuzz.compare import Outcome, compile_outcome, ours_compiled
from tests.fuzz.generate import generate
from tests.fuzz.opa_server import OpaServer
from tests.needs import require_conformance, require_peer

_TOKENS = re.compile(
    r"\s+|#[^\n]*|\$?\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|[A-Za-z_][A-Za-z0-9_]*"
    r"|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|:=|==|!=|<=|>=|."
)
_OTHERS = (
    "if", "contains", "every", "in", "some", "not", "else", "default", "import",
    "package", "with", "as", "null", "true", "x", "input", "data", "count", "{", "}",
    "[", "]", "(", ")", ",", ":", ";", "|", "&", ":=", "=", "==", "+", "-", "*", "/",
    "%", "<", ".", "_", "1", "1.5", '"a"', "`", '"', "$", "!", "0x1", "@", "\n",
)  # fmt: skip


@dataclass
class Ratios:
    """What a run came to; `places` and `texts`: programs that agree in those."""

    programs: int = 0
    broken: int = 0
    places: int = 0
    texts: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def line(self, version: int, seed: int) -> str:
        of = max(1, self.broken)
        return json.dumps(
            {
                "version": version,
                "seed": seed,
                "programs": self.programs,
                "broken": self.broken,
                "same_code_and_place": round(self.places / of, 5),
                "same_text": round(self.texts / of, 5),
                "codes": dict(self.codes),
            }
        )


def _kind(token: str) -> str:
    if token[0].isalpha() or token[0] == "_":
        return "word"
    if token[0].isdigit():
        return "number"
    return "text" if token[0] in '"`$' else "sign"


def broken(rng: random.Random, text: str) -> str:
    """The text with one to three changes."""
    tokens = _TOKENS.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        solid = [at for at, token in enumerate(tokens) if not token.isspace()]
        if len(solid) < 4:
            break
        at, other = rng.sample(solid[2:], 2)
        change = rng.randrange(12)
        if change > 5:
            # Most of what parses has a word for a word, a number for a number.
            alike = [i for i in solid[2:] if _kind(tokens[i]) == _kind(tokens[at])]
            tokens[at] = tokens[rng.choice(alike)]
        elif change == 0:
            del tokens[at]
        elif change == 1:
            tokens.insert(at, tokens[at] + " ")
        elif change == 2:
            tokens[at] = rng.choice(_OTHERS)
        elif change == 3:
            tokens.insert(at, rng.choice(_OTHERS) + " ")
        elif change == 4:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = tokens[other]
    return "".join(tokens)


def sources(version: int) -> list[str]:
    """Modules of OPA's cases, those of the version alone."""
    root = require_conformance()
    found = []
    for name, of in FOLDERS.items():
        if (root / name).is_dir() and (of == version or version == 0):
            for case in read_cases(root / name, version=of):
                found += [text for text in case.modules if len(text) < 2000]
    return found


def _lines(outcome: Policy | Outcome) -> list[tuple[str, str]]:
    """(place and code, text) of each error, in order."""
    if not isinstance(outcome, Outcome):
        return []
    if outcome.kind != "compile":
        return [(outcome.kind, outcome.text)]
    parts = [re.split(r"(?<=_error): ", line, maxsplit=1) for line in
             outcome.text.split("\n        ")]  # fmt: skip
    return [(part[0], part[1] if len(part) > 1 else "") for part in parts]


def _theirs(server: OpaServer, text: str) -> Outcome | None:
    _, errors = server.load({"m.rego": text})
    return None if not errors else compile_outcome(errors)


def compare_broken(
    opa: Path, *, count: int, seconds: float, seed: int, version: int, show: int = 20
) -> Ratios:
    """Break `count` modules, or as many as the time allows."""
    ratios = Ratios()
    pool = sources(version)
    end = time.monotonic() + seconds
    gc.disable()
    with OpaServer(opa, version) as server, ThreadPoolExecutor(1) as other:
        while ratios.programs < count and time.monotonic() < end:
            rng = random.Random(f"{version}:{seed}")  # noqa: S311
            seed += 1
            if rng.random() < 0.5:
                text = list(generate(seed, version).modules().values())[-1]
            else:
                text = rng.choice(pool)
            text = broken(rng, text)
            ratios.programs += 1
            if ratios.programs % 200 == 0:
                gc.collect()
            answer = other.submit(_theirs, server, text)
            mine = _lines(ours_compiled({"m.rego": text}, version))
            try:
                found = answer.result()
            except (http.client.HTTPException, OSError):
                server.restart()
                continue
            if found is None and not mine:
                continue
            theirs = [] if found is None else _lines(found)
            ratios.broken += 1
            for code in {place.rpartition(" ")[2] for place, _ in theirs}:
                ratios.codes[code] += 1
            same_place = [place for place, _ in mine] == [place for place, _ in theirs]
            ratios.places += same_place
            ratios.texts += mine == theirs
            if mine != theirs and show:
                show -= 1
                print(f"=== {'text' if same_place else 'place'} seed {seed - 1}")
                print("ours:", *mine, sep="\n  ")
                print("opa:", *theirs, sep="\n  ")
                print(text, flush=True)
    gc.enable()
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--version", type=int, choices=(0, 1), default=1)
    parser.add_argument("--show", type=int, default=20, help="differences at most")
    args = parser.parse_args()
    print(f"seed {args.seed} version {args.version}", flush=True)
    ratios = compare_broken(
        require_peer("opa"),
        count=args.count,
        seconds=args.seconds,
        seed=args.seed,
        version=args.version,
        show=args.show,
    )
    print(ratios.line(args.version, args.seed))
    of = max(1, ratios.broken)
    return 0 if ratios.places >= 0.99 * of and ratios.texts >= 0.95 * of else 1


if __name__ == "__main__":
    sys.exit(main())
