"""Readings of a folder: what is read, what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatewright.app.folder import FolderError, FolderLimits, read

LIMITS = FolderLimits(file=100, total=150, files=5)


def test_reads_policy_files_in_folders(tmp_path: Path) -> None:
    """YAML and JSON files count, in folders too; hidden and other files don't."""
    (tmp_path / "deep").mkdir()
    for name in ("a.yaml", "deep/b.json", "c.txt", ".d.yaml"):
        (tmp_path / name).write_text(name)

    reading = read(tmp_path, limits=LIMITS)

    assert {"a.yaml": b"a.yaml", "deep/b.json": b"deep/b.json"} == reading.data


def test_follows_a_volume_mount(tmp_path: Path) -> None:
    """A ConfigMap's `..data` link is followed, and its swap is one change."""
    for version in ("1", "2"):
        (tmp_path / f"..v{version}").mkdir()
        (tmp_path / f"..v{version}" / "a.yaml").write_text(version)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    before = read(tmp_path, limits=LIMITS)
    (tmp_path / "..next").symlink_to("..v2")
    os.replace(tmp_path / "..next", tmp_path / "..data")
    after = read(tmp_path, limits=LIMITS)

    assert {"a.yaml": b"1"} == before.data
    assert {"a.yaml": b"2"} == after.data
    assert before.look != after.look


def test_refuses_what_is_no_file_of_the_folder(tmp_path: Path) -> None:
    """Links out of the folder, dead links, pipes and large files are named."""
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.yaml").write_text("secret")
    (root / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "dead.yaml").symlink_to("nowhere")
    (root / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(root / "pipe.yaml")
    (root / "large.yaml").write_text("x" * 101)

    reading = read(root, limits=LIMITS)

    assert {} == reading.data
    assert ["dead.yaml", "large.yaml", "loop.yaml", "out.yaml", "pipe.yaml"] == sorted(
        reading.look.refused
    )
    assert "out of the folder" in reading.look.refused["out.yaml"]
    assert "over the limit of 100" in reading.look.refused["large.yaml"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({f"{n}.yaml": "" for n in range(6)}, "more than 5 policy files"),
        ({"a.yaml": "x" * 90, "b.yaml": "x" * 90}, "180 bytes, over the limit"),
    ],
)
def test_folder_limits(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """Too many files or bytes refuse the folder as a whole."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(FolderError, match=words):
        read(tmp_path, limits=LIMITS)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(FolderError, match="can't read"):
        read(tmp_path / "missing", limits=LIMITS)
