"""Bundles as archives: what the folder of the same files gives."""

from __future__ import annotations

import tarfile
from collections.abc import Callable

import pytest

from tests.rego_cli.running import run_rego

FILES = {
    ".manifest": '{"roots": ["a", "b"], "rego_version": 0}',
    "a/p.rego": "package a\np[x] { x := data.b.list[_] }",
    "b/data.json": '{"list": [1, 2]}',
}


@pytest.mark.parametrize("before", ["", "./", "/"])
def test_archive(before, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with tarfile.open("bundle.tar.gz", "w:gz") as archive:
        for name in FILES:
            archive.add(f"folder/{name}", arcname=name, filter=_renamed(before))

    for args in (["data"], ["data.a.p[x]", "-f", "pretty"]):
        packed = run_rego("eval", "-b", "bundle.tar.gz", *args)
        assert packed == run_rego("eval", "-b", "folder", *args)
        assert packed.status == 0


def _renamed(before: str) -> Callable[[tarfile.TarInfo], tarfile.TarInfo]:
    def rename(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.name = before + member.name
        return member

    return rename
