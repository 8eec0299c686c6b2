"""Keeps the webhook configuration to what policies need: which requests are sent, and
which of them must not pass while nobody answers.

What is written is a pure function of the configuration that is there and of what this
pod's policies need.  It grows at once.  It shrinks late, and in two steps: what it is to
become is announced in an annotation; every pod then counts a constraint as enforced only
if the announced state covers it too; and only when nobody has objected to that for a
while is it written.  One replica writes, the holder of a Lease; it leaves its name in the
configuration, so a write that a former holder had begun finds another version there and
fails.  A holder that is paused or gone delays both; nobody reports enforced meanwhile
what is not sent.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from gatewright.controllers.keeping import Keeping
from gatewright.controllers.reach import EVERYTHING, NOTHING, Reach, Wish
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.items import Item
from gatewright.kube.lease import Lease
from gatewright.kube.reflector import Reflector, Selection
from gatewright.kube.resource import Resource
from gatewright.telemetry.log import Log

__all__ = ["FAIL_CLOSED", "Keeper", "View", "read", "written"]

VALIDATING: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
MUTATING: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
MAIN: Final = "validation.gatekeeper.sh"
MAIN_MUTATING: Final = "mutation.gatekeeper.sh"
#: The webhook that fails closed, for what a deny constraint can match.
FAIL_CLOSED: Final = "fail-closed.validation.gatekeeper.sh"
SENT: Final = "what-policies-match"
OPEN: Final = "not-what-fails-closed"
CLOSED: Final = "what-deny-constraints-match"
KEPT_BY: Final = "gatewright.dev/rules-kept-by"
ANNOUNCED: Final = "gatewright.dev/rules-to-become"
#: Policies themselves are always sent: they are validated.
_OWN: Final = "request.kind.group.endsWith('.gatekeeper.sh') || "
LEASE: Final = "gatewright-webhook-rules"
LEASE_MUTATING: Final = "gatewright-mutating-webhook-rules"
#: Seconds for which a configuration has to be seen before it counts: API servers hear
#: of it as we do, by a watch, in milliseconds.
SEEN_FOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class View:
    """A configuration as it is: what it gives, what it is to give (None: the same),
    who wrote it; `whole` is false where it is not as this module would write it."""

    gives: Wish
    announced: Wish | None = None
    by: str = ""
    whole: bool = True

    def covers(self, need: Wish) -> bool:
        """Whether this gives what is needed, and goes on to."""
        return self.gives >= need and (self.announced is None or self.announced >= need)


def read(config: Mapping[str, Any], keeping: Keeping) -> View:
    """What a configuration gives.  What is not in our words counts as nothing."""
    webhooks = {one["name"]: one for one in config.get("webhooks") or ()}
    notes = config["metadata"].get("annotations") or {}
    name = main_of(keeping)
    if name not in webhooks:  # then nobody calls, and there is nothing to keep
        return View(Wish(EVERYTHING, EVERYTHING), None, notes.get(KEPT_BY, ""))
    main = conditions(webhooks[name])
    sent: Reach | None = EVERYTHING
    whole = True
    if keeping.narrow:
        sent = parsed(main.get(SENT, "true"))
        whole = SENT in main
    closed = EVERYTHING
    if keeping.hybrid:
        kept_open = main.get(OPEN, "true")
        shut = webhooks.get(FAIL_CLOSED)
        left_out = "true"  # all is sent to the main one
        if shut is not None:
            said = conditions(shut).get(CLOSED, "true")
            found = Reach.parse(said) or NOTHING
            closed = found if shut.get("rules") else NOTHING
            left_out = f"!({closed.expression()})"
            whole = (
                whole
                and shut.get("rules") == webhooks[name].get("rules")
                and said == found.expression()
                and CLOSED in conditions(shut)
            )
        whole = whole and kept_open == left_out
        if kept_open not in ("true", left_out):
            sent = None  # something may be sent to neither
    return View(
        Wish(NOTHING if sent is None else sent, closed),
        announcement(notes.get(ANNOUNCED)),
        notes.get(KEPT_BY, ""),
        whole and sent is not None,
    )


def main_of(keeping: Keeping) -> str:
    """The name of the webhook that is called for everything else."""
    return MAIN_MUTATING if keeping.mutating else MAIN


def conditions(webhook: Mapping[str, Any] | None) -> dict[str, str]:
    listed = (webhook or {}).get("matchConditions") or ()
    return {one["name"]: one["expression"] for one in listed}


def parsed(expression: str) -> Reach | None:
    if expression == "true":
        return EVERYTHING
    if not expression.startswith(_OWN):
        return None
    return Reach.parse(expression.removeprefix(_OWN))


def announcement(text: str | None) -> Wish | None:
    """What is announced; what can't be read announces that nothing will be sent."""
    if text is None:
        return None
    sent, _, closed = text.partition("; ")
    return Wish(Reach.parse(sent) or NOTHING, Reach.parse(closed) or NOTHING)


