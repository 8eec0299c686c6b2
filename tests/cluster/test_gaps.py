"""What was written while nobody judged is found by the heartbeat, and audited first."""

from __future__ import annotations

import base64
import functools
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gatewright.kube.heartbeat import (
    EVERY,
    HEARTBEAT,
    HEARTBEATS,
    LOST_AFTER,
    MUTATION_HEARTBEAT,
    Gap,
    beaten_at,
    doubts_in,
    gaps_in,
)
from tests.cluster.load import config_map
from tests.cluster.manager import (
    HOME,
    VALIDATING,
    Manager,
    apply_policy,
    constraint,
    enforced,
    managing,
    pod,
    registered,
    template,
)
from tests.cluster.proxy import Proxy
from tests.cluster.server import Cluster, free_ports, until
from tests.cluster.test_webhook_rules import rendered
from tests.needs import require_servers
from tests.serve.server import review

pytestmark = pytest.mark.cluster

REGO = 'violation[{"msg": "no"}] { input.review.object.metadata.labels.bad }'
SERVES = ("--operation=webhook", "--operation=status", "--operation=generate")
#: Rounds over all are far away, so that what is found is found by the heartbeat.
AUDITS = ("--operation=audit", "--audit-interval=3000")


def gaps(site: Cluster) -> list[Gap]:
    found = site.get("lease", HEARTBEAT, "-n", HOME)
    return gaps_in(found) if found else []


def lease(site: Cluster, name: str = HEARTBEAT) -> dict[str, Any]:
    return site.get("lease", name, "-n", HOME, "--show-managed-fields") or {}


def holder(site: Cluster, name: str = HEARTBEAT) -> str:
    return str(lease(site, name).get("spec", {}).get("holderIdentity"))


def beats(site: Cluster) -> str:
    found = site.get("lease", HEARTBEAT, "-n", HOME)
    return str(found["metadata"]["resourceVersion"]) if found else ""


def found(manager: Manager, name: str) -> list[dict[str, Any]]:
    """Violations of an object that audit has told of."""
    return [
        event
        for event in list(manager.events)
        if event.get("event_type") == "violation_audited"
        and event.get("resource_name") == name
    ]


def said(manager: Manager, words: str) -> list[int]:
    return [n for n, one in enumerate(list(manager.events)) if words in str(one)]


def test_what_nobody_judged_is_audited_first(site: Cluster) -> None:
    for name in ("serving", "after", "auditing"):
        pod(site, name)
    site.apply(config_map("before", bad="yes"))
    with managing(site, *SERVES, name="serving", workers=1) as serving:
        apply_policy(site, template("Gapped", REGO), constraint("Gapped", "one"))
        until("enforced", lambda: enforced(site, "gapped", "one"))
        until("a heartbeat", lambda: beats(site))
        first = beats(site)
        until("it goes on", lambda: beats(site) != first)
        assert gaps(site) == []
        with registered(site, serving):
            # Nobody hears of what is created now.
            configuration = ("validatingwebhookconfiguration", VALIDATING)
            site.kubectl(
                *("patch", *configuration, "--type=json", "-p"),
                '[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]',
            )
            # Before what is remembered: more than a beat and what counts as near it.
            time.sleep(12)
            for child in (serving.process.pid, *serving.workers()):
                os.kill(child, signal.SIGKILL)

            def slipped() -> bool:
                site.apply(config_map("meanwhile", bad="yes"))
                return True

            until("it slips through", slipped)
            time.sleep(LOST_AFTER.total_seconds() + 2)
    with (
        managing(site, *AUDITS, name="auditing") as auditing,
        managing(site, *SERVES, name="after", workers=1) as after,
    ):
        until("a gap", lambda: gaps(site))
        until("what slipped through is found", lambda: found(auditing, "meanwhile"))
        # What was there before comes with the round over all, which follows at once.
        until("all is audited", lambda: found(auditing, "before"))
        apart = said(auditing, "auditing of what was written in gaps is complete")[0]
        names = [one.get("resource_name") for one in list(auditing.events)[:apart]]
        assert "meanwhile" in names
        assert "before" not in names
        until(
            "the status tells of both",
            lambda: site.get("gapped", "one")["status"].get("totalViolations") == 2,
        )

        # A request that was answered without a verdict makes a gap, too.
        known = gaps(site)
        assert len(said(after, "requests may have got no verdict")) == 1
        status, _ = after.post("/v1/admit?timeout=1ns", review(config_map("late")))
        assert status == 504
        until("another gap", lambda: gaps(site)[-1] != known[-1])


class Told:
    """What both Leases tell."""

    def __init__(self, site: Cluster) -> None:
        self.site = site

    def gaps(self, name: str) -> list[Gap]:
        return gaps_in(lease(self.site, name))

    def wait_for_beat(self, name: str, pod: str) -> None:
        until(f"{pod} beats", lambda: holder(self.site, name) == pod)

    def wait_for_certainty(self) -> None:
        until(
            "no doubt is left",
            lambda: not any(doubts_in(lease(self.site, name)) for name in HEARTBEATS),
        )

    def wait_for_gap(self, name: str, known: list[Gap]) -> Gap:
        until("a gap", lambda: self.gaps(name) != known)
        return self.gaps(name)[-1]


