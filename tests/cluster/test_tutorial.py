"""The tutorial as it stands, on pods that the chart makes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.node import Node
from tests.cluster.server import Cluster, until
from tests.cluster.tutorial import NAMESPACE, run, steps
from tests.needs import require_command, require_servers

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Iterator[tuple[Cluster, Node]]:
    require_servers("helm")
    require_command("jq", package="jq")
    cluster = Cluster(tmp_path_factory.mktemp("tutorial"), programs=programs)
    node = Node(cluster, NAMESPACE)
    try:
        cluster.start()
        node.start()
        yield cluster, node
    finally:
        node.stop()
        cluster.stop()


def test_the_tutorial_is_true(
    site: tuple[Cluster, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, node = site
    here = Path(sys.executable).parent  # its `python` is the one of this run
    monkeypatch.setenv("PATH", f"{here}{os.pathsep}{os.environ['PATH']}")

    for step in steps():
        text = run(cluster, step)
        assert step.fits(text), f"$ {step.command}\n{text}\n\nnot:\n{step.printed}"
    until("its pods end", lambda: not node.pods, seconds=60)
