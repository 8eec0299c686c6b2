"""Gathers the fragments of changelog.d/ into CHANGELOG.md.

A fragment is one file, NAME.KIND.md, that holds what a user would want to know of
one change; KIND is one of KINDS.

    python tools/changelog.py --check              names and texts are in order
    python tools/changelog.py VERSION YYYY-MM-DD   write the section, delete them
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "changelog.d"
CHANGELOG = ROOT / "CHANGELOG.md"
MARK = "<!-- sections follow -->\n"
KINDS = {
    "added": "Added",
    "changed": "Changed",
    "fixed": "Fixed",
    "removed": "Removed",
    "security": "Security",
}


def fragments() -> list[Path]:
    """All fragments, by name."""
    return sorted(path for path in FOLDER.glob("*") if path.name != "README.md")


def problems() -> list[str]:
    """What is wrong with the fragments, one line each."""
    found: list[str] = []
    for path in fragments():
        parts = path.name.split(".")
        if len(parts) != 3 or parts[1] not in KINDS or parts[2] != "md":
            kinds = "|".join(KINDS)
            found.append(f"{path.name}: a fragment is named NAME.({kinds}).md")
        elif not path.read_text(encoding="utf-8").strip():
            found.append(f"{path.name}: empty")
    if MARK not in CHANGELOG.read_text(encoding="utf-8"):
        found.append(f"{CHANGELOG.name}: lacks the line {MARK.strip()}")
    return found


def section(version: str, *, day: str) -> str:
    """The section of one release, kinds in the order of KINDS."""
    lines = [f"## {version} ({day})\n"]
    for kind, title in KINDS.items():
        texts = [
            path.read_text(encoding="utf-8").strip()
            for path in fragments()
            if path.name.split(".")[1] == kind
        ]
        if texts:
            entries = ("- " + text.replace("\n", "\n  ") for text in texts)
            lines.append(f"### {title}\n\n" + "\n".join(entries) + "\n")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Runs the command line; returns the exit code."""
    if found := problems():
        print("\n".join(found))
        return 1
    if arguments == ["--check"]:
        return 0
    if len(arguments) != 2:
        print(__doc__)
        return 2
    version, day = arguments
    before, mark, after = CHANGELOG.read_text(encoding="utf-8").partition(MARK)
    text = f"{before}{mark}\n{section(version, day=day)}{after}"
    CHANGELOG.write_text(text, encoding="utf-8")
    for path in fragments():
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
