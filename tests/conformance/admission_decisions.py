"""Recorded exchanges put to the decisions themselves, without HTTP.

`answerable` tells which exchanges that can be; the others are about HTTP and run
against the server.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from gatewright.app.decider import check_mutator, mutated, mutation_events
from gatewright.constraints.admission import Admission
from gatewright.constraints.exclusion import MUTATION
from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.labelguard import LabelGuard
from gatewright.constraints.namespaces import NamespaceError
from gatewright.constraints.policyset import PolicySet, Settings
from gatewright.constraints.resources import ResourceGuard
from gatewright.constraints.snapshot import Snapshot
from gatewright.k8s import review as reviews
from gatewright.k8s.review import ReviewError, decode, errored, render
from gatewright.match.block import compile_match
from gatewright.match.subject import NamespaceFacts, Subject
from gatewright.mutation import review as mutation
from gatewright.mutation.documents import edits_of
from gatewright.mutation.mutator import parse_mutator
from gatewright.mutation.system import MutatorSystem
from tests.conformance.admission_exchanges import Exchange
from tests.constraints import samples

PATHS = ("/v1/admit", "/v1/admitlabel", "/v1/mutate")
BODY_MAX = 7 * 1024 * 1024


def answerable(exchange: Exchange) -> bool:
    return (
        exchange.path in PATHS
        and exchange.content_type == "application/json"
        and 0 < len(exchange.body) < BODY_MAX
    )


def send(exchange: Exchange) -> tuple[int, str]:
    """Answer an exchange from its own state."""
    answer = {"/v1/admit": _admit, "/v1/admitlabel": _label, "/v1/mutate": _mutate}
    return 200, answer[exchange.path](exchange).decode()


def policies(exchange: Exchange) -> PolicySet:
    """The state of an exchange; what Gatekeeper would not load is left out."""
    state = exchange.state
    checked = "--disable-enforcementaction-validation" not in exchange.flags
    out = PolicySet(Settings(check_actions=True))
    for obj, add in itertools.chain(
        ((one, out.add_template) for one in state.get("templates") or ()),
        ((one, out.add_constraint) for one in state.get("constraints") or ()),
    ):
        load: Callable[[Any], Any] = add
        try:
            load(obj)
        except PolicyFault as fault:
            if checked and "missing ConstraintTemplate" not in str(fault):
                print(f"{exchange.name}: not loaded: {fault}")
    out.set_namespaces(exchange.namespaces())
    out.set_config(state.get("config"))
    return out


def _admit(exchange: Exchange) -> bytes:
    snapshot = Snapshot(policies(exchange).build(exchange.name))
    guard = ResourceGuard(
        check_actions="--disable-enforcementaction-validation" not in exchange.flags,
        mutators=check_mutator,
    )
    admission = Admission(guard=guard)
    return samples.judged(admission, exchange.body, snapshot).body


def _label(exchange: Exchange) -> bytes:
    guard = LabelGuard.of(
        exchange.flag("--exempt-namespace"),
        exchange.flag("--exempt-namespace-prefix"),
        exchange.flag("--exempt-namespace-suffix"),
    )
    try:
        request = decode(exchange.body)
    except ReviewError as error:
        return render(errored(400, str(error)), None)
    return render(guard.judge(request), request.echo)


def _mutate(exchange: Exchange) -> bytes:
    try:
        request = decode(exchange.body)
    except ReviewError as error:
        return render(errored(400, str(error)), None)
    snapshot = Snapshot(policies(exchange).build())

    def namespace(name: str) -> NamespaceFacts:
        try:
            return snapshot.namespaces.find(name).facts
        except NamespaceError:
            raise mutation.NamespaceMissing(name) from None

    def excluded(subject: Subject) -> bool:
        name = subject.name if subject.is_namespace else subject.namespace
        return snapshot.exclusions.excludes(MUTATION, name)

    mutators = [parse_mutator(one) for one in exchange.state.get("mutators") or ()]
    context = mutation.MutationContext(
        MutatorSystem.build(mutators, compile_match=compile_match),
        Admission().own_name,
        excluded,
        namespace,
        lambda: "00000000-0000-0000-0000-000000000000",
        annotate="--mutation-annotations" in exchange.flags,
        log=True,
        edits=edits_of(mutators),
    )
    outcome = mutation.review(request, context)
    answer = reviews.render(outcome.response, request.echo)
    short = mutated(exchange.body, snapshot.evaluation(), context, 1)
    if short is not None:
        assert (short.body, short.status) == (answer, outcome.status)
        assert short.events == mutation_events(request, outcome, context, 1)
    elif request.object is not None:
        assert not outcome.response.allowed, "only faults need the decoded object"
    return answer
