"""All that waits for the API server, in one event loop on a thread of its own.

The policy thread tells what it wants by the methods of `Link`; what the cluster holds
comes back through the feed.  Nothing here decides about policies.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from gatewright.controllers.definitions import Definitions, WantedDefinition
from gatewright.controllers.feed import Change, Feed, Kind
from gatewright.controllers.follower import Follower, TeeSink
from gatewright.controllers.kinds import POD, TEMPLATE, followed
from gatewright.controllers.operations import GENERATE, Operations
from gatewright.controllers.podstatus import Pod, Told
from gatewright.controllers.statuses import ParentKey, Statuses
from gatewright.kube import settings
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.reflector import Sink
from gatewright.kube.resource import Resource
from gatewright.telemetry.log import Log

__all__ = ["Beside", "Link", "LinkSettings", "Vitals"]

TRY_EVERY: Final = 1.0
#: Seconds that an end may take.
STOP_WITHIN: Final = 3.0
#: Something that runs for ever beside the watches.
Beside: TypeAlias = Callable[[Client], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """`kubeconfig`: None for what the environment says; `fake_pod`: there is no Pod
    object of ours."""

    pod: str
    namespace: str
    operations: Operations = field(default_factory=Operations)
    kubeconfig: Path | None = None
    fake_pod: bool = False


@dataclass(slots=True)
class Vitals:
    """How the link fares, for metrics."""

    silence: float = 0.0
    intended: int = 0
    watched: int = 0
    queued: int = 0
    conflicts: int = 0


class Link:
    """One per process; `start` it once.  `beside` runs in the same loop.  `problem` says why there is no connection
    yet, `failure` what ended the loop."""

    def __init__(
        self,
        options: LinkSettings,
        feed: Feed,
        log: Log,
        *,
        beside: Sequence[Beside] = (),
    ) -> None:
        self.options = options
        self.beside = beside
        self.feed = feed
        self.log = log
        self.problem = ""
        self.failure: BaseException | None = None
        self.template_errors: dict[str, str] = {}
        self.vitals = Vitals()
        self.fixed = [
            (one.resource.group, "", one.resource.kind)
            for one in followed(options.operations, options.namespace)
        ]
        self.loop: asyncio.AbstractEventLoop | None = None
        self.statuses: Statuses | None = None
        self.follower: Follower | None = None
        self.definitions: Definitions | None = None
        self.pending: list[Callable[[], None]] = []
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, name="cluster", daemon=True)
        self.cancel: Callable[[], object] | None = None
        self.stopping = False

    def start(self) -> None:
        """Begin."""
        self.thread.start()

    def stop(self) -> None:
        """End the loop and let go what others wait for; waits for that, but not long.
        Nothing may be told afterwards."""
        with self.lock:
            self.stopping = True
            cancel = self.cancel
        if cancel is not None:
            cancel()
            self.thread.join(STOP_WITHIN)

    # From the policy thread ---------------------------------------------------------

    def want(self, wanted: Mapping[str, WantedDefinition]) -> None:
        """The CRDs of the templates in force, by name; their constraints are
        followed."""

        def act() -> None:
            assert self.definitions is not None
            assert self.follower is not None
            self.definitions.want(wanted)
            self.follower.follow_constraints(one.kind for one in wanted.values())

        self._call(act)

    def follow_data(self, kinds: Iterable[Kind], *, again: bool) -> None:
        """The kinds of referential data; see `Follower`."""
        chosen = tuple(kinds)

        def act() -> None:
            assert self.follower is not None
            self.follower.follow_data(chosen, again=again)

        self._call(act)

    def tell(self, told: list[Told], gone: list[ParentKey]) -> None:
        """What there is to tell of policy objects."""

        def act() -> None:
            assert self.statuses is not None
            self.statuses.tell(told, gone)

        self._call(act)

    def settle(self) -> None:
        """All was told once."""

        def act() -> None:
            assert self.statuses is not None
            self.statuses.settle()

        self._call(act)

    def _call(self, act: Callable[[], None]) -> None:
        with self.lock:
            if self.follower is None or self.loop is None:
                self.pending.append(act)
                return
        self.loop.call_soon_threadsafe(act)

    # In the loop ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._until_stopped())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that can end the process
            if not self.stopping:
                self.failure = error
                self.feed.tell(Change(("", "", "link"), "failed", error=repr(error)))

    async def _until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        main = asyncio.ensure_future(self._main())
        with self.lock:
            if self.stopping:
                main.cancel()
            self.cancel = lambda: loop.call_soon_threadsafe(main.cancel)
        await main

    async def _main(self) -> None:
        client = await self._connect()
        try:
            await self._follow(client)
        finally:
            await client.close()

    async def _follow(self, client: Client) -> None:
        options = self.options
        async with asyncio.TaskGroup() as group:
            for run in self.beside:
                group.create_task(run(client))
            pod = Pod(
                options.pod,
                options.namespace,
                await self._pod_uid(client),
                options.operations.names,
            )

            def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
                return group.create_task(work)

            statuses = Statuses(
                client, pod, options.operations, failed=self._status_failed
            )
            definitions = Definitions(
                client,
                write=GENERATE in options.operations,
                moved=lambda: follower.match_definitions(),
                failed=self._definition_failed,
            )

            def wrap(resource: Resource, sink: Sink) -> Sink:
                parents = statuses.parent_sink(resource)
                return sink if parents is None else TeeSink(parents, sink)

            follower = Follower(client, self.feed, definitions, wrap=wrap, spawn=spawn)
            follower.start(followed(options.operations, options.namespace))
            for resource, sink, selection in statuses.watches():
                kind = (resource.group, "", resource.kind)
                follower.watch(kind, resource, sink, selection, optional=True)
            spawn(definitions.queue.run())
            spawn(statuses.own.run())
            spawn(statuses.all.run())
            spawn(follower.look())
            self.statuses, self.definitions = statuses, definitions
            with self.lock:
                self.loop = asyncio.get_running_loop()
                self.follower = follower
                pending, self.pending = self.pending, []
            for act in pending:
                act()
            self.problem = ""
            while True:
                self._measure(statuses, definitions, follower)
                await asyncio.sleep(1.0)

    def _measure(
        self, statuses: Statuses, definitions: Definitions, follower: Follower
    ) -> None:
        counts = follower.counts()
        queues = (statuses.own, statuses.all, definitions.queue)
        self.vitals = Vitals(
            follower.silence(time.time()),
            counts["intended"],
            counts["watched"],
            sum(one.depth() for one in queues),
            sum(one.failures for one in queues),
        )

    def _status_failed(self, key: tuple[str, ...], error: Exception) -> None:
        self.log.error(
            "status can't be written; it is tried again",
            object=" ".join(key),
            error=str(error),
        )

    def _definition_failed(self, template: str, error: str) -> None:
        """Tell the policy thread that a template's CRD can't be written."""
        if self.template_errors.get(template, "") == error:
            return
        if error:
            self.log.error(
                "constraint CRD can't be written", template=template, error=error
            )
            self.template_errors[template] = error
        else:
            del self.template_errors[template]
        self.feed.tell(Change((TEMPLATE.group, "", "written"), "end"))

    async def _connect(self) -> Client:
        while True:
            try:
                configuration = await settings.load(self.options.kubeconfig)
                client = Client(configuration)
                await client.request("GET", "/version", within=5.0)
            except (settings.SettingsError, ApiError, Unreachable) as error:
                if self.problem != str(error):
                    self.problem = str(error)
                    self.log.error("no API server", error=self.problem)
                await asyncio.sleep(TRY_EVERY)
            else:
                self.log.info("connected", server=configuration.host)
                return client

    async def _pod_uid(self, client: Client) -> str:
        options = self.options
        if options.fake_pod:
            return ""
        while True:
            try:
                text = await client.get(POD, options.pod, options.namespace)
                return str(orjson.loads(text)["metadata"]["uid"])
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and (error.not_found or error.forbidden):
                    self.log.warning(
                        "our Pod can't be read: statuses that this pod writes will "
                        "stay when it goes",
                        pod=options.pod,
                        namespace=options.namespace,
                        error=str(error),
                    )
                    return ""
                self.problem = str(error)
                await asyncio.sleep(TRY_EVERY)
