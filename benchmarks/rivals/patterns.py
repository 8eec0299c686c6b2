"""Patterns on which policies spend their time, as small modules over one input.

The input is 1,000 users in 100 groups and an array of 1,000 integers.  Each module
defines `result`; OPA's way with each is what its number shows.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["JOINED", "PATTERNS", "made_input"]

_RULES: Final = "\n".join(
    f'allow if {{ input.role == "r{number}"; input.method == "GET" }}'
    for number in range(1000)
)

#: Name to module (Rego v1), package `p`.
PATTERNS: Final[dict[str, str]] = {
    "1,000 x with input": (
        "f if input.m.v > 3\nresult := count([x | some x in input.ints; f with input.m.v as x])"
    ),
    "join 1,000 x 100": (
        "result := count({u.name | some u in input.users; some g in input.groups; "
        "u.group == g.name; g.admin})"
    ),
    "scan of 1,000 objects": (
        "result := count([u | some u in input.users; u.name == u.nick])"
    ),
    "1,000-rule index": f"{_RULES}\nresult := allow",
    "one trivial rule": 'result if input.method == "GET"',
    "sum of a comprehension": (
        "result := sum([(x * 2) | some x in input.ints; x % 3 == 0])"
    ),
    "1,000 function calls": (
        "double(x) := x * 2\nresult := count([y | some x in input.ints; y := double(x)])"
    ),
    "1,000 sprintf": (
        'result := count([s | some x in input.ints; s := sprintf("user %d of %v", [x, "all"])])'
    ),
    "1,000 regex.match": (
        'result := count([u | some u in input.users; regex.match("^user-[0-9]+5$", u.name)])'
    ),
    "every over 1,000": "result if every x in input.ints { x >= 0 }",
    "union of 1,000 objects": (
        "result := count(object.union_n([{u.name: 1} | some u in input.users]))"
    ),
    "walk, depth 8": "result := count([p | walk(input.tree, [p, 1])])",
    "comprehension in a loop": (
        "result := count([g | some g in input.groups; "
        "names := {u.name | some u in input.users; u.group == g.name}; count(names) > 3])"
    ),
}

#: Those that must be fifty times as fast; the others five times.
JOINED: Final = frozenset({"1,000 x with input", "join 1,000 x 100"})


def made_input() -> dict[str, Any]:
    """The input that all patterns read."""

    def tree(depth: int) -> Any:
        return 1 if not depth else {"l": tree(depth - 1), "r": tree(depth - 1)}

    return {
        "users": [
            {
                "name": f"user-{number}",
                "nick": f"user-{number if number % 7 == 0 else -1}",
                "group": f"group-{number % 100}",
            }
            for number in range(1000)
        ],
        "groups": [
            {"name": f"group-{number}", "admin": number % 2 == 0}
            for number in range(100)
        ],
        "ints": list(range(1000)),
        "m": {"v": 1},
        "role": "r777",
        "method": "GET",
        "tree": tree(8),
    }
