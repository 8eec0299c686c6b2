"""Heads of requests that were seen before, so that they need not be parsed again.

An API server sends the same head with every request to a webhook, but for the length of
the body.  A head that the parser has taken is remembered as what stands before and
behind that number; what reads the same, the parser would take the same way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gatewright.webhook.desk import Desk

__all__ = ["Opening", "Openings"]

#: Heads remembered, and bytes of one.
REMEMBERED: Final = 8
LONGEST: Final = 2048
#: Seconds from one that is learned to the next: heads that differ each time (they
#: carry the id of a trace) are not worth it.
LEARN_EVERY: Final = 0.05
#: Digits of a length.
DIGITS: Final = 10
ZERO: Final = 0x30
_LENGTH: Final = re.compile(
    rb"\r\ncontent-length:[ \t]*([1-9][0-9]{0,9})(?=\r\n)", re.I
)
#: Whatever decides how the body is framed, or what becomes of the connection.
_UNUSUAL: Final = re.compile(
    rb"\r\n(transfer-encoding|(?:proxy-)?connection|expect|upgrade|trailer|te)[ \t]*:",
    re.I,
)


@dataclass(slots=True)
class Opening:
    """A head, and where it leads.

    `before` and `behind` are its bytes around the digits of Content-Length; `allowed`:
    seconds that its target gives the request; `content_type`: its own.
    """

    before: bytes
    behind: bytes
    desk: Desk
    allowed: float
    content_type: str | None


class Openings:
    """Those that one worker remembers; the latest that was found comes first."""

    __slots__ = ("_after", "_known")

    def __init__(self) -> None:
        self._known: list[Opening] = []
        self._after = 0.0

    def find(self, data: bytes) -> tuple[Opening, int, int] | None:
        """The head that `data` begins with, where its body begins, and how many bytes
        that has; None for one that is not known, or not whole."""
        for one in self._known:
            if data.startswith(one.before):
                start = len(one.before)
                end = data.find(one.behind, start, start + DIGITS + len(one.behind))
                digits = data[start:end] if end > 0 else b""
                if digits.isdigit() and digits[0] != ZERO:
                    return one, end + len(one.behind), int(digits)
        return None

    def learn(
        self,
        data: bytes,
        desk: Desk,
        allowed: float,
        *,
        content_type: str | None,
        now: float,
    ) -> None:
        """Remember the head that `data` begins with, which the parser has just taken:
        a POST by HTTP/1.1 that keeps the connection, by what it says of itself."""
        if now < self._after:
            return
        self._after = now + LEARN_EVERY
        end = data.find(b"\r\n\r\n", 0, LONGEST)
        if end < 0:
            return
        head = data[: end + 4]
        lengths = list(_LENGTH.finditer(head))
        if len(lengths) != 1 or _UNUSUAL.search(head):
            return
        (length,) = lengths
        before, behind = head[: length.start(1)], head[length.end(1) :]
        self._known.insert(0, Opening(before, behind, desk, allowed, content_type))
        del self._known[REMEMBERED:]
