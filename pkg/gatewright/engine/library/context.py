"""What a nondeterministic builtin knows about the query that calls it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.engine.values import Value

__all__ = ["Context", "HttpPolicy"]


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """Which hosts builtins may reach.

    `enabled` False: `http.send` and name look-ups fail. `allow_net` None: every
    host; else exactly those (`host` or `host:port`).
    """

    enabled: bool = True
    allow_net: frozenset[str] | None = None

    def admits(self, host: str, port: int | None = None) -> bool:
        """Tell whether a host may be reached."""
        if self.allow_net is None:
            return True
        return host in self.allow_net or f"{host}:{port}" in self.allow_net


def _seed() -> int:
    return random.SystemRandom().getrandbits(64)


@dataclass(slots=True)
class Context:
    """One query. All calls of it see one clock and one source of randomness.

    `clock` is the query's time in ns since the epoch. `seed` starts the randomness:
    the same seed gives the same values. `memory` holds what must stay the same in
    one query (random values by operands, answers of requests). `shared` is a cache
    that outlives the query, None for none. `runtime` is what `opa.runtime` shows.
    """

    clock: int = field(default_factory=time.time_ns)
    seed: int = field(default_factory=_seed)
    memory: dict[Any, Any] = field(default_factory=dict)
    shared: dict[Any, Any] | None = None
    runtime: Mapping[str, Value] = field(default_factory=dict)
    http: HttpPolicy = field(default_factory=HttpPolicy)

    def random(self) -> random.Random:
        """The query's source of randomness, seeded once."""
        if "random" not in self.memory:
            self.memory["random"] = random.Random(self.seed)  # noqa: S311
        found: random.Random = self.memory["random"]
        return found
