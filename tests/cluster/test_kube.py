"""The API client against the real API server."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gatewright.audit.origin import Listed
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from gatewright.kube import settings
from gatewright.kube.client import Client
from gatewright.kube.discovery import discover, find_resource
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.items import Item
from gatewright.kube.lease import LEASES, Lease
from gatewright.kube.listing import pages
from gatewright.kube.reflector import Reflector, Selection
from gatewright.kube.resource import Resource
from gatewright.telemetry.log import Log
from tests.cluster.server import Cluster

pytestmark = pytest.mark.cluster

MAPS = Resource("", "v1", "configmaps", "ConfigMap")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
WITHIN = 60.0


class Kept:
    """A sink: what there is, and what happened."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.fresh: dict[tuple[str, str], Item] | None = None
        self.lists = 0

    async def begin(self) -> None:
        self.fresh = {}

    async def put(self, item: Item) -> None:
        (self.items if self.fresh is None else self.fresh)[item.key] = item

    async def end(self) -> None:
        assert self.fresh is not None
        self.items, self.fresh = self.fresh, None
        self.lists += 1

    async def gone(self, item: Item) -> None:
        self.items.pop(item.key, None)

    def names(self) -> set[str]:
        return {name for _, name in self.items}


async def until(what: str, condition: Callable[[], Any]) -> None:
    end = asyncio.get_running_loop().time() + WITHIN
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"not within {WITHIN} s: {what}"
        await asyncio.sleep(0.02)


def on(cluster: Cluster, test: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        client = Client(await settings.load(cluster.kubeconfig))
        try:
            await test(client)
        finally:
            await client.close()

    asyncio.run(main())


def space(cluster: Cluster, name: str) -> str:
    cluster.kubectl("create", "namespace", name)
    return name


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }


def test_objects_are_written_and_refusals_told_apart(cluster: Cluster) -> None:
    home = space(cluster, "kube-writes")

    async def test(client: Client) -> None:
        await client.create(MAPS, config_map("a", k="1"), home)
        with pytest.raises(ApiError) as again:
            await client.create(MAPS, config_map("a"), home)
        first = json.loads(await client.get(MAPS, "a", home))
        await client.patch(MAPS, {"data": {"k": "2"}}, "a", home)
        with pytest.raises(ApiError) as stale:
            await client.replace(MAPS, first, "a", home)
        with pytest.raises(ApiError) as other:
            await client.delete(MAPS, "a", home, uid="not-this-one")
        await client.delete(MAPS, "a", home, uid=first["metadata"]["uid"])
        with pytest.raises(ApiError) as absent:
            await client.get(MAPS, "a", home)

        assert again.value.exists
        assert not again.value.conflict
        assert stale.value.conflict
        assert other.value.conflict
        assert absent.value.not_found
        assert str(absent.value) == 'configmaps "a" not found'

    on(cluster, test)


def test_certificates_without_key_identifiers_are_believed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Go does, and so everybody else who asks an API server; Python asks for them
    from 3.13 on, as here with any.  This cluster's have none, as those of many."""
    make = ssl.create_default_context

    def strictly(**how: Any) -> ssl.SSLContext:
        context = make(**how)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strictly)

    async def test(client: Client) -> None:
        assert (
            json.loads(await client.get(NAMESPACES, "default"))["kind"] == "Namespace"
        )

    on(cluster, test)


def test_a_list_comes_in_pages_of_one_moment(cluster: Cluster) -> None:
    home = space(cluster, "kube-pages")

    async def test(client: Client) -> None:
        for n in range(5):
            await client.create(MAPS, config_map(f"m{n}"), home)
        found = [
            page
            async for page in pages(
                client, MAPS, namespace=home, fields="metadata.name!=m3", size=2
            )
        ]

        assert [len(page.items) for page in found][:2] == [2, 2]
        assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
        assert len({page.resource_version for page in found}) == 1
        names = [item.metadata.name for page in found for item in page.items]
        assert [name for name in names if name[0] == "m"] == ["m0", "m1", "m2", "m4"]

    on(cluster, test)


