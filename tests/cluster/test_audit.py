"""Audit on a real API server, held beside the audit of the real Gatekeeper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from gatewright.app.denials import plain
from gatewright.audit.options import Options
from gatewright.audit.round import Outcome, Round
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from gatewright.kube import settings
from gatewright.kube.client import Client
from gatewright.telemetry.log import Log
from tests.chart.rendered import CHART
from tests.cluster import rival
from tests.cluster.manager import apply_policy
from tests.cluster.server import Cluster, until

pytestmark = pytest.mark.cluster

CASE = yaml.safe_load(Path(__file__).with_name("audit.yaml").read_text("utf-8"))
NAMESPACE = "gatekeeper-system"


@pytest.fixture(scope="module")
def site(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with policies and objects.  Without controllers: Gatekeeper's statuses
    belong to a pod that there is not, and would be collected."""
    cluster = Cluster(
        tmp_path_factory.mktemp("audit"), programs=programs, controllers=False
    )
    try:
        cluster.start()
        cluster.kubectl("apply", "--server-side", "-f", CHART / "files/crds")
        cluster.apply(*CASE["definitions"])
        for one in CASE["definitions"]:
            name = f"crd/{one['metadata']['name']}"
            cluster.kubectl("wait", "--for=condition=Established", name)
        cluster.apply(*CASE["objects"])
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def gatekeeper(site: Cluster) -> Iterator[None]:
    """The real one, auditing every two seconds; makes the constraint definitions."""
    with rival.gatekeeper(
        site,
        site.folder,
        "--audit-interval=2",
        f"--constraint-violations-limit={CASE['limit']}",
        operations=("audit", "status", "generate"),
    ):
        for made in CASE["templates"]:
            kind = made["spec"]["crd"]["spec"]["names"]["kind"]
            apply_policy(
                site, made, *(one for one in CASE["constraints"] if one["kind"] == kind)
            )
        until("it has audited all of them", lambda: audited(site), seconds=120)
        # That round may have begun when it did not know them all.
        before = rounds(site)
        until(
            "it has audited them once more",
            lambda: all(rounds(site)[name] > before[name] for name in before),
            seconds=120,
        )
        yield


