"""Native built-ins give what opa gives: values, undefined and texts of errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.calls import FOLDER, native_answer, opa_answers, read_calls

FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls(path: Path) -> None:
    wrong = [
        f"{call.line}\n    got {got}"
        for call in read_calls(path)
        if (got := native_answer(call)) != call.want
    ]

    assert wrong == []


@pytest.mark.peers
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_calls_are_opas(path: Path, opa: Path, tmp_path: Path, update: bool) -> None:
    calls = read_calls(path)
    answers = opa_answers(opa, calls, scratch=tmp_path)
    if update:
        lines = path.read_text("utf-8").splitlines()
        fresh = {
            call.line: f"{call.line.partition(' => ')[0]} => {got}"
            for call, got in zip(calls, answers, strict=True)
        }
        path.write_text("\n".join(fresh.get(line, line) for line in lines) + "\n")
        return

    assert [
        f"{call.line}\n    opa {got}"
        for call, got in zip(calls, answers, strict=True)
        if got != call.want
    ] == []
