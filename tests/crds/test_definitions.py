"""Our definitions mean what Gatekeeper's mean."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from gatewright.crds.definitions import RESOURCES, definitions
from tests.needs import require_conformance

OURS = {one["metadata"]["name"]: one for one in definitions()}


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, Any]]:
    path = require_conformance("gatekeeper", "deploy-gatekeeper.yaml")
    return {
        one["metadata"]["name"]: one
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if one and one["kind"] == "CustomResourceDefinition"
    }


def bare(node: Any, *, names: bool = False) -> Any:
    """Without descriptions (a property may have that name), lists of versions by name."""
    if isinstance(node, dict):
        return {
            key: bare(value, names=key == "properties")
            for key, value in node.items()
            if names or key != "description"
        }
    return [bare(one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_definition_means_what_gatekeepers_does(
    name: str, theirs: dict[str, dict[str, Any]]
) -> None:
    assert bare(OURS[name]["spec"]) == bare(theirs[name]["spec"])
    assert OURS[name]["metadata"]["labels"] == theirs[name]["metadata"]["labels"]


def test_there_are_as_many(theirs: dict[str, dict[str, Any]]) -> None:
    assert sorted(OURS) == sorted(theirs)


def test_each_stores_one_version() -> None:
    assert all(sum(v.storage for v in one.versions) == 1 for one in RESOURCES)
