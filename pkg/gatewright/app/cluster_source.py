"""A cluster as a source: what `controllers` follow and write, for the policy process."""

from __future__ import annotations

import functools
import operator
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gatewright.app.channel import peer_is_family
from gatewright.app.installation import Fault, Installation, kept_out
from gatewright.app.ledger import ObjectKey
from gatewright.app.settings import ClusterSettings, RotationSettings
from gatewright.app.source import Outcome, Trouble
from gatewright.audit.origin import LEFT_OUT
from gatewright.certs.decision import Plan
from gatewright.certs.rotation import Rotation, Target
from gatewright.constraints import crd
from gatewright.constraints.exclusion import SYNC, Exclusions
from gatewright.constraints.policyset import TemplateEntry
from gatewright.controllers import podstatus, readiness
from gatewright.controllers.condition import Readiness, Teller
from gatewright.controllers.definitions import WantedDefinition
from gatewright.controllers.feed import Change, Feed, Kind
from gatewright.controllers.holdings import DataChange, Holdings
from gatewright.controllers.kinds import EXPANSION, TEMPLATE
from gatewright.controllers.link import Beside, Link, LinkSettings
from gatewright.controllers.operations import (
    MUTATION_WEBHOOK,
    WEBHOOK,
    Operations,
)
from gatewright.controllers.reach import EVERYTHING, Wish, need_of, need_of_mutator
from gatewright.controllers.reports import Reports, template_fault
from gatewright.controllers.requests import Requests
from gatewright.controllers.webhooks import Keeper
from gatewright.kube.client import Client
from gatewright.kube.heartbeat import HEARTBEAT, MUTATION_HEARTBEAT, Heart
from gatewright.mutation.mutator import GROUP as MUTATIONS
from gatewright.telemetry.log import Log

__all__ = ["ClusterSource"]

NOT_READ: Final = "kind can't be read; what is known of it may be old"
NOT_READ_YET: Final = "its list is not read yet"
CONFLICT: Final = "ErrConflictingSchema"
#: What the link has to say apart from what the cluster holds: the definition of a
#: template's constraints can, or can't, be written; other requests are sent.
WRITTEN: Final = (TEMPLATE.group, "", "written")
COVERED: Final = ("", "", "covered")


