"""The match block, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.k8s.gostruct import UnmarshalError
from gatewright.match.block import ORIGINAL, MatchError, compile_match
from gatewright.match.subject import NamespaceFacts, Subject

FILE = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text())


def subject(short: dict[str, Any]) -> Subject:
    return Subject(
        short.get("group", ""),
        short["kind"],
        short.get("name", ""),
        short.get("generateName", ""),
        short.get("namespace", ""),
        short.get("labels", {}),
    )


def outcome(case: dict[str, Any]) -> bool | str:
    namespace = (
        NamespaceFacts(**FILE["namespaces"][case["in"]]) if "in" in case else None
    )
    source = case.get("source", ORIGINAL)
    try:
        matcher = compile_match(case["match"])
        return matcher.matches(
            subject(FILE["objects"][case["object"]]), namespace, source
        )
    except MatchError as error:
        return str(error)


@pytest.mark.parametrize("case", FILE["cases"], ids=range(len(FILE["cases"])))
def test_match(case: dict[str, Any]) -> None:
    assert outcome(case) == case["want"]


def test_a_field_of_another_type_is_refused_when_compiled() -> None:
    with pytest.raises(UnmarshalError, match=r"Match\.kinds of type \[\]match\.Kinds"):
        compile_match({"kinds": {}})