def test_a_reflector_follows_one_kind(cluster: Cluster) -> None:
    home = space(cluster, "kube-follow")

    async def test(client: Client) -> None:
        for n in range(3):
            await client.create(MAPS, config_map(f"m{n}"), home)
        kept = Kept()
        chosen = Selection(home, fields="metadata.name!=kube-root-ca.crt")
        reflector = Reflector(client, MAPS, kept, selection=chosen, page=2)
        task = asyncio.create_task(reflector.run())
        await until("synced", lambda: reflector.state.synced)
        assert kept.names() == {"m0", "m1", "m2"}

        big = "x" * ((1 << 20) - 1)
        await client.create(MAPS, config_map("big", k=big), home)
        await client.delete(MAPS, "m1", home)
        await until("both", lambda: kept.names() == {"m0", "m2", "big"})

        assert json.loads(kept.items[home, "big"].data)["data"]["k"] == big
        assert kept.lists == 1
        assert reflector.state.error == ""
        task.cancel()

    on(cluster, test)


def test_a_watch_whose_moment_is_gone_lists_again(
    start_cluster: Callable[..., Cluster],
) -> None:
    cluster = start_cluster(controllers=False)

    async def test(client: Client) -> None:
        await client.create(MAPS, config_map("kept"), "default")
        kept = Kept()
        reflector = Reflector(client, MAPS, kept, selection=Selection("default"))
        await reflector.list()

        # The server goes and comes back: nothing that is there is ever missing.
        task = asyncio.create_task(reflector.run())
        await until("synced", lambda: kept.lists == 2)
        cluster.apiserver.stop(signal.SIGKILL)
        await until("noticed", lambda: reflector.state.error)
        assert kept.names() >= {"kept"}
        cluster.apiserver.start()
        await until("API", cluster.ready)
        await client.create(MAPS, config_map("later"), "default")
        await until("caught up", lambda: "later" in kept.names())
        assert kept.names() >= {"kept"}
        assert reflector.state.error == ""
        task.cancel()

        with pytest.raises(ApiError) as error:
            await asyncio.wait_for(reflector.watch("1"), WITHIN)
        assert error.value.expired

    on(cluster, test)


def test_a_list_whose_moment_is_gone_in_the_middle_begins_again(
    start_cluster: Callable[..., Cluster],
) -> None:
    """410 on the second page: nothing is taken away by what came, all is there in the
    end; and audit's reading of a kind has each object once."""
    cluster = start_cluster(controllers=False)

    async def forget(client: Client, name: str) -> None:
        """The moment of a list that goes on, by a change after it."""
        made = json.loads(await client.create(MAPS, config_map(name), "default"))
        await asyncio.to_thread(
            cluster.forget, int(made["metadata"]["resourceVersion"])
        )

    class Interrupted(Kept):
        """In its first list, after its first object."""

        def __init__(self, client: Client) -> None:
            super().__init__()
            self.client = client
            self.begun = 0

        async def begin(self) -> None:
            await super().begin()
            self.begun += 1

        async def put(self, item: Item) -> None:
            await super().put(item)
            if self.begun == 1 and self.fresh is not None and len(self.fresh) == 1:
                assert self.lists == 0
                await forget(self.client, "later")

    async def test(client: Client) -> None:
        for n in range(4):
            await client.create(MAPS, config_map(f"m{n}"), "default")
        kept = Interrupted(client)
        reflector = Reflector(
            client, MAPS, kept, selection=Selection("default"), page=1
        )
        task = asyncio.create_task(reflector.run())
        await until("synced", lambda: reflector.state.synced)
        task.cancel()
        assert reflector.state.expired >= 1
        assert kept.begun == reflector.state.expired + 1
        assert kept.lists == 1
        assert kept.names() >= {"m0", "m1", "m2", "m3", "later"}

        listed = Listed(client, Snapshot(PolicySet().build()), size=2, log=Log("test"))
        names: list[str] = []
        async for item in listed.items(MAPS):
            names.append(item.metadata.name)
            if len(names) == 1:
                await forget(client, "latest")
        assert len(names) == len({*names})
        assert {*names} >= {"m0", "m1", "m2", "m3", "later", "latest"}

    on(cluster, test)


