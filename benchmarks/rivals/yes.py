"""A webhook that only says yes, as lean as a Python process can be.

python -m benchmarks.rivals.yes PORT CERTIFICATE KEY
"""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
from typing import cast

import uvloop

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
UID = re.compile(rb'"uid":"([^"]*)"')
ANSWER = (
    b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1",'
    b'"response":{"uid":"%b","allowed":true}}'
)


class Yes(asyncio.Protocol):
    """One connection, one request after the other."""

    def __init__(self) -> None:
        self.data = b""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, rest = self.data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or length is None or len(rest) < int(length[1]):
            return
        self.data = b""
        uid = UID.search(rest)
        body = ANSWER % (uid[1] if uid else b"")
        assert self.transport is not None
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )


async def serve(
    protocol: type[asyncio.Protocol], port: int, certificate: str, key: str
) -> None:
    """Serve by a protocol, over TLS, until the process ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Yes, int(sys.argv[1]), sys.argv[2], sys.argv[3]))
