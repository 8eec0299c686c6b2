"""One round of audit: reads, judges, and writes what came of it."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatewright.audit import report, scope
from gatewright.audit.examiner import Examiner, UnreadableError
from gatewright.audit.gaps import written_in
from gatewright.audit.options import Options
from gatewright.audit.origin import Listed, Origin
from gatewright.audit.scope import Unread
from gatewright.audit.tally import Tally, Violation, truncated
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.crd import CONSTRAINT_GROUP
from gatewright.constraints.judge import Result, ReviewFailed
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.reviews import Reviewer
from gatewright.kube.client import MERGE_PATCH, Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.heartbeat import Gap
from gatewright.kube.items import Item
from gatewright.kube.resource import Resource
from gatewright.telemetry.log import Log

__all__ = ["Outcome", "Round"]

EVENTS: Final = Resource("", "v1", "events", "Event")
#: Objects named one by one as not judged; what is beyond is said of the kind.
NAMED_MAX: Final = 100
#: Statuses written at a time.
WRITERS: Final = 8
IN_GAPS_COMPLETE: Final = "auditing of what was written in gaps is complete"
#: Objects between two looks at what else the loop has to do.
BREATH: Final = 50

Plain = Callable[[Any], Any]


@dataclass(slots=True)
class Outcome:
    """What a round came to.  `unread` is empty when all was read and judged."""

    audit_id: str
    tally: Tally
    unread: list[Unread] = field(default_factory=list)
    stopped: dict[tuple[str, str], list[Unread]] = field(default_factory=dict)
    objects: int = 0
    kinds: int = 0
    results: int = 0
    seconds: float = 0.0
    unwritten: int = 0


class Round:
    """Run it once.  `plain` makes JSON data of a violation's details; `origin`: where
    objects come from, the API server's lists if None.  With `gaps` only what was written in them is
    judged, and told in the log and events: statuses are left to a round over all."""

    def __init__(
        self,
        client: Client,
        snapshot: Snapshot,
        reviewer: Reviewer,
        *,
        options: Options,
        log: Log,
        plain: Plain,
        origin: Origin | None = None,
        gaps: Sequence[Gap] = (),
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(
            datetime.UTC
        ),
    ) -> None:
        self.client = client
        self.snapshot = snapshot
        self.options = options
        self.log = log
        self.plain = plain
        self.gaps = gaps
        self.origin = origin or Listed(client, snapshot, size=options.chunk, log=log)
        self.examiner = Examiner(
            snapshot,
            reviewer,
            steps=options.steps,
            source=self.origin.source,
        )
        self.seen = 0
        self.began = now()
        self.outcome = Outcome(
            self.began.strftime("%Y-%m-%dT%H:%M:%SZ"), Tally(options.limit)
        )

    async def run(self) -> Outcome:
        """The whole round.  Raises ApiError and Unreachable when not even the kinds
        that are served can be asked for; nothing is written then."""
        out = self.outcome
        started = time.monotonic()
        self.tell(
            "auditing constraints and violations",
            event_type="audit_started",
            semantic=True,
        )
        self.tell(f"Auditing {self.origin.how}", semantic=True)
        for gap in self.gaps:
            self.tell(
                "what was written while requests may have got no verdict comes first",
                since=gap.start.isoformat(),
                until=gap.end.isoformat(),
            )
        planned = await self.origin.scope()
        out.unread += planned.unread
        for resource in planned.resources:
            out.kinds += 1
            await self.read(resource)
        if self.origin.summary and not self.gaps:
            self.tell(self.origin.summary, semantic=True, violations=out.results)
        if not self.gaps:
            await self.write()
        out.seconds = time.monotonic() - started
        self.tell(
            "auditing is complete" if not self.gaps else IN_GAPS_COMPLETE,
            event_type="audit_finished",
            semantic=True,
            duration=f"{out.seconds:.9f}".rstrip("0").rstrip(".") + "s",
        )
        return out

    def tell(self, message: str, **fields: Any) -> None:
        self.log.info(
            message, process="audit", audit_id=self.outcome.audit_id, **fields
        )

    # Reading --------------------------------------------------------------------

    async def read(self, resource: Resource) -> None:
        """Judge the objects of a kind as they come."""
        try:
            async for item in self.origin.items(resource):
                await self.judge(resource, item)
        except (ApiError, Unreachable) as error:
            self.miss(resource, str(error))

    def miss(self, resource: Resource, reason: str) -> None:
        one = Unread(resource.group, resource.version, resource.kind, reason)
        self.outcome.unread.append(one)
        self.log.warning("kind not read", resource=str(resource), error=reason)

    async def judge(self, resource: Resource, item: Item) -> None:
        metadata = item.metadata
        self.seen += 1
        if not self.seen % BREATH:
            await asyncio.sleep(0)
        if self.gaps and not written_in(item.data, self.gaps):
            return
        home = metadata.namespace
        if not self.examiner.wanted(resource.group, resource.kind, home, metadata.name):
            return
        try:
            record = await self.origin.namespace(home) if home else None
            if home and record is None:
                return  # it went with its namespace
            examined = self.examiner.examine(
                item.data,
                group=resource.group,
                version=resource.version,
                kind=resource.kind,
                namespace=record,
            )
        except (ApiError, Unreachable, UnreadableError, ReviewFailed) as error:
            self.miss_object(resource, item, str(error).strip())
            return
        self.outcome.objects += 1
        self.outcome.results += len(examined.results)
        for result in examined.results:
            await self.count(resource, item, result, examined.metadata)

    def miss_object(self, resource: Resource, item: Item, reason: str) -> None:
        metadata = item.metadata
        self.log.warning(
            "object not judged",
            resource=str(resource),
            resource_namespace=metadata.namespace,
            resource_name=metadata.name,
            error=reason,
        )
        named = sum(1 for one in self.outcome.unread if one.name)
        if named < NAMED_MAX:
            self.outcome.unread.append(
                Unread(
                    resource.group,
                    resource.version,
                    resource.kind,
                    reason,
                    metadata.namespace,
                    metadata.name,
                )
            )
        elif named == NAMED_MAX:
            self.miss(resource, "more objects that could not be judged: see the log")

    async def count(
        self, resource: Resource, item: Item, result: Result, metadata: dict[str, Any]
    ) -> None:
        constraint = result.constraint
        key = constraint.kind, constraint.name
        violation = Violation(
            resource.group,
            resource.version,
            resource.kind,
            item.metadata.namespace,
            item.metadata.name,
            truncated(result.message),
            result.action,
            result.scoped,
        )
        if result.unevaluated:
            self.outcome.stopped.setdefault(key, []).append(
                Unread(*violation[:3], result.message, *violation[3:5])
            )
            return
        self.outcome.tally.add(key, violation)
        details = self.plain(result.details)  # null where no policy ran
        self.tell(
            violation.message,
            **report.violation_line(result, violation, details, metadata.get("labels")),
        )
        if self.options.emit_events:
            await self.emit(result, violation, metadata)

    # Writing --------------------------------------------------------------------

    async def emit(
        self, result: Result, violation: Violation, metadata: dict[str, Any]
    ) -> None:
        """Write an Event, or count on in the one of an earlier round."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        obj = report.event(
            result,
            violation,
            self.outcome.audit_id,
            namespace=self.options.namespace,
            metadata=metadata if self.options.involved_namespace else None,
            now=now,
        )
        name, home = obj["metadata"]["name"], obj["metadata"]["namespace"]
        try:
            try:
                await self.client.create(EVENTS, obj, home)
            except ApiError as error:
                if not error.exists:
                    raise
                text = await self.client.get(EVENTS, name, home)
                count = int(orjson.loads(text).get("count") or 1) + 1
                change = {
                    "count": count,
                    "lastTimestamp": now,
                    "metadata": {
                        "annotations": {"auditTimestamp": self.outcome.audit_id}
                    },
                }
                await self.client.patch(EVENTS, change, name, home)
        except (ApiError, Unreachable) as error:
            self.log.warning("event not written", event=name, error=str(error))

    async def write(self) -> None:
        """Tell every constraint what was found of it."""
        unread = scope.touched(self.snapshot, self.outcome.unread)
        for key, more in self.outcome.stopped.items():
            unread.setdefault(key, []).extend(more)
        gate = asyncio.Semaphore(WRITERS)

        async def one(constraint: Constraint) -> None:
            async with gate:
                key = constraint.kind, constraint.name
                await self.write_status(constraint, unread.get(key, []))

        await asyncio.gather(*(one(found) for found in self.snapshot.constraints))

    async def write_status(self, constraint: Constraint, unread: list[Unread]) -> None:
        key = constraint.kind, constraint.name
        outcome = self.outcome
        change = report.status(key, outcome.tally, outcome.audit_id, unread)
        plural = constraint.kind.lower()
        resource = Resource(
            CONSTRAINT_GROUP, "v1beta1", plural, constraint.kind, namespaced=False
        )
        try:
            await self.client.patch(
                resource,
                {"status": change},
                constraint.name,
                part="status",
                content_type=MERGE_PATCH,
            )
        except (ApiError, Unreachable) as error:
            if isinstance(error, ApiError) and error.not_found:
                return  # deleted meanwhile
            outcome.unwritten += 1
            self.log.error(
                "audit results not written",
                constraint_kind=constraint.kind,
                constraint_name=constraint.name,
                error=str(error),
            )
            return
        if total := outcome.tally.of(key).total:
            self.tell(
                "audit results for constraint",
                **report.constraint_line(constraint, total),
            )
