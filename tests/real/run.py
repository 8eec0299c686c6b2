"""Large public code bases in Rego, by Gatewright and by the real `opa`.

    python -m tests.real.run [NAME or FOLDER]...

The sources are not part of the project: `tools/rego_sources.py` fetches those that
`sources/NAME.json` describes. Without arguments: all of them that are there. A folder
is any other code base; a file `FOLDER.json` beside it says how to read it. The keys
of a description, each optional:

    {"paths": ["policy", "lib"],   what is loaded, below the folder (default: all)
     "ignore": ["*.yaml"],         names of files left out
     "extensions": [...],          builtins that its host adds, each as in the list
                                   `builtins` of `opa capabilities`
     "stand_ins": {"host.f": ...}} for some of those an expression in Rego that may
                                   stand for the name, as `data.stand_in.f`
     "stand_in_module": [...]      the lines of the module `stand_in` with them
     "broken": [...]               names of files that do not compile with any host
     "v0": true                    it is in the first version of Rego
     "evaluate": {...}             documents that it judges: see cases.py
     "cases": "FOLDER"             it is no code base: cases for tests/conformance
     "what", "pin"}                what it is, and where its sources come from

The comparisons of a code base:

- plain: `opa check` and `gatewright rego check`, JSON; where extensions are missing
  both must fail with the same errors.
- declared: the same with the extensions declared.
- tests: `opa test` with the extensions declared but not there. Each test must pass,
  fail, be skipped or end in the same error. Tests that `opa` ends with `unsupported
  built-in` need the host; they are counted apart, and only have to be there.
- replaced: the tests again, on a copy in which stand-ins replace the extensions, or
  define what the host would, and without what is broken. What they answer is wrong
  perhaps, but it is so for both. Where there are no tests, `check` of that copy.
- evaluated: what its rules say of its own documents, all in one evaluation.

Prints one line of JSON a code base, then a table; the status is 1 when anything
differs. Seconds are wall time of whole commands.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.needs import ROOT, require_peer, require_rego_source
from tests.real.cases import QUERY, copy_without, lay_out
from tools import rego_sources

#: Seconds that any one command may take.
TIMEOUT = 600
#: Differences shown of one code base.
SHOWN = 10
NEEDS_HOST = "eval_internal_error: unsupported built-in: "


@dataclass(frozen=True, slots=True)
class CodeBase:
    """A folder with Rego, and how to read it."""

    name: str
    folder: Path
    paths: tuple[str, ...]
    ignore: tuple[str, ...]
    extensions: tuple[dict[str, Any], ...]
    stand_ins: dict[str, str]
    stand_in_module: str
    broken: tuple[str, ...]
    v0: bool
    evaluate: dict[str, Any] | None


@dataclass(slots=True)
class Report:
    """What came out of one code base; seconds are (ours, opa's)."""

    name: str
    modules: int
    plain_errors: int = 0
    declared_errors: int = 0
    tests: int = 0
    need_host: int = 0
    cases: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)


def code_bases() -> list[rego_sources.Source]:
    """Those that `sources` describes, without what is there for its cases only."""
    return [
        source
        for name, source in rego_sources.sources().items()
        if "cases" not in described(rego_sources.DESCRIPTIONS / f"{name}.json")
    ]


def described(path: Path) -> dict[str, Any]:
    """What a description says; nothing where there is none."""
    if not path.exists():
        return {}
    how: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return how


def code_base(name: str) -> CodeBase:
    """A code base by its name in `sources`, or by its folder."""
    source = rego_sources.sources().get(name)
    if source is not None:
        folder = require_rego_source(source)
        said = rego_sources.DESCRIPTIONS / f"{name}.json"
    else:
        folder = Path(name).resolve()
        said = folder.with_name(folder.name + ".json")
    how = described(said)
    return CodeBase(
        name if source is not None else folder.name,
        folder,
        tuple(how.get("paths", (".",))),
        tuple(how.get("ignore", ())),
        tuple(how.get("extensions", ())),
        dict(how.get("stand_ins", {})),
        "\n".join(how.get("stand_in_module", ())),
        tuple(how.get("broken", ())),
        bool(how.get("v0")),
        how.get("evaluate"),
    )


