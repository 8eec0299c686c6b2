"""`pathTests`: conditions on the way to a location.

A condition belongs to the depth of its sub-path's last node: `MustExist` on
`spec.a` says that the walk may pass depth 1 only if that node is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gatewright.mutation.errors import MutatorError
from gatewright.mutation.path import LocationError, Path, parse_location

__all__ = ["MUST_EXIST", "MUST_NOT_EXIST", "PathTests", "parse_path_tests"]

MUST_EXIST = "MustExist"
MUST_NOT_EXIST = "MustNotExist"

#: depth -> condition
PathTests = dict[int, str]


def parse_path_tests(
    tests: Iterable[Mapping[str, Any]], *, location: Path, text: str, owner: str
) -> PathTests:
    """The conditions by depth; `owner` is `Kind name`, for errors.

    Conditions other than the two are kept and never satisfied or violated, as
    only the CRD's enum forbids them.  Raises MutatorError.
    """
    conditions: PathTests = {}
    texts: dict[int, str] = {}
    listed: list[str] = []
    for test in tests:
        sub_text = test.get("subPath") or ""
        condition = test.get("condition") or ""
        try:
            sub_path = parse_location(sub_text)
        except LocationError as error:
            raise MutatorError(
                f"problem parsing sub path `{sub_text}` for {owner}: {error}"
            ) from error
        if location[: len(sub_path)] != sub_path:
            raise MutatorError(
                "all subpaths must be a prefix of the `location` value of the "
                f"mutation: subpath {quote(sub_text)} is not a prefix of location "
                f"{quote(text)}"
            )
        depth = len(sub_path) - 1
        if conditions.get(depth, condition) != condition:
            raise MutatorError(
                f"conflicting path test conditions: path {quote(sub_text)} is marked "
                f"both {MUST_EXIST} and {MUST_NOT_EXIST}"
            )
        conditions[depth] = condition
        texts[depth] = sub_text
        listed.append(condition)
    check_order(listed, texts)
    return conditions


def check_order(listed: list[str], texts: Mapping[int, str]) -> None:
    """No `MustExist` may be listed behind a `MustNotExist`.

    Gatekeeper takes the place in the list for the depth: that decides both what
    conflicts and which paths its message names (none at that depth: `<nil>`).
    """
    if MUST_NOT_EXIST not in listed or MUST_EXIST not in listed:
        return
    parent = listed.index(MUST_NOT_EXIST)
    child = len(listed) - 1 - listed[::-1].index(MUST_EXIST)
    if parent < child:
        shown = [
            quote(texts[depth]) if depth in texts else "<nil>"
            for depth in (child, parent)
        ]
        raise MutatorError(
            f"conflicting path test conditions: path {shown[0]} is marked "
            f"{MUST_EXIST} but parent {shown[1]} {MUST_NOT_EXIST}"
        )


def quote(text: str) -> str:
    """`text` in double quotes, as Go's `%q`."""
    return json.dumps(text, ensure_ascii=False)
