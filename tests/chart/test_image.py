"""What the image is made of, as far as that can be told without building it.

`python -m tools.image_steps` runs its steps, and the program on what they made, in a mount namespace.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import yaml

from tests.chart.rendered import CHART
from tests.needs import ROOT
from tools import image_root

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_it_runs_as_the_user_that_the_chart_asks_for() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    security = values["containerSecurityContext"]
    user = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[-1]

    assert user == (str(security["runAsUser"]), str(security["runAsGroup"]))


def test_the_last_stage_is_only_what_the_build_put_together() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2].splitlines()

    assert last[0] == "scratch"
    assert [line for line in last if line.startswith(("COPY", "ADD", "RUN"))] == [
        "COPY --from=build /opt/image /"
    ]


def test_what_is_left_out_of_packages_is_not_imported(tmp_path: Path) -> None:
    """Every module of the program, with nothing but what the image would hold."""
    site = Path(sysconfig.get_paths()["purelib"])
    for path in image_root.packages(site):
        if path.suffix == ".pth":  # of this checkout, which is found without
            continue
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).symlink_to(site / path)

    names = {path.name for path in tmp_path.iterdir()}
    assert {"kubernetes", "aiohttp", "cryptography"} <= names
    assert not names & {"pip", "setuptools", "pydantic", "requests", "pygments"}
    models = list(tmp_path.glob("kubernetes/**/models"))
    assert models == []
    places = [str(tmp_path), str(ROOT / "pkg")]
    code = f"import sys; sys.path += {places}\n{image_root.IMPORT_ALL}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_packages_are_those_that_are_needed_and_no_others() -> None:
    asks = {
        "gatewright": ["kubernetes>=31", "Rich", "a_b; python_version > '3'"],
        "kubernetes": ["requests"],
        "a-b": ["c", "d; extra == 'more'"],
    }
    there = ["gatewright", "kubernetes", "rich", "a-b", "c", "d", "requests", "aiohttp"]
    distributions = {name: Named(name, asks.get(name)) for name in there}

    found = image_root.used(distributions, "gatewright")

    assert found == {"gatewright", "kubernetes", "rich", "a-b", "c", "aiohttp"}


class Named(importlib.metadata.Distribution):
    """A distribution that is nothing but what it asks for."""

    def __init__(self, name: str, asks: list[str] | None) -> None:
        lines = [f"Name: {name}", *(f"Requires-Dist: {one}" for one in asks or ())]
        self.text = "\n".join(lines)

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "METADATA" else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(path)


def test_what_it_copies_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = [line[1:] for line in ignored if line.startswith("!")]

    assert ignored[0] == "*"
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_its_python_is_one_that_the_package_supports() -> None:
    version = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)[0]

    assert f"Programming Language :: Python :: {version}" in (
        ROOT / "pyproject.toml"
    ).read_text("utf-8")
