"""Fragments of changelog.d become a section, kinds in order, and go."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.needs import ROOT

SECTION = """\
<!-- sections follow -->

## 1.2.0 (2031-01-02)

### Added

- first line
  second line

### Fixed

- a repair
"""


def changelog(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(tree / "tools" / "changelog.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_fragments_become_a_section(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "changelog.py", tmp_path / "tools")
    folder = tmp_path / "changelog.d"
    folder.mkdir()
    (folder / "README.md").write_text("kept")
    (folder / "b.fixed.md").write_text("a repair\n")
    (folder / "a.added.md").write_text("first line\nsecond line\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n<!-- sections follow -->\n")

    done = changelog(tmp_path, "1.2.0", "2031-01-02")

    assert done.returncode == 0, done.stdout
    text = (tmp_path / "CHANGELOG.md").read_text()
    assert text == f"# Changelog\n\n{SECTION}"
    assert [path.name for path in folder.iterdir()] == ["README.md"]


def test_a_misnamed_fragment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "changelog.py", tmp_path / "tools")
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d" / "news.md").write_text("text")
    (tmp_path / "CHANGELOG.md").write_text("<!-- sections follow -->\n")

    done = changelog(tmp_path, "--check")

    assert done.returncode == 1
    assert "news.md" in done.stdout