class ClusterSource:
    """Raises RuntimeError in `look` when the link has broken down: the process is to
    end, and its successor begins anew."""

    def __init__(
        self,
        settings: ClusterSettings,
        namespace: str,
        log: Log,
        *,
        asked: socket.socket | None,
    ) -> None:
        self.feeder = Feed()
        options = LinkSettings(
            settings.pod,
            namespace,
            Operations(settings.operations),
            settings.kubeconfig,
            settings.fake_pod,
        )
        beside: list[Beside] = []
        if asked is not None:
            beside.append(Requests(asked, peer_is_family, log).run)
        if settings.rotation is not None:
            beside.append(rotation(settings.rotation, namespace))
        self.teller: Teller | None = None
        if not settings.fake_pod:
            self.teller = Teller(settings.pod, namespace, log)
            beside.append(self.teller.run)
        #: By whether they tell of mutation.
        self.hearts: dict[bool, Heart] = {}
        for duty, lease in (
            (WEBHOOK, HEARTBEAT),
            (MUTATION_WEBHOOK, MUTATION_HEARTBEAT),
        ):
            if duty in options.operations:
                heart = Heart(
                    settings.pod,
                    namespace,
                    Log("heartbeat"),
                    lease=lease,
                    # Those of mutation go where those of validation go.
                    called=WEBHOOK in options.operations,
                )
                self.hearts[duty == MUTATION_WEBHOOK] = heart
                beside.append(heart.run)
        self.keeper: Keeper | None = None
        self.mutating: Keeper | None = None
        for one in settings.keeping:
            duty = MUTATION_WEBHOOK if one.mutating else WEBHOOK
            if duty not in options.operations:
                continue
            keeper = Keeper(
                one,
                settings.pod,
                namespace,
                Log("webhook-rules"),
                changed=lambda: self.feeder.tell(Change(COVERED, "end")),
            )
            beside.append(keeper.run)
            if one.mutating:
                self.mutating = keeper
            else:
                self.keeper = keeper
        self.link = Link(options, self.feeder, log, beside=beside)
        self.holdings = Holdings()
        self.reports = Reports()
        self.data: list[DataChange] = []
        self.data_faults: dict[tuple[str, str, str, str, str], str] = {}
        #: What is followed and is not in the inventory: excluded, or being deleted.
        self.left_out: dict[Kind, set[tuple[str, str]]] = {}
        self.entries: dict[str, tuple[TemplateEntry, str]] = {}
        self.wanted: dict[str, WantedDefinition] = {}
        self.needs: dict[ObjectKey, Wish] = {}
        self.synced_kinds: frozenset[Kind] = frozenset()
        #: Those of them that are in the generation in force, and what is lacking.
        self.lacking: dict[Kind, str] = {}
        self.excluded: object = None
        self.ready = False
        self.link.start()

    @property
    def wakes(self) -> Sequence[int]:
        return (self.feeder.wake,)

    @property
    def complete(self) -> bool:
        self.ready = self.ready or not self.awaited()
        return self.ready

    def awaited(self) -> list[readiness.Awaited]:
        return readiness.awaited(
            self.holdings,
            fixed=self.link.fixed,
            constraints=[
                (crd.CONSTRAINT_GROUP, "", one.kind) for one in self.wanted.values()
            ],
            data=self.synced_kinds,
            now=time.time(),
        )

    def look(self, now: float) -> bool:  # noqa: ARG002 - a source's
        if self.link.failure is not None:
            raise RuntimeError("the cluster link broke down") from self.link.failure
        before = self.ready
        changes = self.feeder.take()
        if not changes:
            return False
        changed, data = self.holdings.take(changes, time.time())
        self.data += data
        for kind in (WRITTEN, COVERED):
            if any(change.kind == kind for change in changes):
                self.holdings.kinds.pop(kind, None)
                changed = True
        return changed or bool(data) or (self.complete and not before)

    def objects(self) -> Mapping[ObjectKey, Any]:
        """Constraints whose template is gone go with it, before their own watch has
        heard of that: they are no faults."""
        found = self.holdings.objects()
        return {
            key: obj
            for key, obj in found.items()
            if key[0] != crd.CONSTRAINT_GROUP
            or (TEMPLATE.group, TEMPLATE.kind, "", key[1].lower()) in found
        }

    def feed(self, installation: Installation, took: Callable[[float], None]) -> None:
        changes, self.data = self.data, []
        exclusions = Exclusions.of(installation.policies.config)
        for key, data in changes:
            self.data_faults.pop(key, None)
            state = self.holdings.kinds.get(key[:3])
            left_out = self.left_out.setdefault(key[:3], set())
            there = state is not None and key[3:] in state.names
            if there and (data is None or kept_out(key, exclusions)):
                left_out.add(key[3:])
            else:
                left_out.discard(key[3:])
        self.data_faults.update(installation.put_data(changes, took=took))

    def reject(self, faults: Mapping[ObjectKey, Fault], *, now: float) -> bool:  # noqa: ARG002 - a source's
        """As with Gatekeeper an object that can't be used stays as it was before."""
        return False

    def accept(self, installation: Installation) -> None:
        """Want the CRDs of the templates in force, and the kinds that are synced."""
        wanted: dict[str, WantedDefinition] = {}
        for name, entry in installation.policies.templates.items():
            held = self.holdings.held((TEMPLATE.group, TEMPLATE.kind, "", name))
            uid = held.metadata.uid if held is not None else ""
            known = self.entries.get(name)
            plural = f"{entry.template.kind.lower()}.{crd.CONSTRAINT_GROUP}"
            if known is not None and known[0] is entry and known[1] == uid:
                wanted[plural] = self.wanted[plural]
            else:
                definition = crd.definition(entry.template)
                wanted[plural] = WantedDefinition(name, uid, definition)
                self.entries[name] = entry, uid
        for name in self.entries.keys() - installation.policies.templates.keys():
            del self.entries[name]
        if wanted != self.wanted:
            self.wanted = wanted
            self.link.want(dict(wanted))
        self.needs = {
            (crd.CONSTRAINT_GROUP, one.kind, "", one.name): need_of(one)
            for entry in installation.policies.templates.values()
            for one in entry.constraints.values()
        }
        if self.keeper is not None and self.complete:
            # What expands into other kinds may be judged as any of them.
            wish = Wish(EVERYTHING) if self.expands() else Wish()
            for need in self.needs.values():
                wish |= need
            self.keeper.want(wish)
        if self.mutating is not None:
            needs = {
                key: need_of_mutator(one)
                for key, (_, one) in installation.mutators.items()
            }
            self.needs.update(needs)
            if self.complete:
                self.mutating.want(
                    functools.reduce(operator.or_, needs.values(), Wish())
                )
        synced = frozenset(installation.synced or ())
        patterns = Exclusions.of(installation.policies.config).patterns.get(SYNC)
        again = patterns != self.excluded
        if synced != self.synced_kinds or again:
            self.synced_kinds, self.excluded = synced, patterns
            self.link.follow_data(synced, again=again)

    def expands(self) -> bool:
        """Whether there are ExpansionTemplates."""
        state = self.holdings.kinds.get((EXPANSION.group, "", EXPANSION.kind))
        return state is not None and bool(state.objects)

    def called(self, key: ObjectKey) -> bool:
        """Whether the API server sends what a constraint has to judge, or a mutator to
        change."""
        keeper = self.mutating if key[0] == MUTATIONS else self.keeper
        if keeper is None:
            return True
        return keeper.covers(self.needs.get(key, Wish()))

    def settled(self, installation: Installation, outcome: Outcome) -> None:
        """Tell of each object how it fares, once workers decide by it."""
        if not outcome.committed:
            return
        self.lacking = {kind: self.lacks(kind) for kind in self.synced_kinds}

        def fault(key: ObjectKey) -> podstatus.Fault | None:
            return self.fault(key, outcome)

        told, gone = self.reports.news(
            self.holdings,
            fault=fault,
            in_force=lambda key: key in installation.applied,
            called=self.called,
            config=self.sync_faults(),
            at=rfc3339(time.time()),
        )
        self.link.tell(told, gone)
        self.link.settle()

    def fault(self, key: ObjectKey, outcome: Outcome) -> podstatus.Fault | None:
        """Why an object, as written, is not in force."""
        unreadable = self.holdings.unreadable.get(key)
        if unreadable is not None:
            return podstatus.Fault(unreadable)
        if key in outcome.conflicts:
            return podstatus.Fault(outcome.conflicts[key], type=CONFLICT)
        found = outcome.faults.get(key)
        group, _, _, name = key
        if group == TEMPLATE.group:
            if found is not None:
                return template_fault(found.code or "create_error", found.text)
            unwritten = self.link.template_errors.get(name)
            return (
                None
                if unwritten is None
                else podstatus.Fault(unwritten, "create_error")
            )
        if found is None:
            return None
        if group == crd.CONSTRAINT_GROUP:
            actions = found.code == "conversion_error"
            what = "validate enforcement actions" if actions else "cache constraint"
            return podstatus.Fault(f"could not {what}: {found.text}")
        return podstatus.Fault(found.text)

    def sync_faults(self) -> list[str]:
        """What is wrong with the kinds that Config and SyncSets name."""
        out = []
        for kind in sorted(self.synced_kinds):
            state = self.holdings.kinds.get(kind)
            if state is not None and state.error:
                out.append(f"{readiness.kind_name(kind)} is not synced: {state.error}")
        return out

    def problem(self) -> str:
        return self.link.problem

    def waiting(self) -> Sequence[Trouble]:
        if self.ready:
            return ()
        return [
            Trouble("kind", one.what, one.error or NOT_READ_YET, one.since)
            for one in self.awaited()
        ]

    def troubles(self) -> Sequence[Trouble]:
        out = [
            Trouble("kind", one.what, one.error, one.since, NOT_READ)
            for one in readiness.incomplete(self.holdings)
        ]
        for key, error in sorted(self.data_faults.items()):
            out.append(Trouble("object", "/".join(key), error, 0.0, NOT_READ))
        return out

    def show(self, *, ready: bool, problem: str) -> None:
        """In the condition of our Pod: what is waited for, since when, and why; and by
        the heartbeat."""
        for heart in self.hearts.values():
            heart.ready = ready
        if self.teller is None:
            return
        awaited = [
            f"{one.name} since {rfc3339(one.since)}: {one.error}"
            for one in self.waiting()
        ]
        said = [problem] if problem else awaited
        if not ready and not said:
            said = ["a worker that holds the policies"]
        message = "all policies are read" if ready else "waiting for " + "; ".join(said)
        self.teller.tell(Readiness(ready, message))

    def synced(self) -> Mapping[str, tuple[int, int]]:
        out: dict[str, tuple[int, int]] = {}
        for kind in self.synced_kinds:
            state = self.holdings.kinds.get(kind)
            if state is None:
                continue
            errors = sum(key[:3] == kind for key in self.data_faults)
            held, lacking = out.get(kind[2], (0, 0))
            held += len(state.names) - errors - len(self.left_out.get(kind, ()))
            out[kind[2]] = held, lacking + errors
        return out

    def cached(self) -> Sequence[tuple[str, str, str, str]]:
        out = []
        for kind in sorted(self.synced_kinds):
            state = self.holdings.kinds.get(kind)
            failing = "" if state is None else state.error
            out.append((*kind, failing or self.lacking.get(kind, NOT_READ_YET)))
        return out

    def lacks(self, kind: Kind) -> str:
        """What is lacking of a kind in the inventory as it is now."""
        state = self.holdings.kinds.get(kind)
        if state is None or not state.complete:
            return NOT_READ_YET
        broken = [text for key, text in self.data_faults.items() if key[:3] == kind]
        if broken:
            return f"{len(broken)} objects can't be kept, the first: {broken[0]}"
        return LEFT_OUT if self.left_out.get(kind) else ""

    def measure(self, gauge: Callable[[str, float], None]) -> None:
        vitals = self.link.vitals
        gauge("gatewright_watch_silence_seconds", vitals.silence)
        gauge("gatewright_source_queue_depth", self.feeder.depth())
        gauge("gatewright_status_queue_depth", vitals.queued)
        gauge("gatekeeper_watch_manager_intended_watch_gvk", vitals.intended)
        gauge("gatekeeper_watch_manager_watched_gvk", vitals.watched)

    def undecided(self, *, mutation: bool) -> None:
        if mutation in self.hearts:
            self.hearts[mutation].miss()

    def leave(self) -> None:
        for heart in self.hearts.values():
            heart.leave()

    def close(self) -> None:
        self.link.stop()


def rfc3339(seconds: float) -> str:
    """A unix time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rotation(settings: RotationSettings, namespace: str) -> Beside:
    """The loop that keeps the certificate."""
    targets = [
        *(Target.validating(name) for name in settings.validating),
        *(Target.mutating(name) for name in settings.mutating),
    ]

    async def run(client: Client) -> None:
        await Rotation(
            client,
            namespace,
            Plan(frozenset(settings.hosts)),
            tuple(targets),
            settings.served,
            Log("cert-rotation"),
        ).run()

    return run
