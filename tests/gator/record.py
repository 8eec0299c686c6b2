"""Records what the real gator answers: `python -m tests.gator.record`.

It fills in exit, stdout and stderr of every case in commands.yaml.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.gator.command_cases import CASES, FIXTURES, normal, without_cel
from tests.needs import require_peer


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not any(c in text for c in "\x85\u2028\r") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def main() -> None:
    gator = require_peer("gator")
    text = CASES.read_text()
    cases: list[dict[str, Any]] = yaml.safe_load(text)
    for case in cases:
        done = subprocess.run(
            [gator, *without_cel(case["args"])],
            cwd=FIXTURES / case["folder"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        case["exit"] = done.returncode
        case["stdout"] = normal(done.stdout)
        case["stderr"] = normal(done.stderr)
    head = "".join(line for line in text.splitlines(True) if line.startswith("#"))
    body = yaml.dump(
        cases, Dumper=_Dumper, sort_keys=False, width=100, default_flow_style=None
    )
    Path(CASES).write_text(head + body)


if __name__ == "__main__":
    main()
