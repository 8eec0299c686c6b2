"""A bare uvloop and httptools protocol: reads an AdmissionReview, and says yes.

python -m benchmarks.rivals.bare PORT CERTIFICATE KEY

What a server in Python cannot do without: TLS, HTTP, JSON. It has no limits, no
deadlines, no metrics, and keeps nothing of what it reads.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import orjson
import uvloop

from benchmarks.rivals.yes import serve


class Bare(asyncio.Protocol):
    """One connection, one request after the other."""

    transport: asyncio.WriteTransport

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.chunks: list[bytes] = []
        self.data_received = self.parser.feed_data  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        review = orjson.loads(b"".join(self.chunks))
        self.chunks = []
        body = orjson.dumps(
            {
                "kind": "AdmissionReview",
                "apiVersion": "admission.k8s.io/v1",
                "response": {"uid": review["request"]["uid"], "allowed": True},
            }
        )
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )


if __name__ == "__main__":
    uvloop.run(serve(Bare, int(sys.argv[1]), sys.argv[2], sys.argv[3]))
