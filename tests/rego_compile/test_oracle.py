"""The golden errors, asked of the real opa again."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.golden import Block, read_blocks
from tests.rego_compile import golden

FILES = sorted((golden.CASES / "errors").glob("*.test"))

#: Where OPA walks a hash map, another of several cycles may be shown.
_CYCLE = re.compile(r"(recursive: ).*")


def lines(found: list[dict[str, object]]) -> list[str]:
    out = []
    for error in found:
        place = "-"
        loc = error.get("location")
        if isinstance(loc, dict) and loc.get("row"):
            file = "" if loc["file"] == "t.rego" else f"{loc['file']}:"
            place = f"{file}{loc['row']}:{loc['col']}"
        message = _CYCLE.sub(r"\1", str(error["message"]))
        out.append(f"{place} {error['code']}: {message}")
    return sorted(out)


def expected(block: Block) -> list[str]:
    text = "" if block.expected == "ok" else block.expected
    kept = [line for line in text.splitlines() if not line.startswith("\t")]
    kept = [_CYCLE.sub(r"\1", line) for line in kept]
    return sorted(line for line in kept if line and not line.startswith("  "))


@pytest.mark.peers
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_opa_agrees(path: Path, opa: Path, tmp_path: Path) -> None:
    """`opa check` finds the same mistakes at the same places."""
    wrong = []
    for block in read_blocks(path):
        if "\n" in block.expected.strip() and "rego_parse_error" in block.expected:
            continue  # texts of several lines: the parser's own tests have them
        folder = tmp_path / block.name
        folder.mkdir()
        for name, source in golden.sources(block).items():
            (folder / name).write_text(source)
        command = [str(opa), "check", "--format", "json", "."]
        command += ["--v0-compatible"] if "v0" in block.flags else []
        command += ["--strict"] if "strict" in block.flags else []
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
        text = (ran.stdout + ran.stderr).strip()
        found = json.loads(text).get("errors", []) if text else []
        messages = lines([{**e, "message": first_line(e)} for e in found])
        if messages != expected(block):
            wrong.append((block.name, messages, expected(block)))

    assert not wrong


def first_line(error: dict[str, object]) -> str:
    return str(error["message"]).split("\n", 1)[0]
