"""JSON patches, and the values that they nearly fit.

Paths are mostly ones that a value has; operations come in rows, so that later ones
meet what earlier ones made.
"""

from __future__ import annotations

import random
from typing import Any

__all__ = ["BUILTINS", "call"]

BUILTINS = {"json.patch": 2, "json.remove": 2, "json.filter": 2}
_KEYS = ("a", "b", "c", "a/b", "~", "0", "1", "-", "", "é", "x y")
_LEAVES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    1e3,
    "",
    "a",
    "0",
    "-",
    "b/c",
    [],
    {},
)
_STEPS = (
    "-", "0", "1", "2", "3", "00", "01", "-1", "+1", "1.5", "1e0", "a", "nope", "", " ", "~0", "~1",
    "~2", "99999999999999999999", "0x1", "é",
)  # fmt: skip
_ODD_STEPS: tuple[Any, ...] = (
    0,
    1,
    2,
    -1,
    1.5,
    1.0,
    1e0,
    9999999999999999999999,
    None,
    True,
    [],
    {},
    "a",
    "-",
    [1],
)
_OPS = ("add", "remove", "replace", "move", "copy", "test")
_BAD_OPS: tuple[Any, ...] = ("", "ADD", "bad", None, 1, [], "adds")
_BAD_PATHS: tuple[Any, ...] = (None, 1, True, {}, 1.5)


def value(rng: random.Random, depth: int) -> Any:
    """A value with few names, so that paths meet."""
    kind = rng.random()
    if depth and kind < 0.35:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if depth and kind < 0.8:
        keys = rng.sample(_KEYS, rng.randint(0, 4))
        return {key: value(rng, depth - 1) for key in keys}
    return rng.choice(_LEAVES)


def _steps(rng: random.Random, target: Any) -> list[Any]:
    """A way into a value, which may end beside it."""
    steps: list[Any] = []
    while rng.random() < 0.85:
        if isinstance(target, dict) and target:
            key = rng.choice(list(target))
            steps.append(key)
            target = target[key]
        elif isinstance(target, list) and target:
            at = rng.randrange(len(target))
            steps.append(rng.choice((at, str(at), str(at))))
            target = target[at]
        else:
            break
    kind = rng.random()
    if kind < 0.25:
        steps.append(rng.choice(_STEPS))
    elif kind < 0.3:
        steps.append(rng.choice(_ODD_STEPS))
    elif kind < 0.35 and steps:
        steps[rng.randrange(len(steps))] = rng.choice(_STEPS)
    return steps


def _path(rng: random.Random, target: Any) -> Any:
    if rng.random() < 0.03:
        return rng.choice(_BAD_PATHS)
    steps = _steps(rng, target)
    if rng.random() < 0.25 or any(not isinstance(step, str | int) for step in steps):
        return steps
    texts = [str(step).replace("~", "~0").replace("/", "~1") for step in steps]
    lead = rng.choice(("/", "/", "/", "", "//"))
    return lead + "/".join(texts) if texts else rng.choice(("", "", "/", "//"))


def _operation(rng: random.Random, target: Any) -> Any:
    if rng.random() < 0.02:
        return rng.choice((None, 1, "a", []))
    op: Any = rng.choice(_OPS)
    out: dict[str, Any] = {"op": op, "path": _path(rng, target)}
    if op in ("add", "replace", "test"):
        out["value"] = value(rng, 2)
    if op in ("move", "copy"):
        out["from"] = _path(rng, target)
    if op == "test" and rng.random() < 0.5:
        out["value"] = _at(target, out["path"])
    if rng.random() < 0.04:
        out.pop(rng.choice(list(out)))
    if rng.random() < 0.04:
        out["op"] = rng.choice(_BAD_OPS)
    if rng.random() < 0.05:
        out[rng.choice(("from", "value", "x"))] = _path(rng, target)
    return out


def _at(target: Any, path: Any) -> Any:
    steps = path.strip("/").split("/") if isinstance(path, str) else path
    for step in steps if isinstance(steps, list) else ():
        try:
            target = target[int(step)] if isinstance(target, list) else target[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return target


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call of one of the three."""
    target = value(rng, 3)
    if rng.random() < 0.2:
        name = rng.choice(("json.remove", "json.filter"))
        if not isinstance(target, dict) and rng.random() < 0.9:
            target = {"a": target}
        paths: Any = [_path(rng, target) for _ in range(rng.randint(0, 3))]
        return name, [target, paths if rng.random() < 0.97 else rng.choice(_LEAVES)]
    count = rng.choice((1, 1, 1, 2, 3, 5))
    operations: Any = [_operation(rng, target) for _ in range(count)]
    if rng.random() < 0.01:
        operations = rng.choice(_LEAVES)
    return "json.patch", [target, operations]
