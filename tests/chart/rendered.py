"""The chart rendered by the real helm, and paths into what it renders to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.needs import ROOT

CHART = ROOT / "charts" / "gatewright"
NAMESPACE = "gatekeeper-system"
KUBERNETES = "1.36.3"
_STEP = re.compile(r"\[(?P<pick>(?:\\.|[^\]])+)\]|(?P<key>(?:\\.|[^.\[])+)")
MISSING = object()


class RenderError(Exception):
    """What helm said."""


def render(
    helm: Path, values: Mapping[str, Any], *, release: str = "gatewright"
) -> dict[str, dict[str, Any]]:
    """Each object by `Kind/name`.  Raises RenderError."""
    command = [helm, "template", release, CHART, "--namespace", NAMESPACE]
    done = subprocess.run(
        [*map(str, command), "--kube-version", KUBERNETES, "--values", "-"],
        input=yaml.safe_dump(dict(values)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RenderError(done.stderr)
    objects = [one for one in yaml.safe_load_all(done.stdout) if one]
    named = {f"{one['kind']}/{one['metadata']['name']}": one for one in objects}
    assert len(named) == len(objects), "an object is rendered twice"
    return named


def at(node: Any, path: str) -> Any:
    """What stands at a path; MISSING if nothing does."""
    for step in _STEP.finditer(path):
        if step["key"] is not None:
            key = step["key"].replace("\\", "")
            if not isinstance(node, dict) or key not in node:
                return MISSING
            node = node[key]
        else:
            pick = step["pick"].replace("\\", "")
            found = (
                node[int(pick) : int(pick) + 1]
                if pick.isdigit()
                else [one for one in node if one["name"] == pick]
            )
            if not found:
                return MISSING
            node = found[0]
    return node
