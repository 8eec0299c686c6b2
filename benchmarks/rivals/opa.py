"""`opa bench` and ours on the same query and input, in turns.

python -m benchmarks.rivals.opa [patterns] [policies] [--rounds 1]

Both sides have the query prepared and the input parsed before the clock starts (opa
bench hands `EvalParsedInput` an ast.Value, ours is a Doc), and both make values of
their language of the result. The ratio is of times on the clock, which other work on
the machine makes longer on both sides; the CPU time of ours stands beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.rivals.patterns import JOINED, PATTERNS, made_input
from benchmarks.workloads import SHARED
from gatewright.constraints import template
from gatewright.engine import Doc, Limits, RegoVersion, compile_policy

PEERS = Path(os.environ.get("PEERS_DIR", Path.home() / ".cache/gatewright-peers"))
OPA = PEERS / "bin" / "opa"
LIMITS = Limits(steps=1 << 60)


@dataclass(frozen=True, slots=True)
class Question:
    """A query, the modules it is about, and its input."""

    name: str
    modules: dict[str, str]
    query: str
    input: Any
    version: RegoVersion = RegoVersion.V1


@dataclass(frozen=True, slots=True)
class Row:
    """What both sides take, in us; the median of the rounds.  `cpu`: of ours."""

    name: str
    opa: float
    ours: float
    cpu: float

    @property
    def ratio(self) -> float:
        return self.opa / self.ours


def patterns() -> Iterator[Question]:
    """The hot patterns."""
    given = made_input()
    for name, text in PATTERNS.items():
        yield Question(name, {"p.rego": f"package p\n{text}"}, "data.p.result", given)


def policies() -> Iterator[Question]:
    """Each policy of the library with the first allowed and denied sample of it."""
    root = SHARED / "conformance" / "gatekeeper-library"
    for suite in sorted(root.rglob("suite.yaml")):
        for test in yaml.safe_load(suite.read_text()).get("tests", ()):
            source = yaml.safe_load((suite.parent / test["template"]).read_text())
            if source["kind"] != "ConstraintTemplate":
                break
            code = template.parse(source).targets[0].code_of(template.REGO)
            if code is None or "constraint" not in test:
                break
            given = yaml.safe_load((suite.parent / test["constraint"]).read_text())
            texts = {"main.rego": code.source["rego"]}
            texts |= {
                f"lib{number}.rego": text
                for number, text in enumerate(code.source.get("libs") or ())
            }
            package = re.search(r"^package\s+([\w.]+)", texts["main.rego"], re.M)
            assert package is not None
            seen: set[str] = set()
            for case in test["cases"]:
                verdict = "deny"
                for assertion in case.get("assertions") or ():
                    if assertion.get("violations") in ("no", False, 0):
                        verdict = "allow"
                if verdict in seen or case.get("inventory"):
                    continue
                obj = yaml.safe_load((suite.parent / case["object"]).read_text())
                if obj["kind"] == "AdmissionReview":
                    continue
                seen.add(verdict)
                parameters = given.get("spec", {}).get("parameters") or {}
                version = code.source.get("version") == "v1"
                yield Question(
                    f"{source['metadata']['name']}, {verdict}",
                    texts,
                    f"data.{package[1]}.violation",
                    {"parameters": parameters, "review": review_of(obj)},
                    RegoVersion.V1 if version else RegoVersion.V0,
                )
            break


def review_of(obj: dict[str, Any]) -> dict[str, Any]:
    """What policies see of the creation of an object."""
    group, _, version = obj["apiVersion"].rpartition("/")
    metadata = obj.get("metadata", {})
    return {
        "kind": {"group": group, "version": version, "kind": obj["kind"]},
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace", ""),
        "operation": "CREATE",
        "userInfo": {"username": "somebody", "groups": ["system:authenticated"]},
        "object": obj,
        "oldObject": None,
    }


def opa_takes(question: Question, folder: Path) -> float:
    """Microseconds of one evaluation by `opa bench`."""
    for old in folder.iterdir():
        old.unlink()
    for name, text in question.modules.items():
        (folder / name).write_text(text)
    (folder / "input.json").write_text(json.dumps(question.input))
    command = [str(OPA), "bench", "--metrics=false", "--fail=false", "-f", "gobench"]
    for name in question.modules:
        command += ["-d", str(folder / name)]
    if question.version is RegoVersion.V0:
        command.append("--v0-compatible")
    command += ["-i", str(folder / "input.json"), question.query]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = re.search(r"([0-9.]+) ns/op", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]) / 1e3


def ours(question: Question) -> Callable[[], Any]:
    """One evaluation."""
    policy = compile_policy(question.modules, version=question.version)
    query = policy.prepare_query(question.query)
    given = Doc.from_python(question.input)
    return lambda: query.run(input=given, limits=LIMITS)


def we_take(once: Callable[[], Any]) -> tuple[float, float]:
    """Microseconds of one evaluation, and those of CPU, over half a second."""
    for _ in range(5):
        once()
    before = time.process_time_ns()
    once()
    rounds = max(3, int(5e8 / max(1, time.process_time_ns() - before)))
    before, started = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(rounds):
        once()
    took = time.perf_counter_ns() - started
    return took / rounds / 1e3, (time.process_time_ns() - before) / rounds / 1e3


def compare(questions: Iterator[Question], rounds: int) -> list[Row]:
    """Measure both sides in turns, and print each row as it is known."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for question in questions:
            once = ours(question)
            pairs = [
                (opa_takes(question, Path(place)), we_take(once)) for _ in range(rounds)
            ]
            row = Row(
                question.name,
                statistics.median(theirs for theirs, _ in pairs),
                statistics.median(mine for _, (mine, _) in pairs),
                statistics.median(cpu for _, (_, cpu) in pairs),
            )
            rows.append(row)
            print(
                f"{row.name:60}{row.opa:12.1f}{row.ours:10.2f}{row.cpu:10.2f}"
                f"{row.ratio:8.1f}",
                flush=True,
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["patterns", "policies"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="", help="names that contain this")
    args = parser.parse_args()
    if not OPA.exists():
        raise SystemExit("not run: opa is missing (tools/peers beside the project)")
    gc.collect()
    gc.freeze()
    gc.disable()
    print(f"{'':60}{'opa, us':>12}{'ours':>10}{'CPU':>10}{'ratio':>8}")
    for what in args.what:
        questions = patterns() if what == "patterns" else policies()
        rows = compare((q for q in questions if args.only in q.name), args.rounds)
        if what == "patterns":
            few = [r.name for r in rows if r.ratio < (50 if r.name in JOINED else 5)]
            print(f"below their goal: {', '.join(few) or 'none'}")
        else:
            ratios = [row.ratio for row in rows]
            least = min(rows, key=lambda row: row.ratio)
            print(
                f"{len(rows)} policies and verdicts: median {statistics.median(ratios):.0f} "
                f"times, least {least.ratio:.0f} ({least.name})"
            )


if __name__ == "__main__":
    main()
