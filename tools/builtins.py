"""Writes table.json and versions.json in pkg/gatewright/builtins from the real opa.

Only facts are kept: names, operand names, types, flags, and since when there is
what. Descriptions are not.

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
FOLDER = ROOT / "pkg" / "gatewright" / "builtins"
TABLE = FOLDER / "table.json"
VERSIONS = FOLDER / "versions.json"
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


def capabilities(opa: str, *args: str) -> bytes:
    """What `opa capabilities` prints."""
    return subprocess.run(
        [opa, "capabilities", *args], check=True, capture_output=True, timeout=60
    ).stdout


def history(opa: str) -> str:
    """The text of versions.json: for each name its first release, and the one from
    which on it is gone (null: none)."""
    versions = capabilities(opa).decode().split()
    spans: dict[str, dict[str, list[str | None]]] = {}
    before: dict[str, set[str]] = {}
    for version in versions:
        document = json.loads(capabilities(opa, "--version", version))
        document["builtins"] = [row["name"] for row in document["builtins"]]
        for kind in ("builtins", "features", "future_keywords"):
            names = set(document.get(kind) or ())
            known = spans.setdefault(kind, {})
            for name in names - before.get(kind, set()):
                if name in known:
                    raise ValueError(f"{name} came twice")
                known[name] = [version, None]
            for name in before.get(kind, set()) - names:
                known[name][1] = version
            before[kind] = names
    encode = json.JSONEncoder(separators=(",", ":")).encode
    parts = [f'"versions":{encode(versions)}']
    for kind, known in sorted(spans.items()):
        rows = ",\n".join(f"{encode(n)}:{encode(known[n])}" for n in sorted(known))
        parts.append(f'"{kind}":{{\n{rows}\n}}')
    return "{" + ",\n".join(parts) + "}\n"


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--opa", default=find_opa(), help="path of the binary")
    options = parser.parse_args()
    if options.opa is None:
        print("builtins: no opa binary found", file=sys.stderr)
        return 2
    current = json.loads(capabilities(options.opa, "--current"))
    stale = 0
    for path, text in ((TABLE, render(current)), (VERSIONS, history(options.opa))):
        if path.exists() and path.read_text() == text:
            continue
        if options.check:
            print(f"builtins: {path.relative_to(ROOT)} is out of date", file=sys.stderr)
            stale = 1
        else:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