def written(config: Mapping[str, Any], keeping: Keeping, view: View) -> dict[str, Any]:
    """The configuration that `read` would read as `view`."""
    out: dict[str, Any] = copy.deepcopy(dict(config))
    webhooks = {one["name"]: one for one in out.get("webhooks") or ()}
    notes = dict(out["metadata"].get("annotations") or {})
    notes[KEPT_BY] = view.by
    notes.pop(ANNOUNCED, None)
    if view.announced is not None:
        shown = view.announced
        notes[ANNOUNCED] = f"{shown.sent.expression()}; {shown.closed.expression()}"
    out["metadata"]["annotations"] = notes
    main = webhooks.get(main_of(keeping))
    if main is None:
        return out
    if keeping.narrow:
        sent = view.gives.sent
        all_of_it = sent == EVERYTHING
        put(main, SENT, "true" if all_of_it else _OWN + sent.expression())
    shut = webhooks.get(FAIL_CLOSED)
    if keeping.hybrid and shut is None:
        put(main, OPEN, "true")
    elif keeping.hybrid and shut is not None:
        closed = view.gives.closed.expression()
        shut["rules"] = main.get("rules") or []
        put(shut, CLOSED, closed)
        put(main, OPEN, f"!({closed})")
    return out


def put(webhook: dict[str, Any], name: str, expression: str) -> None:
    """Set a match condition, where it stands or at the end."""
    listed = webhook.setdefault("matchConditions", [])
    for one in listed:
        if one["name"] == name:
            one["expression"] = expression
            return
    listed.append({"name": name, "expression": expression})


