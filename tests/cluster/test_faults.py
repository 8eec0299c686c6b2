"""What breaks, breaks no verdict: faults under load on a real API server.

In each of these requests go on all the time, to the webhook as the API server asks it
and through the API server with the chart's own webhook configuration, closed.  Wrong
verdicts, verdicts by fewer policies than there are, verdicts that come too late and
vital writes that are held up: none of any.  What got no verdict is in the log with
what names its object.  Times are printed, not judged.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatewright.certs import pem
from tests.cluster.load import (
    SERVICE,
    Reviews,
    Steady,
    Writes,
    create_all,
    under_load,
)
from tests.cluster.manager import (
    HOME,
    Manager,
    constraint,
    enforced,
    install,
    managing,
    pod,
    template,
)
from tests.cluster.proxy import Proxy
from tests.cluster.server import Cluster, free_ports, until
from tests.cluster.starving import starving
from tests.needs import ROOT

pytestmark = pytest.mark.cluster

POLICIES = 20
LINES = frozenset(f"[bad-{number}] bad: {number}" for number in range(POLICIES))
KEPT_IN = "gatekeeper-webhook-server-cert"
TEMPLATES = "/apis/templates.gatekeeper.sh/v1/constrainttemplates"
CONSTRAINTS = "/apis/constraints.gatekeeper.sh/v1beta1/{kind}"
CONFIGURATION = "gatekeeper-validating-webhook-configuration"


def bad(number: int) -> str:
    return (
        'violation[{"msg": msg}] { input.review.object.metadata.labels.bad == "yes"; '
        f'msg := sprintf("bad: %v", [{number}]) }}'
    )


class Site:
    """A cluster with policies, the Service that its webhooks are called by, and which
    managers there are."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        install(cluster)
        cluster.apply(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}},
            *(template(f"Bad{n}", bad(n)) for n in range(POLICIES)),
        )
        self.managers: list[Manager] = []
        self.proxy: Proxy | None = None
        pod(cluster, "manager-0")

    def stop(self) -> None:
        if self.proxy is not None:
            self.proxy.stop()

    def serve(self) -> None:
        """Bring in the webhook configuration, once there is somebody to call."""
        chart = self.cluster.helm(
            *("template", "g", ROOT / "charts/gatewright", "-n", HOME),
            *("--kube-version", "1.36.3", "--set", "availability=closed"),
        )
        wanted = "ValidatingWebhookConfiguration", "Service", "Secret"
        self.cluster.apply(
            *(one for one in yaml.safe_load_all(chart) if one and one["kind"] in wanted)
        )
        found = self.cluster.get("service", SERVICE, "-n", HOME)
        self.proxy = Proxy((found["spec"]["clusterIP"], 443))
        self.proxy.start()

    def enforce(self) -> None:
        names = [f"crd/bad{n}.constraints.gatekeeper.sh" for n in range(POLICIES)]
        until(
            "all definitions",
            lambda: self.cluster.run("kubectl", "get", *names).returncode == 0,
        )
        self.cluster.kubectl("wait", "--for=condition=Established", *names)
        self.cluster.apply(
            *(constraint(f"Bad{n}", f"bad-{n}") for n in range(POLICIES))
        )
        until(
            "enforced",
            lambda: all(
                enforced(self.cluster, f"bad{n}", f"bad-{n}") for n in range(POLICIES)
            ),
        )

    def authority(self) -> str:
        """The certificates that the webhook configuration names."""
        found = self.cluster.get("validatingwebhookconfiguration", CONFIGURATION)
        bundle = found["webhooks"][0]["clientConfig"].get("caBundle", "")
        return base64.b64decode(bundle).decode()

    @contextlib.contextmanager
    def manager(self, *options: str, **how: Any) -> Iterator[Manager]:
        """One that keeps its certificate, behind the Service while it lives."""
        with managing(self.cluster, *options, rotation=True, **how) as made:
            self.managers.append(made)
            if self.proxy is not None:
                self.proxy.targets.append(made.admission)
            try:
                yield made
            finally:
                if self.proxy is not None:
                    self.proxy.targets.remove(made.admission)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("faults"), programs) as made:
        yield made


