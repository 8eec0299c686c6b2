"""Cases of the language: small packages, and what the real OPA makes of them.

The source of a block is a module of `package t` (unless it names another), with the
input and the base documents as JSON in comments (`# input: ...`, `# data: ...`); the
flag `v0` reads it as Rego v0.  Expected is the value of `data.t`, or the first error.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.golden import Block

PATH = Path(__file__).parent / "language.test"


def module(block: Block) -> str:
    if re.search(r"^package ", block.source, re.M):
        return block.source
    return f"package t\n{block.source}"


def document(block: Block, name: str) -> Any:
    found = re.search(rf"^# {name}: (.*)$", block.source, re.M)
    return None if found is None else json.loads(found[1])


def value_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def error_text(code: str, message: str) -> str:
    """Code and first line; OPA 1.22 lists the values of a conflict after a colon."""
    return f"{code}: {message.splitlines()[0].removesuffix(':')}"


def run_opa(opa: Path, folder: Path, block: Block) -> str:
    """What the real one says."""
    module_path = folder / "t.rego"
    module_path.write_text(module(block))
    command = [str(opa), "eval", "--format", "json", "--data", str(module_path)]
    if "v0" in block.flags:
        command.append("--v0-compatible")
    for name, flag in (("input", "--input"), ("data", "--data")):
        given = document(block, name)
        if given is not None:
            path = folder / f"{name}.json"
            path.write_text(json.dumps(given))
            command += [flag, str(path)]
    done = subprocess.run(
        [*command, "data.t"], capture_output=True, text=True, timeout=60, check=False
    )
    out = json.loads(done.stdout)
    if "errors" in out:
        error = out["errors"][0]
        return error_text(error["code"], error["message"])
    if not out.get("result"):
        return "undefined"
    return value_text(out["result"][0]["expressions"][0]["value"])
