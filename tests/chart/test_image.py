"""What the image is made of, as far as that can be told without building it.

`python -m tools.image_steps` runs its steps, and the program, in a mount namespace.
"""

from __future__ import annotations

import re

import yaml

from tests.chart.rendered import CHART
from tests.needs import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_it_runs_as_the_user_that_the_chart_asks_for() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    security = values["containerSecurityContext"]
    user = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[-1]

    assert user == (str(security["runAsUser"]), str(security["runAsGroup"]))


def test_the_last_stage_has_no_compiler() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]

    assert "apt-get" not in last
    assert "gcc" not in last


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
