"""OPA's evaluation cases: reading them, and judging an evaluator by them.

An evaluator is any callable that takes a `Case` and returns the JSON text of the
list of binding objects (sets as arrays), or raises `CaseError` with the code and
full text of an evaluation error, or `Unsupported` for what it leaves out.  The
rules of judging are those of OPA's own runner: rows are compared as a set, numbers
by value, `want_error` is part of the text.

`run(evaluate)` gives counts by category; `report` prints them as one JSON line.
Known failures are listed in a file of lines `key  reason`; a case that is listed
and passes is as wrong as one that is not and fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any


class Spelled(float):
    """A number of a JSON file that is no integer, with its spelling."""

    text: str

    def __new__(cls, text: str) -> Spelled:
        number = super().__new__(cls, text)
        number.text = text
        return number


class CaseError(Exception):
    """The evaluation error that a case ended with."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Unsupported(Exception):
    """The evaluator does not claim to do what the case needs."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case.  `key` is `category/index` (`v0:category/index` for those that are
    read as v0); `data` and `input` are JSON texts with the spelling of the file,
    `input` None when there is none."""

    key: str
    note: str
    query: str
    modules: tuple[str, ...]
    data: str
    input: str | None
    input_term: str | None
    want_result: list[dict[str, Any]] | None
    want_error_code: str | None
    want_error: str | None
    strict_error: bool
    sort_bindings: bool
    ignore_generated: bool
    version: int = 1

    @property
    def category(self) -> str:
        return self.key.split("/", maxsplit=1)[0]


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    unsupported: int = 0


@dataclass
class Outcome:
    """What a run came to; `failures` maps the keys of cases to what was wrong."""

    counts: dict[str, Counts] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def report(self) -> str:
        """One JSON line: totals, then counts of each category."""
        total = Counts()
        rows = {}
        for category, counts in sorted(self.counts.items()):
            total.passed += counts.passed
            total.failed += counts.failed
            total.unsupported += counts.unsupported
            rows[category] = [counts.passed, counts.failed, counts.unsupported]
        return json.dumps(
            {
                "suite": "rego",
                "passed": total.passed,
                "failed": total.failed,
                "unsupported": total.unsupported,
                "categories": rows,
            }
        )


Evaluate = Callable[[Case], str | bytes]


#: Folders of cases, and which Rego each is written in.
FOLDERS = {"rego": 1, "rego-v0": 0}


def read_folders(root: Path) -> Iterator[Case]:
    """The cases of all folders that are there."""
    for name, version in FOLDERS.items():
        if (root / name).is_dir():
            yield from read_cases(root / name, version=version)


def read_cases(
    folder: Path, categories: Iterable[str] | None = None, *, version: int = 1
) -> Iterator[Case]:
    """The cases under a folder of JSON files, one file a category."""
    before = "" if version else "v0:"
    wanted = None if categories is None else frozenset(categories)
    for path in sorted(folder.glob("*.json")):
        if wanted is not None and path.stem not in wanted:
            continue
        found = json.loads(path.read_text(), parse_float=Spelled)
        rows = found["cases"] if isinstance(found, dict) else found
        for index, row in enumerate(rows):
            yield _case(f"{before}{path.stem}/{index}", row, version)


def _case(key: str, row: dict[str, Any], version: int) -> Case:
    return Case(
        key=key,
        note=row["note"],
        query=row["query"],
        modules=tuple(row.get("modules") or ()),
        data=spell(row.get("data") or {}),
        input=spell(row["input"]) if "input" in row else None,
        input_term=row.get("input_term"),
        want_result=row.get("want_result"),
        want_error_code=row.get("want_error_code"),
        want_error=row.get("want_error"),
        strict_error=bool(row.get("strict_error")),
        sort_bindings=bool(row.get("sort_bindings")),
        ignore_generated=bool(row.get("ignore_generated_vars")),
        version=version,
    )


def spell(value: Any) -> str:
    """JSON text that keeps the spelling of numbers."""
    if isinstance(value, Spelled):
        return value.text
    if isinstance(value, list):
        return f"[{','.join(map(spell, value))}]"
    if isinstance(value, dict):
        return (
            f"{{{','.join(f'{json.dumps(k)}:{spell(v)}' for k, v in value.items())}}}"
        )
    return json.dumps(value)


def _comparable(value: Any) -> Any:
    """A form equal exactly for equal values: no `1 == True`, no float error."""
    if isinstance(value, bool) or value is None:
        return ("scalar", value)
    if isinstance(value, Spelled):
        return ("number", Fraction(value.text))
    if isinstance(value, int | Fraction):
        return ("number", Fraction(value))
    if isinstance(value, list):
        return ("array", tuple(map(_comparable, value)))
    if isinstance(value, dict):
        return (
            "object",
            tuple(sorted((key, _comparable(item)) for key, item in value.items())),
        )
    return ("string", value)


def _rows(case: Case, rows: list[dict[str, Any]]) -> set[Any]:
    out = set()
    for row in rows:
        kept = {}
        for name, value in row.items():
            if case.ignore_generated and name.startswith("__localq"):
                continue
            form = _comparable(value)
            if case.sort_bindings and form[0] == "array":
                form = ("array", tuple(sorted(form[1], key=repr)))
            kept[name] = form
        out.add(tuple(sorted(kept.items())))
    return out


def judge(case: Case, evaluate: Evaluate) -> str | None:
    """None when the evaluator does as the case wants, else what is wrong."""
    try:
        text = evaluate(case)
    except CaseError as error:
        if case.want_error_code is None and case.want_error is None:
            return f"unexpected error: {error}"
        if case.want_error_code is not None and error.code != case.want_error_code:
            return f"error code {error.code}, wanted {case.want_error_code}: {error}"
        if case.want_error is not None and case.want_error not in str(error):
            return f"error text {error}, wanted {case.want_error}"
        return None
    if case.want_error_code is not None or case.want_error is not None:
        wanted = case.want_error or case.want_error_code
        return f"no error, wanted {wanted}; result {_short(text)}"
    if case.want_result is None:
        return None
    rows = json.loads(text, parse_float=Spelled)
    if _rows(case, rows) != _rows(case, case.want_result):
        return f"result {_short(text)}, wanted {_short(spell(case.want_result))}"
    return None


def _short(text: str | bytes) -> str:
    shown = text if isinstance(text, str) else text.decode()
    return shown if len(shown) < 400 else f"{shown[:400]}..."


def run(cases: Iterable[Case], evaluate: Evaluate) -> Outcome:
    """Judge every case."""
    outcome = Outcome()
    for case in cases:
        counts = outcome.counts.setdefault(case.category, Counts())
        try:
            wrong = judge(case, evaluate)
        except Unsupported as reason:
            counts.unsupported += 1
            outcome.left_out[case.key] = str(reason)
            continue
        except Exception as crash:  # noqa: BLE001 - one case's, not the run's
            wrong = f"crash: {type(crash).__name__}: {crash}"
        if wrong is None:
            counts.passed += 1
        else:
            counts.failed += 1
            outcome.failures[case.key] = f"{case.note}: {wrong}"
    return outcome


def read_known(path: Path) -> dict[str, str]:
    """Known failures: case keys and reasons; `#` starts a comment line."""
    known = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, reason = line.split(maxsplit=1)
            known[key] = reason
    return known
