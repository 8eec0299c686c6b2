"""Writes pkg/gatewright/builtins/table.json from the real opa.

Only facts are kept: names, operand names, types, flags. Descriptions are not.

    python tools/builtins.py [--check] [--opa PATH]

The binary is $GATEWRIGHT_OPA, else ~/.cache/gatewright-peers/bin/opa, else the
one on PATH. --check writes nothing; exit code 1 says that the file is out of date.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "pkg" / "gatewright" / "builtins" / "table.json"
CACHED = Path.home() / ".cache" / "gatewright-peers" / "bin" / "opa"
PROSE = {"description"}


def find_opa() -> str | None:
    """The path of the real opa, None when there is none."""
    if named := os.environ.get("GATEWRIGHT_OPA"):
        return named
    return str(CACHED) if CACHED.exists() else shutil.which("opa")


def facts(data: Any) -> Any:
    """A copy of a JSON value without prose."""
    if isinstance(data, dict):
        return {k: facts(v) for k, v in data.items() if k not in PROSE}
    return [facts(item) for item in data] if isinstance(data, list) else data


def render(capabilities: dict[str, Any]) -> str:
    """The text of table.json: one builtin a line, in name order."""
    rows = sorted(capabilities["builtins"], key=lambda row: row["name"])
    encode = json.JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode
    lines = ",\n".join(encode(facts(row)) for row in rows)
    features = encode(sorted(capabilities.get("features", [])))
    keywords = encode(sorted(capabilities.get("future_keywords", [])))
    return (
        f'{{"features":{features},\n"future_keywords":{keywords},\n'
        f'"builtins":[\n{lines}\n]}}\n'
    )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--opa", default=find_opa(), help="path of the binary")
    options = parser.parse_args()
    if options.opa is None:
        print("builtins: no opa binary found", file=sys.stderr)
        return 2
    output = subprocess.run(
        [options.opa, "capabilities", "--current"],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    text = render(json.loads(output))
    if TABLE.exists() and TABLE.read_text() == text:
        return 0
    if options.check:
        print(f"builtins: {TABLE.relative_to(ROOT)} is out of date", file=sys.stderr)
        return 1
    TABLE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
