"""Writes what the real opa gives into the case files of this folder.

    python -m tests.builtins.record FILE... [--add CALLS.txt] [--opa PATH]

A case file is a list of `{call, is}` or `{call, error, code}`. `--add` reads one call
a line, as `regex.match("a", "b")` with operands in Rego text, and appends what FILE
lacks. Every case of FILE is asked again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from tests.builtins.builtins_cases import parse_call
from tests.builtins.oracle import Answer, serve

DEFAULT = Path.home() / ".cache" / "gatewright-peers" / "bin" / "opa"


def row(call: str, answer: Answer) -> dict[str, Any]:
    if answer.error:
        return {"call": call, "error": answer.error, "code": answer.code}
    return {"call": call, "is": answer.text}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--add", type=Path)
    parser.add_argument("--opa", type=Path, default=DEFAULT)
    options = parser.parse_args()
    with serve(options.opa) as opa:
        for path in options.files:
            rows = yaml.safe_load(path.read_text()) if path.exists() else []
            calls = [case["call"] for case in rows or []]
            if options.add:
                calls += [
                    line
                    for line in map(str.strip, options.add.read_text().splitlines())
                    if line and not line.startswith("#")
                ]
            calls = list(dict.fromkeys(calls))
            answers = opa.ask([parse_call(call) for call in calls])
            rows = [row(c, a) for c, a in zip(calls, answers, strict=True)]
            text = yaml.safe_dump(
                rows, sort_keys=False, allow_unicode=True, width=10000
            )
            path.write_text(text)


if __name__ == "__main__":
    main()
