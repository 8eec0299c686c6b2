"""Webhook rules follow what constraints can match; two replicas, one of them writes."""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendered import CHART, KUBERNETES
from tests.cluster.manager import (
    HOME,
    VALIDATING,
    Manager,
    apply_policy,
    by_pod,
    constraint,
    enforced,
    managing,
    pod,
    template,
)
from tests.cluster.server import Cluster, until
from tests.needs import require_servers

pytestmark = pytest.mark.cluster

DENY = 'violation[{"msg": "no"}] { true }'
MAIN = "validation.gatekeeper.sh"
SHUT = "fail-closed.validation.gatekeeper.sh"
OWN = "request.kind.group.endsWith('.gatekeeper.sh') || "
MUTATING = "mutating-by-url"
CHANGE = "mutation.gatekeeper.sh"
LEASE = ("lease", "gatewright-webhook-rules", "-n", HOME)
VALUES = (
    "availability=hybrid",
    "narrowWebhookRules=true",
    f"validatingWebhookName={VALIDATING}",
    f"mutatingWebhookName={MUTATING}",
    "controllerManager.disableCertRotation=true",
)
RIGHTS = frozenset(
    {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
)
FLAGS = (
    "--narrow-webhook-rules",
    "--fail-closed-for-denials",
    "--narrow-after=2",
    f"--validating-webhook-configuration-name={VALIDATING}",
    f"--mutating-webhook-configuration-name={MUTATING}",
)

LABELS = {
    "apiVersion": "mutations.gatekeeper.sh/v1",
    "kind": "AssignMetadata",
    "metadata": {"name": "labels"},
    "spec": {
        "match": {"kinds": [{"apiGroups": [""], "kinds": ["Endpoints"]}]},
        "location": "metadata.labels.ruled",
        "parameters": {"assign": {"value": "yes"}},
    },
}


def conditions(site: Cluster, webhook: str) -> dict[str, str]:
    kind, name = "validatingwebhookconfiguration", VALIDATING
    if webhook == CHANGE:
        kind, name = "mutatingwebhookconfiguration", MUTATING
    config = site.get(kind, name)
    assert config is not None
    (found,) = [one for one in config["webhooks"] if one["name"] == webhook]
    listed = found.get("matchConditions") or ()
    return {one["name"]: one["expression"] for one in listed}


def rendered(site: Cluster, kinds: frozenset[str], *values: str) -> list[Any]:
    """Objects of the chart, of these kinds."""
    switches = [part for value in (*VALUES, *values) for part in ("--set", value)]
    text = site.helm(
        *("template", "gatewright", CHART, "--namespace", HOME),
        *("--kube-version", KUBERNETES, *switches),
    )
    return [one for one in yaml.safe_load_all(text) if one and one["kind"] in kinds]


@pytest.fixture(scope="module")
def account(site: Cluster) -> Path:
    """A kubeconfig of the chart's account, with the rights that the chart gives it."""
    require_servers("helm")
    site.apply(*rendered(site, RIGHTS))
    return site.account_config(HOME, "gatekeeper-admin")


def register(site: Cluster, manager: Manager) -> None:
    """The webhooks as the chart renders them, at a URL, told whom to believe."""
    host, port = manager.admission
    bundle = base64.b64encode(Path(manager.event("listening")["ca"]).read_bytes())
    for made in rendered(
        site,
        frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}),
        f"validatingWebhookURL=https://{host}:{port}",
        f"mutatingWebhookURL=https://{host}:{port}",
    ):
        for webhook in made["webhooks"]:
            webhook["clientConfig"]["caBundle"] = bundle.decode()
        site.kubectl("create", "-f", "-", stdin=json.dumps(made))


def refused(manager: Manager) -> list[Any]:
    """What the API server did not let it do."""
    return [event for event in list(manager.events) if "forbidden" in str(event)]


def create(site: Cluster, what: str, name: str = "probe") -> str:
    done = site.run(
        "kubectl", "create", what, name, "--dry-run=server", "-n", "default"
    )
    return done.stderr + done.stdout


def labels(site: Cluster) -> dict[str, str]:
    """Of an object that is created on trial."""
    obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "probe"}}
    text = site.kubectl(
        *("create", "-f", "-", "--dry-run=server", "-o", "json", "-n", "default"),
        stdin=json.dumps(obj),
    )
    found: dict[str, str] = json.loads(text)["metadata"].get("labels") or {}
    return found


def holder(site: Cluster) -> str:
    found = site.get(*LEASE)
    return str(found["spec"]["holderIdentity"]) if found else ""


def family(manager: Manager) -> list[int]:
    """Its processes, the supervisor first."""
    children = [
        event["pid"]
        for event in list(manager.events)
        if event.get("msg") == "process started"
    ]
    return [manager.process.pid, *children]