def test_a_short_while_between_pods_is_found(site: Cluster) -> None:
    """Also where another pod begins before a beat is missed; but not while one is
    there that was there before.  Pods that only mutate tell of themselves."""
    validates, mutates = "--operation=webhook", "--operation=mutation-webhook"
    told = Told(site)
    for name in ("first", "second", "third", "mutating"):
        pod(site, name)
    with managing(site, validates, mutates, name="first", workers=1) as first:
        for heartbeat in HEARTBEATS:
            told.wait_for_beat(heartbeat, "first")
        told.wait_for_certainty()
        with managing(
            site, validates, mutates, name="second", workers=1, ready=False
        ) as second:
            # It is about to beat for the first time.
            until("it decides", lambda: said(second, "generation committed"))
            for process in (first.process.pid, *first.workers()):
                os.kill(process, signal.SIGKILL)
            last = {name: beaten_at(lease(site, name)) for name in HEARTBEATS}
            known = {name: told.gaps(name) for name in HEARTBEATS}
            for heartbeat, words in HEARTBEATS.items():
                told.wait_for_beat(heartbeat, "second")
                gap = told.wait_for_gap(heartbeat, known[heartbeat])
                print(f"{heartbeat}: {gap.end - gap.start}")
                assert gap.start <= (last[heartbeat] or gap.end)
                until("it is told", functools.partial(said, second, words))
            told.wait_for_certainty()
            stay_quiet(site, told, second)


def stay_quiet(site: Cluster, told: Told, before: Manager) -> None:
    """One pod more of each kind makes no gap, since somebody was there and says so;
    nor does the end of that one, since the others are there by then."""
    known = {name: told.gaps(name) for name in HEARTBEATS}
    mine = {HEARTBEAT: "third", MUTATION_HEARTBEAT: "mutating"}
    with (
        managing(site, "--operation=webhook", name="third", workers=1) as third,
        managing(
            site, "--operation=mutation-webhook", name="mutating", workers=1
        ) as mutating,
    ):
        # A look, and what a doubt takes to be a gap.
        time.sleep(LOST_AFTER.total_seconds() + 5)
        told.wait_for_certainty()
        for process in (before.process.pid, *before.workers()):
            os.kill(process, signal.SIGKILL)
        for heartbeat, name in mine.items():
            told.wait_for_beat(heartbeat, name)
        time.sleep(LOST_AFTER.total_seconds() + 2)
        told.wait_for_certainty()
        assert {name: told.gaps(name) for name in HEARTBEATS} == known
        for one in (third, mutating):
            assert not said(one, "requests may have")


def test_one_that_follows_another_at_once_leaves_no_gap(site: Cluster) -> None:
    """A single replica that is replaced ends soon after the next one is ready."""
    told = Told(site)
    duties = "--operation=webhook", "--operation=mutation-webhook"
    for name in ("older", "newer"):
        pod(site, name)
    with managing(site, *duties, name="older", workers=1) as older:
        for heartbeat in HEARTBEATS:
            told.wait_for_beat(heartbeat, "older")
        # What was before it came may be one.
        time.sleep(LOST_AFTER.total_seconds() + 2)
        told.wait_for_certainty()
        known = {name: told.gaps(name) for name in HEARTBEATS}
        with managing(site, *duties, name="newer", workers=1):
            time.sleep(1)  # until a kubelet has seen that it is ready
            older.process.send_signal(signal.SIGTERM)  # with a second to go
            older.process.wait(30)
            for heartbeat in HEARTBEATS:
                told.wait_for_beat(heartbeat, "newer")
            time.sleep(LOST_AFTER.total_seconds() + 2)
            told.wait_for_certainty()
            assert {name: told.gaps(name) for name in HEARTBEATS} == known


def test_calls_that_do_not_arrive_are_a_gap(site: Cluster) -> None:
    """The pod is well and beats all along; what stands between it and the API server
    refuses connections for as long as an object needs to slip through."""
    require_servers("helm")
    (port,) = free_ports(1)
    pod(site, "cut")
    with managing(site, *SERVES, name="cut", workers=1) as manager:
        apply_policy(site, template("Unheard", REGO), constraint("Unheard", "one"))
        until("enforced", lambda: enforced(site, "unheard", "one"))
        proxy = Proxy(("127.0.0.1", port), [manager.admission])
        proxy.start()
        (webhooks,) = rendered(
            site,
            frozenset({"ValidatingWebhookConfiguration"}),
            "availability=open",
            "narrowWebhookRules=false",
            f"validatingWebhookURL=https://127.0.0.1:{port}",
        )
        bundle = base64.b64encode(Path(manager.event("listening")["ca"]).read_bytes())
        for one in webhooks["webhooks"]:
            one["clientConfig"]["caBundle"] = bundle.decode()
        site.apply(webhooks)
        try:
            trial = config_map("unheard", bad="yes")
            until("denied", lambda: not created(site, trial))
            before = beats(site)
            until("it beats", lambda: beats(site) != before)
            known = gaps(site)
            time.sleep(EVERY * 2)
            assert gaps(site) == known
            assert not said(manager, "calls do not arrive")

            proxy.stop()
            until("it slips through", lambda: created(site, trial))
            until("the pod hears of it", lambda: said(manager, "calls do not arrive"))
            assert manager.ready()
            proxy = Proxy(("127.0.0.1", port), [manager.admission])
            proxy.start()
            when = beaten_at(site.get("configmap", "unheard", "--show-managed-fields"))
            assert when is not None
            until(
                "a gap that it is in",
                lambda: any(one.start <= when <= one.end for one in gaps(site)),
            )
            until(
                "denied again", lambda: not created(site, config_map("other", bad="y"))
            )
            time.sleep(EVERY * 2)
            after = gaps(site)
            time.sleep(EVERY * 2)
            assert gaps(site) == after
        finally:
            proxy.stop()
            site.kubectl("delete", "validatingwebhookconfiguration", VALIDATING)


def created(site: Cluster, obj: dict[str, Any]) -> bool:
    """Whether the API server takes it; a denial is told apart from other failures."""
    done = site.run("kubectl", "create", "-f", "-", stdin=json.dumps(obj))
    assert done.returncode == 0 or "denied the request" in done.stderr, done.stderr
    return done.returncode == 0
