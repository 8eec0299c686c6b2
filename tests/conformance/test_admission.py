"""The exchanges recorded with the real Gatekeeper, on the decisions themselves."""

from __future__ import annotations

import pytest

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


def test_every_waiting_exchange_exists() -> None:
    names = {one.name for one in ALL}
    assert not WAITING.keys() - names
