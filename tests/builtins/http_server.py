"""A server on the loopback that answers by path, for tests of `http.send`."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/json": (200, {"Content-Type": "application/json"}, b'{"a": 1.50}'),
    "/bad-json": (200, {"Content-Type": "application/json"}, b"{"),
    "/yaml": (200, {"Content-Type": "application/yaml"}, b"a: [1, yes]\n"),
    "/text": (200, {"Content-Type": "text/plain"}, b"[1]"),
    "/empty": (204, {}, b""),
    "/error": (500, {"Content-Type": "text/plain"}, b"no"),
    "/moved": (302, {"Location": "/json"}, b""),
    "/round": (302, {"Location": "/round"}, b""),
    "/kept": (200, {"Cache-Control": "max-age=60"}, b"kept"),
    "/tagged": (200, {"Cache-Control": "no-cache", "ETag": '"v1"'}, b"tagged"),
    "/secret": (200, {"Cache-Control": "no-store"}, b"secret"),
}


class Handler(BaseHTTPRequestHandler):
    seen: list[str]

    def answer(self) -> None:
        headers: dict[str, str] = {}
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/drip"):
            self.drip()
            return
        if self.path == "/echo":
            kind = self.headers.get("Content-Type", "-")
            probe = self.headers.get("X-Probe", "-")
            text = f"{self.command} {kind} {probe} ".encode() + body
            status, data = 200, text
        elif self.path == "/elsewhere":
            port = int(self.headers["Host"].rpartition(":")[2])
            status, data = 302, b""
            headers = {"Location": f"http://localhost:{port}/secrets"}
        elif self.path == "/secrets":
            sent = self.headers.get("Authorization", "-")
            status, data = 200, f"{sent} {self.headers.get('X-Probe')}".encode()
        else:
            status, headers, data = ANSWERS[self.path]
        if self.headers.get("If-None-Match") == headers.get("ETag", "none"):
            status, data = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def drip(self) -> None:
        """Sends a little again and again, within any timeout of a single read."""
        with suppress(OSError):
            if self.path == "/drip-body":
                self.send_response(200)
                self.end_headers()
            while True:
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.02)

    do_GET = do_POST = do_PUT = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Stays silent."""


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the paths that it was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{port}", server.seen  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
