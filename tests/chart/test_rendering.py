"""What values render to: rendering.yaml has the cases."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.telemetry.metrics import TABLE
from tests.chart.rendered import CHART, MISSING, RenderError, at, render

pytestmark = pytest.mark.cluster
CASES = yaml.safe_load(Path(__file__).with_name("rendering.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_values_render_to(case: dict[str, Any], helm: Path) -> None:
    if "error" in case:
        with pytest.raises(RenderError, match=case["error"]):
            render(helm, case["values"])
        return
    objects = render(helm, case.get("values", {}))
    for expected in case["expect"]:
        where = f"{expected['of']} {expected.get('at', '')}"
        if expected["of"] not in objects:
            assert expected.get("absent"), f"{where}: no such object"
            continue
        found = at(objects[expected["of"]], expected.get("at", ""))
        if expected.get("absent"):
            assert found is MISSING, where
            continue
        assert found is not MISSING, f"{where}: nothing there"
        if "is" in expected:
            assert found == expected["is"], where
        assert [one for one in expected.get("has", ()) if one not in found] == [], where
        assert [one for one in expected.get("lacks", ()) if one in found] == [], where


def test_lint(helm: Path) -> None:
    done = subprocess.run(
        [helm, "lint", "--strict", CHART], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_pods_are_restricted(helm: Path) -> None:
    """What the `restricted` level of pod security asks for, and a read-only root."""
    for deployment in of_kind(render(helm, {}), "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert not pod["hostNetwork"]
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["runAsNonRoot"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_rule_of_rbac_has_its_reason() -> None:
    text = (CHART / "templates/rbac.yaml").read_text("utf-8").splitlines()
    rules = [n for n, line in enumerate(text) if line.startswith("  - apiGroups:")]
    unreasoned = [
        text[n]
        for n in rules
        if not text[n - 1].lstrip().startswith("#")
        and "/status]" not in text[n + 1]  # one reason for all statuses
        and "mutatingwebhookconfigurations" not in text[n + 1]  # as the one before
    ]

    assert len(rules) > 10
    assert unreasoned == []


def test_every_value_is_in_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    assert unknown(values, schema, "") == []


def test_dashboard_and_alerts_ask_for_metrics_that_are_there() -> None:
    known = {metric.name for metric in TABLE} | {
        f"{metric.name}_bucket" for metric in TABLE if metric.buckets
    }
    text = (CHART / "files/dashboard.json").read_text("utf-8")
    text += (CHART / "files/alerts.yaml").read_text("utf-8")
    asked = set(re.findall(r"\b(?:gatekeeper|gatewright)_[a-z_]+\b", text))

    assert asked - known == set()
    assert len(asked) > 8


def of_kind(objects: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found = [one for one in objects.values() if one["kind"] == kind]
    assert found, kind
    return found


def unknown(values: Any, schema: dict[str, Any], at: str) -> list[str]:
    properties = schema.get("properties")
    if properties is None or not isinstance(values, dict):
        return []
    out = [f"{at}.{key}" for key in values if key not in properties]
    for key in values.keys() & properties.keys():
        out += unknown(values[key], properties[key], f"{at}.{key}")
    return out
