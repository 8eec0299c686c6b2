"""`--audit-from-cache`, held beside that of the real Gatekeeper: what Config and SyncSets
name is audited as it is held in memory, and nothing is listed for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import rival
from tests.cluster.manager import Manager, apply_policy, install, managing, pod
from tests.cluster.server import Cluster, until
from tests.cluster.test_audit import last_round, statuses
from tests.needs import require_peer

pytestmark = [pytest.mark.cluster, pytest.mark.peers]

CASE = yaml.safe_load(Path(__file__).with_name("audit_cache.yaml").read_text("utf-8"))
OPTIONS = ("--audit-from-cache", f"--constraint-violations-limit={CASE['limit']}")
KIND = "cached.constraints.gatekeeper.sh"
OPERATIONS = ("audit", "status", "generate")


def theirs(
    site: Cluster, name: str
) -> tuple[dict[str, Any], list[list[tuple[str, Any]]]]:
    """The statuses and the log lines of the real one, by that configuration."""
    site.apply(CASE[name])
    folder = site.folder / name
    folder.mkdir()
    before = timestamps(site)
    with rival.gatekeeper(
        site, folder, "--audit-interval=2", *OPTIONS, operations=OPERATIONS
    ):
        (template,) = CASE["templates"]
        apply_policy(site, template, *CASE["constraints"])

        def audited() -> bool:
            now = timestamps(site)
            again = all(now[one] > before.get(one, "") for one in now)
            return again and whole(statuses(site))

        until("it has audited", audited, seconds=120)
        found = statuses(site)
    log = (folder / "gatekeeper.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return found, last_round(lines)


def whole(found: Mapping[str, Any]) -> bool:
    """All constraints were audited, when the data were all there: in its first rounds
    Gatekeeper may still be reading them."""
    totals = {name: one.get("totalViolations") for name, one in found.items()}
    return (
        len(found) == len(CASE["constraints"])
        and None not in totals.values()
        and all(totals[name] for name in CASE["violated"])
    )


def timestamps(site: Cluster) -> dict[str, str]:
    """When each constraint was last audited."""
    found = site.listed("constraints") if site.get("crd", KIND) else []
    return {
        f"{one['kind']}/{one['metadata']['name']}": (one.get("status") or {}).get(
            "auditTimestamp", ""
        )
        for one in found
    }


def compare(
    site: Cluster,
    manager: Manager,
    expected: Mapping[str, Any],
    their_lines: list[list[tuple[str, Any]]],
) -> None:
    """Statuses and log lines, key by key."""
    ours = statuses(site)
    for name, status in expected.items():
        assert ours[name].get("violations") == status.get("violations"), name
        assert ours[name]["totalViolations"] == status["totalViolations"], name
        assert "auditIncomplete" not in ours[name], name
    lines = last_round(list(manager.events))
    assert [one for one in lines if one not in their_lines] == []
    assert [one for one in their_lines if one not in lines] == []


def lists(site: Cluster, resource: str) -> int:
    """How often the API server was asked to list a resource."""
    text = site.kubectl("get", "--raw", "/metrics")
    line = re.compile(
        rf'apiserver_request_total{{[^}}]*resource="{resource}"[^}}]*verb="LIST"'
        r"[^}]*} (\d+)"
    )
    return sum(int(count) for count in line.findall(text))


def rounds(manager: Manager) -> int:
    return sum(
        one.get("event_type") == "audit_finished" for one in list(manager.events)
    )


def test_audit_from_the_cache_is_that_of_gatekeeper(
    start_cluster: Callable[..., Cluster],
) -> None:
    require_peer("gatekeeper")
    # With controllers Gatekeeper's statuses would be collected: no pod owns them.
    site = start_cluster(controllers=False)
    install(site)
    site.apply(*CASE["objects"], CASE["syncset"])
    excluded = theirs(site, "excluding")
    expected = theirs(site, "config")
    assert excluded[0] != expected[0]
    before = timestamps(site)
    pod(site, "auditing")
    with managing(
        site,
        *(f"--operation={one}" for one in OPERATIONS),
        "--audit-interval=1",
        *OPTIONS,
        name="auditing",
    ) as manager:
        until(
            "all are audited again",
            lambda: all(
                one["auditTimestamp"] > before[name]
                for name, one in statuses(site).items()
            ),
        )
        until("what its first words were is over", lambda: rounds(manager) >= 3)
        listed = {name: lists(site, name) for name in CASE["never_listed"]}
        assert listed["configmaps"] >= 1, "it was read once, to be followed"
        known = rounds(manager)
        until("three more rounds", lambda: rounds(manager) >= known + 3)
        assert listed == {name: lists(site, name) for name in CASE["never_listed"]}

        compare(site, manager, *expected)

        # What policies are not to see is audited all the same.
        site.apply(CASE["excluding"])
        total = excluded[0]["Cached/maps"]["totalViolations"]
        until(
            "what is left out is counted",
            lambda: statuses(site)["Cached/maps"].get("totalViolations") == total,
        )
        known = rounds(manager)
        until("two more rounds", lambda: rounds(manager) >= known + 2)
        compare(site, manager, *excluded)

        # What the cache lacks is said, and a change of it is seen.
        site.kubectl("delete", "configmap", "c1", "-n", "team-a")
        site.apply(CASE["lacking"])
        until("what is lacking is told", lambda: lacking(site) == CASE["told"])
        until(
            "what is left is counted",
            lambda: statuses(site)["Cached/maps"].get("totalViolations") == total - 1,
        )
        names = {one["name"] for one in statuses(site)["Cached/maps"]["violations"]}
        assert names == {"c2", "c3", "c4", "c5"}


def lacking(site: Cluster) -> dict[str, dict[str, str]]:
    """What each constraint says was not read: kind to reason."""
    return {
        name: {missing["kind"]: missing["reason"] for missing in one["auditIncomplete"]}
        for name, one in statuses(site).items()
        if "auditIncomplete" in one
    }
