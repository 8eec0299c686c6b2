"""What `test_compile_ahead` runs in a process of its own, which has one thread."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from gatewright.app.installation import Installation
from gatewright.constraints.policyset import PolicySet, Settings
from gatewright.engine import crew
from gatewright.engine.cache import CompileCache
from tests.needs import require_conformance

#: What stands in place of a template's Rego, and is wrong in a way of its own.
MISTAKES = (
    "package x\nviolation[{}] { y }",
    "package x\nviolation[{}] { count(1) }",
    "package x\nviolation[{",
    "package x\ndeny[{}] { true }",
    'package x\nviolation[{"msg": m}] { m := data.other.x }',
    "package x\nviolation[x] { x := 1 }",
)


def templates() -> list[dict[str, Any]]:
    root = require_conformance("gatekeeper-library", "library")
    found = []
    for number, path in enumerate(sorted(root.glob("*/*/template.yaml"))):
        found.append(yaml.safe_load(path.read_text()))
        if number < len(MISTAKES):
            wrong = yaml.safe_load(path.read_text())
            wrong["metadata"]["name"] += str(number)
            wrong["spec"]["crd"]["spec"]["names"]["kind"] += str(number)
            target = wrong["spec"]["targets"][0]
            for code in target.get("code", ()):
                if code["engine"] == "Rego":
                    target = code["source"]
            target["rego"] = MISTAKES[number]
            found.append(wrong)
    return found


def loaded(folder: Path, impatient: bool) -> dict[str, Any]:
    """What a folder of templates comes to; `impatient`: forks are given no time."""
    parent = os.getpid()

    @contextmanager
    def guard() -> Iterator[None]:
        if impatient and os.getpid() != parent:
            raise TimeoutError
        yield

    here: list[int] = []

    class Counting(PolicySet):
        def _part(self, *args: Any) -> Any:
            here.append(1)
            return super()._part(*args)

    cache = CompileCache(folder)
    settings = Settings(cache=cache)
    installation = Installation(settings, namespace="gatekeeper-system")
    installation.policies = Counting(settings)
    group = "templates.gatekeeper.sh"
    found = {
        (group, "ConstraintTemplate", "", one["metadata"]["name"]): one
        for one in templates()
    }
    faults = installation.apply(found, guard=guard)
    return {
        "result": [
            installation.build().hex(),
            sorted((key[3], str(fault)) for key, fault in faults.items()),
            sorted(path.name for path in folder.iterdir()),
            (cache.counts.miss, cache.counts.hit, cache.counts.memory),
        ],
        "templates": len(found),
        "here": len(here),
    }


if __name__ == "__main__":
    os.sched_getaffinity = lambda _: {0, 1}
    os.environ[crew.PROCESSES] = sys.argv[2]
    print(json.dumps(loaded(Path(sys.argv[1]), sys.argv[3] == "impatient")))
