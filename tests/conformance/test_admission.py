"""The exchanges recorded with the real Gatekeeper, on the decisions themselves."""

from __future__ import annotations

import pytest

from gatewright.plan import passes
from tests.conformance import admission_decisions as decisions
from tests.conformance import admission_exchanges as exchanges
from tests.needs import require_conformance

ALL = exchanges.read(require_conformance("gatekeeper", "admission"))
DECIDED = [one for one in ALL if decisions.answerable(one)]
WAITING = exchanges.waiting()


@pytest.mark.parametrize("exchange", DECIDED, ids=lambda one: one.name)
def test_answer_is_gatekeepers(exchange: exchanges.Exchange) -> None:
    feature = WAITING.get(exchange.name)
    complaint = exchanges.complaint(exchange, decisions.send)
    if feature is not None:
        assert complaint, (
            f"{exchange.name} is listed as waiting for {feature}, but passes"
        )
        pytest.skip(f"waits for {feature}")
    assert not complaint, complaint


def answers_without_optimisations(
    chosen: list[exchanges.Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "WITHOUT", frozenset(passes.PASSES))
    asked = [one for one in chosen if one.name not in WAITING]
    found = {one.name: exchanges.complaint(one, decisions.send) for one in asked}

    assert asked
    assert {name: text for name, text in found.items() if text} == {}


def test_answers_are_the_same_without_optimisations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers_without_optimisations(DECIDED[::10], monkeypatch)


@pytest.mark.slow
def test_all_answers_are_the_same_without_optimisations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers_without_optimisations(DECIDED, monkeypatch)


def test_every_waiting_exchange_exists() -> None:
    names = {one.name for one in ALL}
    assert not WAITING.keys() - names