def statuses(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Each constraint's status; Gatekeeper lists scoped actions in a random order."""
    found = cluster.listed("constraints")
    return {
        f"{one['kind']}/{one['metadata']['name']}": in_order(one.get("status", {}))
        for one in found
    }


def in_order(node: Any) -> Any:
    """With lists of actions in order."""
    if isinstance(node, dict):
        return {
            key: sorted(value)
            if key in ("enforcementActions", "constraint_enforcement_actions")
            else in_order(value)
            for key, value in node.items()
        }
    return [in_order(one) for one in node] if isinstance(node, list) else node


def last_round(lines: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """The semantic lines of the last whole round, but for what is never the same."""
    volatile = ("ts", "audit_id", "duration")
    finished = [one for one in lines if one.get("event_type") == "audit_finished"]
    last = finished[-1]["audit_id"]
    found = [
        [item for item in in_order(line).items() if item[0] not in volatile]
        for line in lines
        if line.get("semantic") and line.get("audit_id") == last
    ]
    return sorted(found, key=str)


def audited(cluster: Cluster) -> bool:
    found = statuses(cluster)
    return len(found) == len(CASE["constraints"]) and all(
        "totalViolations" in one for one in found.values()
    )


def rounds(cluster: Cluster) -> dict[str, str]:
    """When each constraint was last audited."""
    return {name: one["auditTimestamp"] for name, one in statuses(cluster).items()}


def run_round(
    cluster: Cluster,
    *,
    options: Options | None = None,
    kubeconfig: Path | None = None,
    lines: list[dict[str, Any]] | None = None,
) -> Outcome:
    """One round by the policies that the cluster holds."""

    async def run() -> Outcome:
        client = Client(await settings.load(kubeconfig or cluster.kubeconfig))
        policies = PolicySet()
        for template in cluster.listed("constrainttemplates"):
            policies.add_template(template)
        for constraint in cluster.listed("constraints"):
            policies.add_constraint(constraint)
        policies.set_config(CASE["config"])
        snapshot = Snapshot(policies.build())

        def write(line: bytes) -> None:
            if lines is not None:
                lines.append(orjson.loads(line))

        try:
            return await Round(
                client,
                snapshot,
                snapshot.evaluation(),
                options=options or Options(limit=CASE["limit"], chunk=3),
                log=Log("controller", write=write),
                plain=plain,
            ).run()
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.mark.usefixtures("gatekeeper")
def test_statuses_are_those_of_gatekeeper(site: Cluster) -> None:
    theirs = statuses(site)
    lines: list[dict[str, Any]] = []

    outcome = run_round(site, lines=lines)

    ours = statuses(site)
    assert outcome.unread == []
    assert outcome.stopped == {}
    assert sorted(ours) == sorted(theirs)
    for name, status in theirs.items():
        assert ours[name].get("violations") == status.get("violations"), name
        assert ours[name]["totalViolations"] == status["totalViolations"], name
        assert ours[name].get("byPod") == status.get("byPod"), "it is not ours to touch"
        assert "auditIncomplete" not in ours[name]
    assert sum(one["totalViolations"] for one in ours.values()) > 10
    kinds = [line.get("event_type") for line in lines]
    assert kinds[0] == "audit_started"
    assert kinds[-1] == "audit_finished"
    assert kinds.count("violation_audited") == outcome.tally.total
    with_some = [one for one in ours.values() if one["totalViolations"]]
    assert kinds.count("constraint_audited") == len(with_some)


@pytest.mark.usefixtures("gatekeeper")
def test_log_lines_are_those_of_gatekeeper(site: Cluster) -> None:
    log = (site.folder / "gatekeeper.log").read_text()
    theirs = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    ours: list[dict[str, Any]] = []
    run_round(site, lines=ours)

    mine, other = last_round(ours), last_round(theirs)
    assert [one for one in mine if one not in other] == []
    assert [one for one in other if one not in mine] == []
    assert len(mine) == len(other)


@pytest.mark.usefixtures("gatekeeper")
def test_what_may_not_be_read_is_said_and_never_clean(site: Cluster) -> None:
    site.apply(*CASE["narrow"])
    config = narrow_config(site)

    outcome = run_round(site, kubeconfig=config)

    assert {one.kind for one in outcome.unread} == {"ConfigMap"}
    found = statuses(site)
    missing = {name for name, one in found.items() if "auditIncomplete" in one}
    assert missing == set(CASE["incomplete"])
    for name in missing:
        status = found[name]
        assert status["auditIncomplete"][0]["kind"] == "ConfigMap"
        assert "forbidden" in status["auditIncomplete"][0]["reason"]
        assert status.get("totalViolations") != 0

    run_round(site)

    assert not any("auditIncomplete" in one for one in statuses(site).values())


def narrow_config(cluster: Cluster) -> Path:
    """Acts as a user who may read all but config maps."""
    path = cluster.folder / "narrow.kubeconfig"
    files = cluster.authority.client("narrow")
    cluster.kubectl("config", "view", "--raw")  # fails early if there is none
    config = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"] = {
        "client-certificate": str(files.certificate),
        "client-key": str(files.key),
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.usefixtures("gatekeeper")
def test_events_are_counted_from_round_to_round(site: Cluster) -> None:
    options = Options(limit=20, emit_events=True)

    outcome = run_round(site, options=options)
    run_round(site, options=options)

    events = site.listed(
        "events", "-n", NAMESPACE, "--field-selector", "reason=AuditViolation"
    )
    assert len(events) == outcome.tally.total
    assert {one["count"] for one in events} == {2}
    assert {one["source"]["component"] for one in events} == {"gatekeeper-audit"}