@dataclass(slots=True)
class Keeper:
    """One per pod: `run` it in the loop of the link.  `wish` is set from elsewhere, by
    `want`; `changed` is called when `covers` may answer otherwise than before."""

    keeping: Keeping
    pod: str
    namespace: str
    log: Log
    changed: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    wish: Wish | None = None
    config: Mapping[str, Any] | None = None
    views: tuple[View, ...] = ()
    listed: bool = False
    fresh: bool = False
    spare: Wish | None = None
    spare_since: float = 0.0
    announced: Wish | None = None
    announced_since: float = 0.0
    problem: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop | None = None

    @property
    def resource(self) -> Resource:
        return MUTATING if self.keeping.mutating else VALIDATING

    # From other threads -----------------------------------------------------------

    def want(self, wish: Wish) -> None:
        """What this pod's policies need from now on; all of them have to be known."""
        if wish == self.wish:
            return
        self.wish = wish
        loop = self.loop
        if loop is not None:
            loop.call_soon_threadsafe(self.moved.set)

    def covers(self, need: Wish) -> bool:
        """Whether requests that need it are sent (and fail closed) as they should.  Where
        there is no configuration there is nothing to be waited for."""
        wanted = replace(
            need,
            sent=need.sent if self.keeping.narrow else NOTHING,
            closed=need.closed if self.keeping.hybrid else NOTHING,
        )
        return self.listed and all(view.covers(wanted) for view in self.views)

    # In the loop ----------------------------------------------------------------------

    async def run(self, client: Client) -> None:
        """Never ends by itself; cancel it, and the Lease is let go."""
        self.loop = asyncio.get_running_loop()
        selection = Selection(fields=f"metadata.name={self.keeping.configuration}")
        reflector = Reflector(client, self.resource, self, selection=selection)
        name = LEASE_MUTATING if self.keeping.mutating else LEASE
        lease = Lease(
            client, name, self.namespace, self.pod, duration=6.0, clock=self.clock
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(reflector.run())
                group.create_task(self.contend(lease))
                while True:
                    try:
                        async with asyncio.timeout(1.0):
                            await self.moved.wait()
                    except TimeoutError:
                        pass
                    self.moved.clear()
                    well = reflector.state.synced and not reflector.state.error
                    if well and lease.held():
                        await self.look(client, lease)
        finally:
            await lease.release()

    async def contend(self, lease: Lease) -> None:
        while True:
            before = lease.held()
            if await lease.attempt() and not before:
                self.spare = self.announced = None
                self.log.info("keeps the webhook's rules", lease=lease.name)
                self.moved.set()
            await asyncio.sleep(lease.duration / 4)

    async def look(self, client: Client, lease: Lease) -> None:
        """Write what is due, if anything is."""
        config, wish = self.config, self.wish
        if config is None or wish is None:
            return
        due = self.due(read(config, self.keeping), wish)
        if due is None or not lease.held():
            return
        try:
            body = written(config, self.keeping, due)
            await client.replace(self.resource, body, self.keeping.configuration)
            self.problem = ""
        except (ApiError, Unreachable) as error:
            # A conflict: it is about to be seen.  Another replica may keep it by now.
            conflict = isinstance(error, ApiError) and error.conflict
            if not conflict and str(error) != self.problem:
                self.problem = str(error)
                self.log.error("webhook rules can't be written", error=self.problem)
        else:
            self.log.info(
                "webhook rules",
                configuration=self.keeping.configuration,
                sent=due.gives.sent.expression(),
                closed=due.gives.closed.expression(),
                announced=due.announced is not None,
            )

    def due(self, view: View, wish: Wish) -> View | None:
        """What is to be written now; None for nothing."""
        now = self.clock()
        wish = Wish(
            wish.sent if self.keeping.narrow else EVERYTHING,
            wish.closed if self.keeping.hybrid else EVERYTHING,
        )
        there = View(view.gives, None, self.pod)
        if not view.whole or view.by != self.pod or not view.gives >= wish:
            return replace(there, gives=view.gives | wish)
        if wish == view.gives:
            return None if view.announced is None else there
        if self.spare != wish:
            self.spare, self.spare_since = wish, now
        if now - self.spare_since < self.keeping.patience:
            return None if view.announced is None else there
        if view.announced != wish:
            return replace(there, announced=wish)
        if self.announced != wish:
            self.announced, self.announced_since = wish, now
        if now - self.announced_since < self.keeping.notice:
            return None
        return replace(there, gives=wish)

    # A sink of the watch ------------------------------------------------------------

    async def begin(self) -> None:
        self.fresh = False

    async def put(self, item: Item) -> None:
        self.fresh = True
        config = orjson.loads(item.data)
        self.config = config
        self.see(read(config, self.keeping))

    async def end(self) -> None:
        if not self.fresh:
            self.config, self.views = None, ()
        if not self.listed or not self.fresh:
            self.listed = True
            self.changed()

    async def gone(self, item: Item) -> None:  # noqa: ARG002 - a sink's
        self.fresh = False
        await self.end()

    def see(self, view: View) -> None:
        """What was seen before counts too, until this has stood for a while."""
        self.moved.set()
        if self.views and self.views[-1] == view:
            return
        self.views = (*self.views, view)
        self.changed()
        assert self.loop is not None
        self.loop.call_later(SEEN_FOR, self.settle, view)

    def settle(self, view: View) -> None:
        if self.views and self.views[-1] is view and len(self.views) > 1:
            self.views = (view,)
            self.changed()