@contextlib.contextmanager
def standing(folder: Path, programs: Path) -> Iterator[Site]:
    """A site whose policies are enforced and whose webhook is known."""
    cluster = Cluster(folder, programs=programs, controllers=False)
    made: Site | None = None
    try:
        cluster.start()
        made = Site(cluster)
        made.serve()
        with made.manager():
            made.enforce()
            until("told", made.authority)
        yield made
    finally:
        if made is not None:
            made.stop()
        cluster.stop()


class Watched:
    """Load on one manager, or the one after it; `judge` when all is over."""

    def __init__(self, site: Site, manager: Manager, *, rate: float = 30.0) -> None:
        self.site = site
        self.manager = manager
        self.first = len(site.managers) - 1
        authority = site.authority()
        self.reviews = [
            Reviews(
                lambda: self.manager.admission,
                lambda: authority,
                LINES,
                rate=rate / 3,
            )
            for _ in range(3)
        ]
        self.writes = Writes(site.cluster, LINES, rate=10.0)

    @property
    def all(self) -> list[Steady]:
        return [*self.reviews, self.writes]

    def judge(self) -> None:
        said = [str(dict(one.counts)) for one in self.all]
        print("  " + "; ".join(said))
        assert [one.wrong for one in self.all] == [[]] * 4
        assert [one.incomplete for one in self.reviews] == [[]] * 3
        assert [one.late for one in self.reviews] == [[]] * 3
        assert self.writes.blocked == []
        assert sum(one.counts["decided"] for one in self.reviews) > 20
        assert self.writes.counts["vital"] > 5
        self.judge_log()

    def judge_log(self) -> None:
        """Each answer without a verdict can be followed up."""
        named = {
            event["request_uid"]: event
            for manager in self.site.managers[self.first :]
            for event in list(manager.events)
            if event.get("msg") in ("request not decided", "request failed")
        }
        for uid in [uid for one in self.reviews for uid in one.undecided]:
            event = named[uid]
            assert event["resource_kind"] == "ConfigMap"
            assert event["resource_namespace"] == "default"
            assert event["resource_name"] == uid
            assert event["request_username"] == "alice"


@contextlib.contextmanager
def loaded(site: Site, **how: Any) -> Iterator[Watched]:
    """A ready manager under load, judged at the end."""
    with site.manager() as manager:
        watched = Watched(site, manager, **how)
        with under_load(*watched.all):
            until("asked", lambda: watched.reviews[0].counts["decided"] > 3)
            yield watched
            time.sleep(1.0)
        watched.judge()


def timed(what: str, condition: Callable[[], Any], *, seconds: float = 60.0) -> None:
    started = time.monotonic()
    until(what, condition, seconds=seconds)
    print(f"{what}: {time.monotonic() - started:.2f} s")


def replaced(manager: Manager, before: list[int]) -> Callable[[], bool]:
    return lambda: len(manager.workers()) == 2 and manager.workers() != before


def decides(manager: Manager, site: Site) -> Callable[[], bool]:
    """Whether a request of its own gets a verdict."""
    asker = Reviews(lambda: manager.admission, site.authority, LINES, rate=1)

    def asked() -> bool:
        asker.ask()
        asker.drop()
        return asker.counts["decided"] > 0

    return asked


def changed(site: Site, name: str) -> None:
    """Another policy, which all workers enforce in the end."""
    site.cluster.apply(template(name, 'violation[{"msg": "no"}] { false }'))
    what = f"crd/{name.lower()}.constraints.gatekeeper.sh"
    until("made", lambda: site.cluster.run("kubectl", "get", what).returncode == 0)
    site.cluster.kubectl("wait", "--for=condition=Established", what)
    site.cluster.apply(constraint(name, "one"))
    timed(
        "a change enforced after it",
        lambda: enforced(site.cluster, name.lower(), "one"),
    )


def test_a_serving_process_is_killed(site: Site) -> None:
    with loaded(site) as watched:
        manager = watched.manager
        for _ in range(3):
            before = manager.workers()
            os.kill(before[0], signal.SIGKILL)
            timed("a serving process replaced", replaced(manager, before))
            time.sleep(0.5)


