"""Every code point is printed, mapped and trimmed as opa does it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gatewright._native import builtin

# U+FEFF is no part of Rego's source, but input may have it
POINTS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(POINTS)
MODULE = """package points
quoted := sprintf("%q", [input.text])
upper_case := upper(input.text)
lower_case := lower(input.text)
spaces := [c | some c in input.points; trim_space(c) == ""]
"""


@pytest.mark.peers
def test_all_code_points(opa: Path, tmp_path: Path) -> None:
    low = [c for c in POINTS if c < "\u3100"]
    (tmp_path / "points.rego").write_text(MODULE, "utf-8")
    (tmp_path / "input.json").write_text(json.dumps({"text": TEXT, "points": low}))
    done = subprocess.run(
        [
            opa, "eval", "--format=json", "--data", tmp_path / "points.rego",
            "--input", tmp_path / "input.json", "data.points",
        ],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    want = json.loads(done.stdout)["result"][0]["expressions"][0]["value"]

    def differing(got: str, name: str) -> list[tuple[str, str]]:
        pairs = zip(got, want[name], strict=True)
        return [(a, b) for a, b in pairs if a != b][:20]

    assert builtin.call("sprintf", "%q", [TEXT]) == want["quoted"]
    assert differing(builtin.call("upper", TEXT), "upper_case") == []
    assert differing(builtin.call("lower", TEXT), "lower_case") == []
    assert [c for c in low if builtin.call("trim_space", c) == ""] == want["spaces"]