def replaced(base: CodeBase, folder: Path) -> CodeBase:
    """A copy of the code base with stand-ins for its extensions."""
    copy_without(base.folder, base.broken, folder)
    names = "|".join(map(re.escape, base.stand_ins))
    pattern = re.compile(rf"(?<![\w.])(?:{names})\b")
    for path in folder.rglob("*.rego") if names else ():
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        if re.search(rf"^(?:{names})\b", text, re.MULTILINE):
            continue  # it defines a function of that name itself
        text = pattern.sub(lambda found: base.stand_ins[found[0]], text)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    (folder / "stand_in.rego").write_text(base.stand_in_module)
    return replace(base, folder=folder, paths=(*base.paths, "stand_in.rego"))


def timed(command: Sequence[str], folder: Path) -> tuple[float, bytes, bytes]:
    """Run a command; wall seconds, output, errors."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    # As where it is installed: the second command need not compile our modules anew.
    if env.pop("PYTHONDONTWRITEBYTECODE", ""):
        env["PYTHONPYCACHEPREFIX"] = str(ROOT / "build" / "pycache")
    start = time.perf_counter()
    ran = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, timeout=TIMEOUT, check=False
    )
    return time.perf_counter() - start, ran.stdout, ran.stderr


def errors_of(*texts: bytes) -> list[dict[str, Any]]:
    """The errors in JSON output, none when nothing was printed."""
    for text in texts:
        if text.strip():
            rows: list[dict[str, Any]] = json.loads(text)["errors"]
            return rows
    return []


def key(error: dict[str, Any]) -> str:
    """An error in one line, its details included."""
    return json.dumps(error, sort_keys=True)


def compare(ours: Sequence[str], theirs: Sequence[str], what: str) -> list[str]:
    """Differences of two lists of errors, as lines."""
    if ours == theirs:
        return []
    only = [f"{what}: only ours: {one}" for one in ours if one not in theirs]
    only += [f"{what}: only opa: {one}" for one in theirs if one not in ours]
    return only or [f"{what}: the same errors in another order"]


class Run:
    """The comparisons of one code base."""

    def __init__(self, base: CodeBase, opa: str) -> None:
        self.base = base
        self.opa = opa
        pattern = [path for p in base.paths for path in (base.folder / p).rglob("*")]
        self.report = Report(base.name, sum(p.suffix == ".rego" for p in pattern))

    def ours(self, task: str) -> tuple[float, dict[str, Any]]:
        """The answer of ours.py."""
        base = self.base
        request = {
            "task": task,
            "paths": base.paths,
            "ignore": base.ignore,
            "extensions": base.extensions,
        }
        command = [sys.executable, "-m", "tests.real.ours", json.dumps(request)]
        seconds, out, err = timed(command, base.folder)
        if not out:
            raise RuntimeError(f"{base.name}: {task}: {err.decode()}")
        answer: dict[str, Any] = json.loads(out)
        return seconds, answer

    def both(
        self, *rest: str, folder: Path
    ) -> tuple[tuple[float, bytes, bytes], tuple[float, bytes, bytes]]:
        """One command line by both: seconds, output and errors of each."""
        if self.base.v0:
            rest = (*rest, "--v0-compatible")
        ours = [sys.executable, "-m", "gatewright", "rego", *rest]
        return timed(ours, folder), timed([self.opa, *rest], folder)

    def plain(self, what: str = "plain") -> None:
        """`check` by both, as it is."""
        rest = ["check", "--max-errors=0", "--format=json", *self.base.paths]
        rest += [f"--ignore={name}" for name in self.base.ignore]
        (mine, *ours), (its, *theirs) = self.both(*rest, folder=self.base.folder)
        expected = list(map(key, errors_of(*reversed(theirs))))
        got = list(map(key, errors_of(*reversed(ours))))
        if what == "plain":
            self.report.plain_errors = len(expected)
        else:
            self.report.declared_errors = len(expected)
        self.report.differences += compare(got, expected, what)
        self.report.seconds[what] = mine, its

    def evaluated(self, how: dict[str, Any], folder: Path) -> None:
        """What its rules say of its documents."""
        folder.mkdir()
        self.report.cases = lay_out(self.base.folder, self.base.paths, how, folder)
        rest = ["eval", "--format=json", "--data=.", QUERY]
        (mine, *ours), (its, *theirs) = self.both(*rest, folder=folder)
        found = [
            dict(json.loads(out)["result"][0]["expressions"][0]["value"])
            for out, _ in (ours, theirs)
        ]
        self.report.differences += [
            f"evaluated: {name}: {found[0].get(name)}, opa: {found[1].get(name)}"
            for name in sorted(found[0].keys() | found[1].keys())
            if found[0].get(name) != found[1].get(name)
        ]
        self.report.seconds["evaluated"] = mine, its

    def declared(self, capabilities: str) -> None:
        """Compile with the extensions declared."""
        rest = ["check", "--max-errors=0", "--format=json", *self.base.paths]
        rest += [f"--ignore={name}" for name in self.base.ignore]
        its, out, err = timed(
            [self.opa, *rest, "--capabilities", capabilities], self.base.folder
        )
        theirs = list(map(key, errors_of(err, out)))
        mine, answer = self.ours("check")
        ours = list(map(key, answer["errors"]))
        self.report.declared_errors = len(theirs)
        self.report.differences += compare(ours, theirs, "declared")
        self.report.seconds["declared"] = mine, its

    def tests(self, capabilities: str, what: str = "tests") -> None:
        """The outcome of each test."""
        command = [self.opa, "test", "--format=json", "--timeout=60s", *self.base.paths]
        command += [f"--ignore={name}" for name in self.base.ignore]
        command += ["--capabilities", capabilities]
        its, out, err = timed(command, self.base.folder)
        if not out:
            raise RuntimeError(f"{self.base.name}: opa test: {err.decode()}")
        theirs = {
            f"{row['package']}.{row['name']}": word(row) for row in json.loads(out)
        }
        mine, answer = self.ours("test")
        report = self.report
        report.seconds[what] = mine, its
        report.tests = len(theirs)
        if "tests" not in answer:
            report.differences.append(f"{what}: nothing ran: {answer['errors'][:3]}")
            return
        ours = answer["tests"]
        for name in sorted(ours.keys() | theirs.keys()):
            expected, got = theirs.get(name, "missing"), ours.get(name, "missing")
            if expected.startswith(NEEDS_HOST):
                report.need_host += what == "tests"
                expected = got if got != "missing" else expected
            if expected != got:
                report.differences.append(f"{what}: {name}: {got}, opa: {expected}")

    def all(self) -> Report:
        """Everything."""
        with tempfile.TemporaryDirectory() as folder:
            capabilities = Path(folder, "capabilities.json")
            current = subprocess.run(
                [self.opa, "capabilities", "--current"], capture_output=True, check=True
            )
            document = json.loads(current.stdout)
            document["builtins"] += self.base.extensions
            document["builtins"].sort(key=lambda one: one["name"])
            capabilities.write_text(json.dumps(document))
            self.plain()
            if self.base.evaluate is not None:
                self.evaluated(self.base.evaluate, Path(folder, "cases"))
                return self.report
            tested = self.report.plain_errors == 0 or bool(self.base.extensions)
            if tested:
                self.declared(str(capabilities))
                self.tests(str(capabilities))
            if self.base.stand_in_module:
                self.base = replaced(self.base, Path(folder, "copy"))
                if tested:
                    self.tests(str(capabilities), "replaced")
                else:
                    self.plain("replaced")
        return self.report


def word(row: dict[str, Any]) -> str:
    """The outcome of a row of `opa test`, in the words of ours.py."""
    error = row.get("error")
    if row.get("skip"):
        return "skip"
    if isinstance(error, list):
        return "; ".join(f"{one['code']}: {one['message']}" for one in error)
    if error:
        return f"{error['code']}: {error['message']}"
    return "fail" if row.get("fail") else "pass"


def table(reports: Sequence[Report]) -> str:
    """The reports as a table."""
    head = "code base,modules,errors plain/declared,tests,need host,cases,differences"
    steps = ("plain", "declared", "tests", "replaced", "evaluated")
    rows = [[*head.split(","), *(f"{step} s" for step in steps)]]
    for one in reports:
        times = [
            "{:.1f}/{:.1f}".format(*one.seconds[step]) if step in one.seconds else "-"
            for step in steps
        ]
        errors = f"{one.plain_errors}/{one.declared_errors}"
        counts = [one.modules, errors, one.tests, one.need_host]
        counts += [one.cases, len(one.differences)]
        rows.append([one.name, *map(str, counts), *times])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def main(arguments: Sequence[str]) -> int:
    """Compare the code bases given, or all that were fetched."""
    names = arguments or [one.name for one in code_bases() if one.folder.is_dir()]
    if not names:
        print("nothing is there: tools/rego_sources.py fetches it", file=sys.stderr)
        return 2
    bases = [code_base(name) for name in names]
    opa = str(require_peer("opa"))
    reports = []
    for base in bases:
        report = Run(base, opa).all()
        reports.append(report)
        for line in report.differences[:SHOWN]:
            print(f"{base.name}: {line}", file=sys.stderr)
        print(json.dumps({**asdict(report), "differences": len(report.differences)}))
    print(table(reports))
    return 1 if any(report.differences for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