def test_the_controller_is_killed(site: Site) -> None:
    with loaded(site) as watched:
        manager = watched.manager
        before = len(manager.events)
        os.kill(manager.child("policies"), signal.SIGKILL)
        timed(
            "the policy process's successor has committed",
            lambda: any(
                event.get("msg") == "generation committed"
                for event in manager.events[before:]
            ),
        )
        changed(site, "AfterKill")


def test_all_of_a_pod_is_killed(site: Site) -> None:
    with loaded(site) as watched:
        os.kill(watched.manager.process.pid, signal.SIGKILL)
        with site.manager(ready=False) as second:
            # The load follows it at once: no verdict before all policies are there.
            watched.manager = second
            timed("the pod's successor is ready", second.ready)
            timed("it decides", decides(second, site))


def test_the_api_server_is_restarted(site: Site) -> None:
    with loaded(site) as watched:
        site.cluster.apiserver.stop(signal.SIGKILL)
        time.sleep(2)
        assert watched.manager.ready()
        site.cluster.apiserver.start()
        timed("the API server is back", site.cluster.ready)
        timed("all is read again", lambda: "[!]" not in watched.manager.readyz())
        changed(site, "AfterRestart")


def test_etcd_is_stopped(site: Site) -> None:
    with loaded(site) as watched:
        site.cluster.etcd.stop(signal.SIGKILL)
        time.sleep(3)
        assert watched.manager.ready()
        site.cluster.etcd.start()
        timed("the API server is well again", site.cluster.ready)
        changed(site, "AfterEtcd")


def test_watches_are_cut(site: Site, tmp_path: Path) -> None:
    """By what stands between: connections end, then nobody answers for a while."""
    cluster = site.cluster
    (port,) = free_ports(1)
    config = tmp_path / "through.kubeconfig"
    config.touch(0o600)
    config.write_text(
        cluster.kubeconfig.read_text().replace(cluster.url, f"https://127.0.0.1:{port}")
    )

    def between() -> Proxy:
        made = Proxy(("127.0.0.1", port), [("127.0.0.1", cluster.port)])
        made.start()
        return made

    proxy = between()
    try:
        with site.manager(kubeconfig=config) as manager:
            watched = Watched(site, manager)
            with under_load(*watched.all):
                for name, pause in (("AfterCut", 0.0), ("AfterSilence", 2.0)):
                    proxy.stop()
                    time.sleep(pause)
                    assert manager.ready()
                    proxy = between()
                    changed(site, name)
            watched.judge()
    finally:
        proxy.stop()


def test_the_certificate_expires(site: Site) -> None:
    """As if time had passed: what the Secret holds is of yesterday."""
    cluster = site.cluster
    kept = cluster.get("secret", KEPT_IN, "-n", HOME)["data"]
    authority = pem.Pair(
        base64.b64decode(kept["ca.crt"]), base64.b64decode(kept["ca.key"])
    )
    now = datetime.datetime.now(datetime.UTC)
    expired = pem.issue(
        authority,
        [f"{SERVICE}.{HOME}.svc"],
        now=now - datetime.timedelta(days=2),
        lifetime=datetime.timedelta(days=1),
        organization="gatekeeper",
    )

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    with loaded(site) as watched:
        data = {
            "tls.crt": encoded(expired.certificate),
            "tls.key": encoded(expired.key),
        }
        cluster.kubectl(
            *("patch", "secret", KEPT_IN, "-n", HOME, "--type=merge", "-p"),
            yaml.safe_dump({"data": data}),
        )
        timed(
            "a certificate that is valid, in the Secret",
            lambda: (
                cluster.get("secret", KEPT_IN, "-n", HOME)["data"]["tls.crt"]
                != data["tls.crt"]
            ),
        )
        timed("it decides", decides(watched.manager, site))
        before = watched.writes.counts["policed"]
        until(
            "through the API server", lambda: watched.writes.counts["policed"] > before
        )