def test_a_kind_that_may_not_be_listed_is_named(cluster: Cluster) -> None:
    home = space(cluster, "kube-forbidden")
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", home)
    config = cluster.account_config(home, "nobody")

    async def main() -> None:
        client = Client(await settings.load(config))
        kept = Kept()
        reflector = Reflector(client, MAPS, kept)
        task = asyncio.create_task(reflector.run())
        await until("refused", lambda: reflector.state.error)
        assert reflector.state.status == 403
        assert not reflector.state.synced
        assert kept.lists == 0
        assert 'cannot list resource "configmaps"' in reflector.state.error
        task.cancel()
        await client.close()

    asyncio.run(main())


def test_discovery_names_an_api_that_does_not_answer(cluster: Cluster) -> None:
    cluster.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1.nowhere.example.org"},
            "spec": {
                "group": "nowhere.example.org",
                "version": "v1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "nowhere", "namespace": "default"},
            },
        }
    )

    async def test(client: Client) -> None:
        for _ in range(600):
            found = await discover(client)
            if found.failed:
                break
            await asyncio.sleep(0.1)
        kinds = {one.gvk for one in found.resources}

        assert found.failed == {"nowhere.example.org/v1": "its server does not answer"}
        assert ("", "v1", "Pod") in kinds
        assert ("apps", "v1", "Deployment") in kinds
        # One kind in two groups: both are there.
        assert {g for g, _, kind in kinds if kind == "Event"} == {"", "events.k8s.io"}
        with pytest.raises((ApiError, Unreachable)):
            await find_resource(client, "nowhere.example.org", "v1", "Thing")
        assert await find_resource(client, "", "v1", "Thing") is None
        pod = await find_resource(client, "", "v1", "Pod")
        assert pod is not None
        assert pod.path("p", "n", "status") == "/api/v1/namespaces/n/pods/p/status"

    try:
        on(cluster, test)
    finally:
        cluster.kubectl("delete", "apiservice", "v1.nowhere.example.org")


class Clock:
    """A replica's steady clock; it starts anywhere."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_lease_is_judged_by_change_seen_not_by_clocks(cluster: Cluster) -> None:
    home = space(cluster, "kube-lease")

    async def test(client: Client) -> None:
        # b's wall clock and steady clock have nothing to do with a's.
        clocks = Clock(1000.0), Clock(9_000_000.0)
        a = Lease(client, "duty", home, "a", 10.0, clocks[0])
        b = Lease(client, "duty", home, "b", 10.0, clocks[1])
        assert await a.attempt()
        assert not await b.attempt()  # sees it for the first time, however old
        clocks[1].now += 9
        assert not await b.attempt()
        clocks[0].now += 4
        assert await a.attempt()  # a change
        clocks[1].now += 9
        assert not await b.attempt()  # it starts to count anew
        clocks[1].now += 9
        assert not await b.attempt()

        clocks[0].now += 8  # a is paused: what it holds it does not trust any more
        assert not a.held()
        clocks[1].now += 2
        assert await b.attempt()
        assert not await a.attempt()
        assert b.held()

        await b.release()
        assert not b.held()
        assert await a.attempt()
        spec = json.loads(await client.get(LEASES, "duty", home))["spec"]
        assert spec["holderIdentity"] == "a"

    on(cluster, test)


def test_of_two_that_claim_at_once_one_wins(cluster: Cluster) -> None:
    home = space(cluster, "kube-race")

    async def test(client: Client) -> None:
        rivals = [Lease(client, "duty", home, name) for name in "abcdef"]
        won = await asyncio.gather(*(one.attempt() for one in rivals))
        assert sum(won) == 1

    on(cluster, test)
