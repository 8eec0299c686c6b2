"""Servers of one policy, to be tried in both ways that requests are answered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

import yaml

from gatewright.constraints.policyset import PolicySet
from tests.serve.inprocess import CONNECTION, REQUESTS, Served
from tests.serve.server import constraint, template

DENY = 'violation[{"msg": "no"}] { true }'
SLOW = """violation[{"msg": "never"}] {
          xs := numbers.range(1, 3000)
          xs[_] + xs[_] + xs[_] == -1
        }"""


def policies(rego: str) -> bytes:
    held = PolicySet()
    held.add_template(yaml.safe_load(template("Said", rego)))
    held.add_constraint(yaml.safe_load(constraint("Said", "said")))
    return held.build("1")


class Opener(Protocol):
    """Starts a server by one policy, with limits of its own."""

    def __call__(
        self, rego: str = ..., *, requests: Any = ..., **connection: Any
    ) -> AbstractContextManager[Served]: ...


def opener(*, fast_path: bool) -> Opener:
    @contextlib.contextmanager
    def running(
        rego: str = DENY, *, requests: Any = REQUESTS, **connection: Any
    ) -> Iterator[Served]:
        made = Served(
            connection=replace(CONNECTION, **connection),
            requests=requests,
            fast_path=fast_path,
        )
        made.decide_by(policies(rego))
        made.begin()
        try:
            yield made
        finally:
            made.end()

    return running
