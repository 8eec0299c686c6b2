"""Trees and errors of the parser against what the real OPA gave for them."""

from __future__ import annotations

import pytest

from tests.rego_parse import parse_cases, record

_ALL = {
    f"{path.stem}-{index}": case
    for path in sorted(parse_cases.CASES.glob("*.yaml"))
    for index, case in enumerate(parse_cases.read(path.name))
}


@pytest.mark.parametrize("case", _ALL.values(), ids=_ALL.keys())
def test_case(case):
    """A source gives the tree, or the errors and their places, that OPA gives."""
    actual = parse_cases.parsed(case)

    assert actual == case["want"]


@pytest.mark.peers
def test_recorded_cases_are_still_true(opa, tmp_path):
    """The recorded expectations are those of the opa at hand (a sample)."""
    for case in list(_ALL.values())[::12]:
        actual = record.parsed_by_opa(opa, case, folder=tmp_path)

        assert actual == case["want"], case["source"]
