"""How long a request may take: the `timeout` parameter that the API server adds.

The API server gives up at `timeout`; an answer that comes later is as good as
none, so the decision's own deadline is earlier by a margin.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

__all__ = ["parse_go_duration", "time_allowed"]

UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


def parse_go_duration(text: str) -> float | None:
    """Seconds of a Go duration such as `1m30s`; None if it is none or negative."""
    body = text.removeprefix("+")
    if body == "0":
        return 0.0
    total = 0.0
    at = 0
    while at < len(body):
        part = PART.match(body, at)
        if part is None:
            return None
        total += float(part[1]) * UNITS[part[2]]
        at = part.end()
    return total if body else None


def time_allowed(query: bytes, *, default: float, margin: float) -> float:
    """Seconds from the request's arrival to its deadline.

    Without a usable `timeout` parameter it is `default`; the margin is at most
    half of the time, so that a short timeout still leaves some.
    """
    timeout = default
    if b"timeout" in query:
        given = parse_qs(query.decode("latin-1")).get("timeout", [""])[0]
        timeout = parse_go_duration(given) or default
    return timeout - min(margin, timeout / 2)
