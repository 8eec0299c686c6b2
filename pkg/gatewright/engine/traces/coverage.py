"""Which places of the policies were evaluated.

A rule counts where it had a value, an expression where it was evaluated.  A place
is a range of positions; a percentage is of lines, as `opa` counts them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any, Final, TypeAlias

from gatewright.engine.search.events import Event, Op
from gatewright.rego import ast
from gatewright.rego.stages.walk import exprs_in, rules_of

__all__ = ["EARLY_EXIT", "INDEX_EXCLUDED", "Coverage", "uncovered_lines"]

#: Why a place was not evaluated: it was once indexing, or early exit, was off.
INDEX_EXCLUDED: Final = "index_excluded"
EARLY_EXIT: Final = "early_exit"

#: Row and column where a place starts, and where it ends (behind the last).
Range: TypeAlias = tuple[int, int, int, int]


def _range(loc: ast.Location) -> Range:
    text = loc.text
    lines = text.count("\n")
    if not lines:
        return loc.row, loc.col, loc.row, loc.col + len(text)
    return loc.row, loc.col, loc.row + lines, len(text) - text.rindex("\n")


class _Covered:
    """Answers whether one of some places encloses another."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        ordered = sorted(ranges)
        self._starts = [one[:2] for one in ordered]
        #: The furthest end of a place and all that start before it.
        self._ends = list(accumulate((one[2:] for one in ordered), max))

    def __contains__(self, place: Range) -> bool:
        before = bisect_right(self._starts, place[:2])
        return before > 0 and self._ends[before - 1] >= place[2:]


def _rows(ranges: Iterable[Range]) -> set[int]:
    return {row for one in ranges for row in range(one[0], one[2] + 1)}


class Coverage:
    """Listens to any number of evaluations; `report` sums them up.

    `kinds`: coverage of the same evaluations with more definitions tried, by the
    word for places that only those reach.
    """

    def __init__(self, kinds: Iterable[str] = ()) -> None:
        self.kinds: dict[str, Coverage] = {kind: Coverage() for kind in kinds}
        self._covered: dict[str, set[Range]] = {}
        self._seen: set[tuple[Op, int]] = set()
        self._kept: list[Any] = []

    def __call__(self, event: Event) -> None:
        op, node = event.op, event.node
        if op is not Op.EVAL and op is not Op.EXIT:
            return
        mark = (op, id(node))
        if mark in self._seen:
            return
        self._seen.add(mark)
        self._kept.append(node)  # so that its id stays its own
        if op is Op.EVAL:
            place = node.loc
        elif isinstance(getattr(node, "node", None), ast.Rule):
            place = node.node.head.loc
        else:
            return
        if place.file:
            self._covered.setdefault(place.file, set()).add(_range(place))

    def covered(self, file: str) -> set[Range]:
        """The places of a file that were evaluated."""
        return self._covered.get(file, set())

    def report(self, modules: Mapping[str, ast.Module]) -> dict[str, Any]:
        """The report as JSON; `modules` as they were read, by file."""
        files: dict[str, Any] = {}
        totals = [0, 0]
        for file in sorted({*self._covered, *modules}):
            covered = self.covered(file)
            missing: set[Range] = set()
            module = modules.get(file)
            if module is not None:
                known = _Covered(covered)
                missing = {place for place in _places(module) if place not in known}
            rows = len(_rows(covered)), len(_rows(missing))
            totals = [totals[0] + rows[0], totals[1] + rows[1]]
            files[file] = self._file(file, covered, missing, rows)
        return {
            "files": files,
            "covered_lines": totals[0],
            "not_covered_lines": totals[1],
            "coverage": _share(*totals),
        }

    def _file(
        self, file: str, covered: set[Range], missing: set[Range], rows: tuple[int, int]
    ) -> dict[str, Any]:
        kinds = {
            kind: _Covered(other.covered(file)) for kind, other in self.kinds.items()
        }
        out: dict[str, Any] = {
            "covered": [_json(one) for one in sorted(covered)],
            "not_covered": [
                _json(one, [kind for kind, known in kinds.items() if one in known])
                for one in sorted(missing)
            ],
            "covered_lines": rows[0],
            "not_covered_lines": rows[1],
            "coverage": _share(*rows),
        }
        return {key: value for key, value in out.items() if value}


def _places(module: ast.Module) -> Iterable[Range]:
    for rule in rules_of(module):
        if rule.head.loc.file:
            yield _range(rule.head.loc)
    for expr in exprs_in(module):
        if expr.loc.file and type(expr.terms) is not ast.SomeDecl:
            yield _range(expr.loc)


def _share(covered: int, missing: int) -> float:
    total = covered + missing
    share = 100 * covered / total if total else 0.0
    # Go's JSON has no point in whole numbers.
    return int(share) if share.is_integer() else share


def _json(place: Range, reasons: Iterable[str] = ()) -> dict[str, Any]:
    def position(row: int, col: int) -> dict[str, int]:
        return {"row": row, "col": col} if col else {"row": row}

    out: dict[str, Any] = {"start": position(*place[:2]), "end": position(*place[2:])}
    if reasons:
        out["kinds"] = list(reasons)
    return out


def uncovered_lines(report: Mapping[str, Any]) -> list[str]:
    """`file:row`, or `file:first-last`, for the lines that were not evaluated."""
    out = []
    for file, found in sorted(report["files"].items()):
        places = found.get("not_covered", ())
        rows = sorted(
            {
                row
                for one in places
                for row in range(one["start"]["row"], one["end"]["row"] + 1)
            }
        )
        spans: list[list[int]] = []
        for row in rows:
            if spans and spans[-1][1] == row - 1:
                spans[-1][1] = row
            else:
                spans.append([row, row])
        out += [
            f"{file}:{first}" if first == last else f"{file}:{first}-{last}"
            for first, last in spans
        ]
    return out