def test_cpu_is_starved(site: Site) -> None:
    """A fifth of a core for the whole pod, at 50 requests a second, policies changing."""
    with loaded(site, rate=50.0) as watched:
        with starving(watched.manager.process.pid, 0.2) as how:
            print(f"starved by {how}")
            time.sleep(3)
            changed(site, "Starved")
            time.sleep(3)
        timed("it decides", decides(watched.manager, site))


def test_three_replicas_write_statuses(site: Site) -> None:
    cluster = site.cluster
    names = [f"bad{number}" for number in range(5)]
    others = "manager-1", "manager-2"
    for name in others:
        pod(cluster, name)
    with loaded(site, rate=15.0), contextlib.ExitStack() as stack:
        for name in others:
            stack.enter_context(site.manager(name=name, workers=1))

        def all_told() -> bool:
            found = [(name, f"bad-{name[3:]}") for name in names]
            return all(enforced(cluster, *one, pods=3) for one in found)

        timed("three pods have told", all_told)
        patches = [
            (name, f'{{"spec":{{"parameters":{{"round":{number}}}}}}}')
            for number in range(6)
            for name in names
        ]

        def patch(mine: list[tuple[str, str]]) -> None:
            for name, text in mine:
                what = name, f"bad-{name[3:]}"
                cluster.kubectl("patch", *what, "--type=merge", "-p", text)

        threads = [
            threading.Thread(target=patch, args=[patches[n::3]]) for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        timed("all three have told of the last change", all_told)
    for name in others:
        cluster.kubectl("delete", "pod", name, "-n", HOME, "--force")


def established(cluster: Cluster) -> set[str]:
    """The names of constraint definitions that are served."""
    return {
        one["metadata"]["name"]
        for one in cluster.listed("crd", "-l", "gatekeeper.sh/constraint=yes")
        for condition in (one.get("status") or {}).get("conditions") or ()
        if condition["type"] == "Established" and condition["status"] == "True"
    }


def told_enforced(cluster: Cluster) -> int:
    """Of how many constraints the pod says that it enforces them."""
    found = cluster.listed("constraintpodstatuses", "-n", HOME)
    return sum((one.get("status") or {}).get("enforced") is True for one in found)


def test_many_at_once(site: Site) -> None:
    """500 templates and 1,000 constraints, under load; then a pod begins with them."""
    many_at_once(site, 500)


def many_at_once(
    site: Site, count: int, tell: Callable[[Manager], None] = lambda _: None
) -> None:
    """Templates, each with two constraints; then a pod that begins with them.

    `tell` is called with the manager that enforces them, and with its successor."""
    cluster = site.cluster
    many = [f"Many{number}" for number in range(count)]
    with loaded(site, rate=15.0) as watched:
        started = time.monotonic()

        def since(what: str) -> None:
            print(f"{what}: {time.monotonic() - started:.1f} s after the first")

        create_all(cluster, TEMPLATES, [template(kind, bad(0)) for kind in many])
        since(f"{count} templates created")
        names = {f"{one.lower()}.constraints.gatekeeper.sh" for one in many}
        until(
            "all definitions are served",
            lambda: names <= established(cluster),
            seconds=60 + count,
        )
        since("their definitions served")
        for number in range(2):
            made = [
                constraint(kind, f"{kind.lower()}-{number}", kinds=["Secret"])
                for kind in many
            ]
            create_all(cluster, CONSTRAINTS, made)
        since("two constraints of each created")
        until(
            "all enforced",
            lambda: told_enforced(cluster) >= 2 * count + POLICIES,
            seconds=60 + count,
        )
        since("all enforced")
        until(
            "told",
            lambda: enforced(cluster, many[-1].lower(), f"{many[-1].lower()}-1"),
            seconds=60 + count,
        )
        since("and the last one's status says so")
        tell(watched.manager)
        os.kill(watched.manager.process.pid, signal.SIGKILL)
        with site.manager(ready=False) as second:
            watched.manager = second
            timed("a pod that begins with them is ready", second.ready, seconds=120)
            timed("it decides", decides(second, site))
            tell(second)
