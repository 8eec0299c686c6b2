"""Real API servers for tests; mark those that use them `cluster`.

`cluster`: one for the whole run, for tests that clean up after themselves or use
names of their own.  `site`: one for a module.  `start_cluster`: a maker of fresh
ones, which end with the test.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.manager import install
from tests.cluster.server import Cluster
from tests.needs import require_servers


@pytest.fixture(autouse=True)
def left_open() -> Iterator[None]:
    """A connection that a test leaves open is an error of that test, not of a later one."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with etcd, kube-apiserver, kubectl and helm."""
    return require_servers()


@pytest.fixture(scope="session")
def cluster(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster that all tests of a run share."""
    made = Cluster(tmp_path_factory.mktemp("cluster"), programs=programs)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Cluster]:
    """A module's own cluster, with Gatewright's definitions installed."""
    made = Cluster(tmp_path_factory.mktemp("site"), programs=programs)
    try:
        made.start()
        install(made)
        yield made
    finally:
        made.stop()


@pytest.fixture
def start_cluster(programs: Path, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes a fresh cluster on each call; arguments are those of `Cluster`."""
    made: list[Cluster] = []

    def start(**options: bool) -> Cluster:
        folder = tmp_path / f"cluster-{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, programs=programs, **options))
        made[-1].start()
        return made[-1]

    try:
        yield start
    finally:
        for one in made:
            one.stop()
