"""`gatewright rego` run inside the test's process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from gatewright.cli.main import main


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    stdout: str
    stderr: str
    status: int

    def json(self) -> Any:
        return json.loads(self.stdout)


def run_rego(
    *args: str | Path, stdin: str = "", env: dict[str, str] | None = None
) -> Ran:
    """Run `gatewright rego ARGS` and return what it printed and its exit status."""
    runner = CliRunner()
    result = runner.invoke(main, ["rego", *map(str, args)], input=stdin, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.stdout, result.stderr, result.exit_code)
