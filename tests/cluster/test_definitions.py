"""The CRD that we make of a template is the one that the real Gatekeeper makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from gatewright.constraints import crd, template
from gatewright.controllers.definitions import WantedDefinition, decide
from tests.cluster.manager import install
from tests.cluster.rival import gatekeeper
from tests.cluster.server import Cluster, until
from tests.needs import require_conformance, require_peer

pytestmark = [pytest.mark.cluster, pytest.mark.peers]


@pytest.fixture
def with_gatekeeper(
    start_cluster: Callable[..., Cluster], tmp_path: Path
) -> Iterator[Cluster]:
    """A cluster with the real Gatekeeper, which makes definitions."""
    require_peer("gatekeeper")
    cluster = start_cluster(controllers=False)
    install(cluster)
    with gatekeeper(cluster, tmp_path):
        yield cluster


def test_definitions_of_the_library(with_gatekeeper: Cluster) -> None:
    root = require_conformance("gatekeeper-library")
    made = [
        obj
        for path in sorted(root.rglob("template.yaml"))
        for obj in yaml.safe_load_all(path.read_text())
        if obj
    ]
    assert len(made) >= 37
    with_gatekeeper.apply(*made)
    names = [f"{one['metadata']['name']}.{crd.CONSTRAINT_GROUP}" for one in made]

    def all_there() -> bool:
        found = with_gatekeeper.listed("crd", "-l", "gatekeeper.sh/constraint=yes")
        return {one["metadata"]["name"] for one in found} >= set(names)

    until("Gatekeeper made all", all_there)
    theirs = {
        one["metadata"]["name"]: one
        for one in with_gatekeeper.listed("crd", "-l", "gatekeeper.sh/constraint=yes")
    }
    stored = with_gatekeeper.listed("constrainttemplates")
    different = []
    for obj in stored:
        name = obj["metadata"]["name"]
        definition = crd.definition(template.parse(obj))
        wanted = WantedDefinition(name, obj["metadata"]["uid"], definition)
        their = theirs[wanted.name]
        act, _ = decide(wanted, their)
        labels = their["metadata"]["labels"]
        if act != "leave" or labels != definition["metadata"]["labels"]:
            different.append(name)
    assert different == []
    # What is changed by hand is put right.
    changed = {**their, "spec": {**their["spec"], "scope": "Namespaced"}}
    assert decide(wanted, changed)[0] == "replace"
