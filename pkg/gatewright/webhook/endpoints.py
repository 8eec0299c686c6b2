"""A desk as an ASGI application: what the fast path does not take comes this way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from gatewright.webhook.desk import Desk, Reply, Visit

__all__ = ["TRANSPORT", "Endpoint"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

#: Where a scope has what the request came by, which knows how long it had waited.
TRANSPORT: Final = "gatewright.transport"
TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
CLOSE: Final = (b"connection", b"close")


class Endpoint:
    """An ASGI application for one path."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        allowed = self.desk.time_allowed(scope["query_string"])
        visit = Visit(self.desk, allowed, scope.get(TRANSPORT))
        try:
            headers = scope["headers"]
            expects = any(name == b"expect" for name, _ in headers)
            reply = visit.enter(expects=expects)
            more = True
            while reply is None and more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                reply = visit.take(message.get("body", b""))
                more = message.get("more_body", False)
            if reply is None:
                reply = visit.decide(content_type_of(headers))
            if reply is None:
                reply = await visit.finish()
            await send_reply(send, reply)
        finally:
            visit.close()


def content_type_of(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The last one, its name in lower case."""
    found = None
    for name, value in headers:
        if name == b"content-type":
            found = value
    return None if found is None else found.decode("latin-1")


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole answer; Gatekeeper's content type is text, not JSON."""
    headers = [TEXT, (b"content-length", b"%d" % len(reply.body))]
    if reply.close:
        headers.append(CLOSE)
    await send(
        {"type": "http.response.start", "status": reply.status, "headers": headers}
    )
    await send({"type": "http.response.body", "body": reply.body})
