"""Writes what the real opa makes of the sources into the case files.

    python -m tests.rego_parse.record [FILE...] [--opa PATH]

Every case of each file is parsed again (about 50 ms a case).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.rego_parse import parse_cases

DEFAULT = Path.home() / ".cache" / "gatewright-peers" / "bin" / "opa"


def parsed_by_opa(opa: Path, case: dict[str, Any], *, folder: Path) -> str:
    """Return the text form of what the real parser makes of a case."""
    path = folder / "x.rego"
    path.write_bytes(case["source"].encode("utf-8", "surrogateescape"))
    command = [str(opa), "parse", "--format=json", path.name]
    if case.get("version") == 0:
        command.append("--v0-compatible")
    if case.get("locations"):
        command += ["--json-include", "locations"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    answer = json.loads(done.stdout or done.stderr, parse_float=str, parse_int=str)
    if "errors" in answer:
        for error in answer["errors"]:
            if "details" in error:
                error["details"]["idx"] = int(error["details"]["idx"])
        return parse_cases.error_text(answer["errors"])
    return parse_cases.tree_text(_nameless(answer))


def _nameless(value: Any) -> Any:
    """Drop the file's name from places; our side parses text without one."""
    if isinstance(value, dict):
        return {
            key: "" if key == "file" else _nameless(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_nameless(item) for item in value]
    return value


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("files", nargs="*")
    options.add_argument("--opa", type=Path, default=DEFAULT)
    given = options.parse_args()
    names = given.files or sorted(p.name for p in parse_cases.CASES.glob("*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            cases = parse_cases.read(name)
            for case in cases:
                case["want"] = parsed_by_opa(given.opa, case, folder=Path(folder))
            parse_cases.write(name, cases)


if __name__ == "__main__":
    main()
