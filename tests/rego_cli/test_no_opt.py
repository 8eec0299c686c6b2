"""`--no-opt`: the same answers by plainer plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewright.plan import passes
from tests.rego_cli.running import run_rego

POLICY = """package p
pairs contains [u.name, g.name] if {
    some u in input.users
    some g in input.groups
    u.group == g.name
}
"""
INPUT = """{
    "users": [{"name": "ann", "group": "a"}, {"name": "bob", "group": "c"}],
    "groups": [{"name": "a"}, {"name": "b"}]
}"""


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag is for the whole process."""
    monkeypatch.setattr(passes, "WITHOUT", passes.WITHOUT)
    monkeypatch.setenv("GATEWRIGHT_NO_OPT", "")


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ([], passes.WITHOUT),
        (["--no-opt", "all"], frozenset(passes.PASSES)),
        (["--no-opt", "dead,lookups"], {"dead", "lookups"}),
    ],
    ids=["none", "all", "some"],
)
def test_the_answer_is_the_same(
    flags: list[str], wanted: frozenset[str], tmp_path: Path
) -> None:
    (tmp_path / "p.rego").write_text(POLICY)
    query: list[str | Path] = [
        "-d",
        tmp_path / "p.rego",
        "-I",
        "data.p.pairs",
        "-f",
        "raw",
    ]

    ran = run_rego("eval", *flags, *query, stdin=INPUT)

    assert ran.stdout == '[["ann","a"]]\n'
    assert wanted == passes.WITHOUT


def test_a_name_that_is_none_is_refused() -> None:
    ran = run_rego("eval", "--no-opt", "speed", "1")

    assert ran.status != 0
    assert "no optimisation speed; there are all, idle" in ran.stderr
