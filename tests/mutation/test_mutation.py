"""Mutators: locations, refusals and applications, as recorded with the real one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatewright.mutation.errors import ApplyError, MutatorError
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.patch import diff
from gatewright.mutation.path import LocationError, parse_location
from gatewright.mutation.setters import Facts
from gatewright.mutation.system import MutatorSystem

HERE = Path(__file__).parent
FACTS = Facts("p1", "default")
APPLY_TO = [{"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}]
OBJECT = {
    "spec": {
        "hostname": "str",
        "l": [1, "a", {"name": "x", "v": 1}],
        "m": {"a": 1},
        "containers": [
            {"name": "c", "image": "nginx"},
            {"name": "c", "image": "two"},
        ],
    }
}


def cases(name: str) -> list[Any]:
    return list(yaml.safe_load((HERE / name).read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Pod:
    """A target that every mutator matches."""

    gvk: tuple[str, str, str] = ("", "v1", "Pod")
    operation: str = "CREATE"
    facts: Facts = FACTS
    shown: str = " Pod default p1"

    def matches(self, match: Any, obj: Any) -> bool:
        return isinstance(obj, dict) and match is not None


def resource(case: dict[str, Any], *, name: str = "m") -> dict[str, Any]:
    spec = dict(case.get("spec") or {})
    if "tests" in case:
        words = {"E": "MustExist", "N": "MustNotExist"}
        spec = {
            "location": "spec.a.b.c.d",
            "parameters": {
                "assign": {"value": 1},
                "pathTests": [
                    {"subPath": path, "condition": words[word]}
                    for word, path in (text.split() for text in case["tests"])
                ],
            },
            "applyTo": APPLY_TO,
        }
    return {"kind": case["kind"], "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("case", cases("locations.yaml"), ids=lambda c: c["text"])
def test_location(case: dict[str, Any]) -> None:
    """A location parses to its nodes or is refused with Gatekeeper's text."""
    if "error" in case:
        with pytest.raises(LocationError) as caught:
            parse_location(case["text"])

        assert case["error"] == str(caught.value)
    else:
        assert case["nodes"] == [str(node) for node in parse_location(case["text"])]


@pytest.mark.parametrize("case", cases("mutators.yaml"), ids=str)
def test_refused(case: dict[str, Any]) -> None:
    """A bad mutator is refused with Gatekeeper's text; a good one is read."""
    if "error" not in case:
        parse_mutator(resource(case))
        return
    with pytest.raises(MutatorError) as caught:
        parse_mutator(resource(case))

    assert case["error"] == str(caught.value)


@pytest.mark.parametrize("case", cases("applied.yaml"), ids=str)
def test_applied(case: dict[str, Any]) -> None:
    """A mutator changes only what it should, or fails with Gatekeeper's text."""
    mutator = parse_mutator(
        resource({**case, "spec": {**case["spec"], "applyTo": APPLY_TO}})
    )
    system = MutatorSystem.build([mutator], compile_match=dict)
    if "error" in case:
        with pytest.raises(ApplyError) as caught:
            system.mutate(OBJECT, Pod(), mutation_id="U")

        assert str(caught.value).endswith(": " + case["error"])
        return
    out = system.mutate(OBJECT, Pod(), mutation_id="U")

    assert case["patch"] == diff(OBJECT, out.object)
    again = system.mutate(out.object, Pod(), mutation_id="U")
    assert again.object is out.object, "a second application changes nothing"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b/c~"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b/c~", "d"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(old=JSON, new=JSON)
def test_patch_applies(old: Any, new: Any) -> None:
    """The difference, applied by an independent library, gives the new object."""
    document = {"root": old}

    assert {"root": new} == jsonpatch.apply_patch(
        document, diff(document, {"root": new})
    )