def test_rules_follow_constraints(site: Cluster, account: Path) -> None:
    """Widened before a constraint is told enforced, narrowed later; what a deny
    constraint can match fails closed.  A Lease of a clock that is years ahead is taken
    over once it is seen to stand still; a holder that is paused does nothing when it
    wakes, and one that ends lets go.  Both replicas have the rights of the chart."""
    site.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE[1], "namespace": HOME},
            "spec": {
                "holderIdentity": "of-old",
                "leaseDurationSeconds": 3,
                "renewTime": "2099-01-01T00:00:00.000000Z",
            },
        }
    )
    for name in ("one", "two"):
        pod(site, name)
    with (
        managing(site, *FLAGS, name="one", workers=1, kubeconfig=account) as one,
        managing(site, *FLAGS, name="two", workers=1, kubeconfig=account) as two,
    ):
        by_name = {"one": one, "two": two}
        register(site, one)
        until("a replica keeps the rules", lambda: holder(site) in by_name)

        # Nothing is there to be judged but policies themselves.
        until(
            "narrowed",
            lambda: (
                conditions(site, MAIN).get("what-policies-match") == OWN + "false"
                and conditions(site, MAIN)["not-what-fails-closed"] == "!(false)"
            ),
        )
        assert one.metric(
            'gatekeeper_validation_request_count_total{admission_dryrun="true",'
            'admission_status="allow"}'
        ) == calls(one, site, "configmap")

        # What no mutator changes is not sent there; the first after `enforced` is.
        until(
            "narrowed",
            lambda: (
                conditions(site, CHANGE).get("what-policies-match") == OWN + "false"
            ),
        )
        site.apply(LABELS)
        until("enforced", lambda: enforced(site, "assignmetadata", "labels", pods=2))
        sent = conditions(site, CHANGE)["what-policies-match"]
        assert (
            sent
            == OWN
            + "(request.kind.group + '/' + request.kind.kind) in [\"/Endpoints\"]"
        )
        assert labels(site) == {"ruled": "yes"}
        site.kubectl("delete", "assignmetadata", "labels")

        # The first probe after `enforced` is judged, by the webhook that fails closed.
        apply_policy(
            site,
            template("Ruled", DENY),
            constraint("Ruled", "maps", kinds=["ConfigMap"]),
            constraint(
                "Ruled", "accounts", kinds=["ServiceAccount"], enforcementAction="warn"
            ),
        )
        until("enforced", lambda: enforced(site, "ruled", "maps", pods=2))
        said = create(site, "configmap")
        assert f'admission webhook "{SHUT}" denied the request: [maps] no' in said
        until("enforced", lambda: enforced(site, "ruled", "accounts", pods=2))
        assert "[accounts] no" in create(site, "serviceaccount")
        shut = conditions(site, SHUT)["what-deny-constraints-match"]
        assert shut == 'request.kind.kind in ["ConfigMap"]'
        assert conditions(site, MAIN)["not-what-fails-closed"] == f"!({shut})"

        # The holder is paused; the other takes over, and a constraint is enforced only
        # once what it matches is sent.
        first = by_name[holder(site)]
        second = two if first is one else one
        for pid in family(first):
            os.kill(pid, signal.SIGSTOP)
        site.apply(
            constraint("Ruled", "secrets", kinds=["Secret"], enforcementAction="warn")
        )

        def handed_over() -> bool:
            over = by_name.get(holder(site)) is second
            entries = by_pod(site, "ruled", "secrets")
            told = [one for one in entries if one.get("enforced")]
            sent = "Secret" in conditions(site, MAIN)["what-policies-match"]
            assert sent or not told, told
            return over and sent

        until("the other keeps the rules, and widens them", handed_over)
        # What the first wants when it wakes is older: it must not be written.
        narrow: list[str] = []
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.2):
                said = conditions(site, MAIN)["what-policies-match"]
                narrow.extend([] if "Secret" in said else [said])

        looking = threading.Thread(target=look)
        looking.start()
        for pid in reversed(family(first)):
            os.kill(pid, signal.SIGCONT)
        until(
            "enforced by both",
            lambda: enforced(site, "ruled", "secrets", pods=2),
            seconds=60,
        )
        stop.set()
        looking.join()
        assert narrow == []
        assert by_name.get(holder(site)) is second

        # Gone, and later no longer sent.
        site.kubectl("delete", "ruled", "maps", "secrets")
        until(
            "what nothing changes is not sent any more",
            lambda: conditions(site, CHANGE)["what-policies-match"] == OWN + "false",
        )
        until(
            "narrowed again",
            lambda: (
                conditions(site, MAIN)["what-policies-match"]
                == OWN + 'request.kind.kind in ["ServiceAccount"]'
                and conditions(site, SHUT)["what-deny-constraints-match"] == "false"
            ),
            seconds=60,
        )
        said = create(site, "configmap")
        assert "created" in said
        site.apply(constraint("Ruled", "quotas", kinds=["ResourceQuota"]))
        until("enforced", lambda: enforced(site, "ruled", "quotas", pods=2))

        # A holder that ends lets go, so nobody waits until its Lease has run out.
        name = holder(site)
        ending = by_name.pop(name)
        ending.process.send_signal(signal.SIGTERM)
        ending.process.wait(60)
        assert holder(site) != name
        until("the other one keeps the rules", lambda: holder(site) in by_name)
        assert [refused(one), refused(two)] == [[], []]
    # Nobody answers: what only warns passes, what is denied does not.
    assert "created" in create(site, "serviceaccount")
    assert f'failed calling webhook "{SHUT}"' in create(site, "quota")
    site.kubectl("delete", "validatingwebhookconfiguration", VALIDATING)
    site.kubectl("delete", "mutatingwebhookconfiguration", MUTATING)


def calls(manager: Manager, site: Cluster, what: str) -> float:
    """The number of requests judged, after one more that ought not to be sent."""
    assert "created" in create(site, what)
    return manager.metric(
        'gatekeeper_validation_request_count_total{admission_dryrun="true",'
        'admission_status="allow"}'
    )
