"""Carries out one HTTP request with the standard library's client.

The client is not shared: a connection lives for one request, so a policy cannot
meet the state of another.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urljoin

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.urls import Url, read_url

__all__ = ["Answer", "NetworkError", "Tls", "send_request"]

#: Bytes of a body that are read; a larger one is an error.
MAX_BODY: Final = 32 << 20
_REDIRECTS: Final = frozenset([301, 302, 303, 307, 308])
_CHUNK: Final = 1 << 16


class NetworkError(Exception):
    """The request did not get an answer."""


@dataclass(slots=True)
class Tls:
    """`system` None: the system's roots unless `ca` names some."""

    insecure: bool = False
    server_name: str = ""
    system: bool | None = None
    ca: list[str] = field(default_factory=list)
    certificate: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Return the settings as the standard library takes them."""
        try:
            return self._context()
        except (ssl.SSLError, OSError) as error:
            raise BuiltinError(f"tls: {error}") from None

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        use_system = not self.ca if self.system is None else self.system
        if use_system:
            context.load_default_certs()
        for pem in self.ca:
            context.load_verify_locations(cadata=pem)
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(f"{self.certificate}\n{self.key}\n")
                file.flush()
                context.load_cert_chain(file.name)
        return context


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` as `200 OK`; header names in lower case; `body` decoded of nothing."""

    status: str
    status_code: int
    headers: dict[str, list[str]]
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _TlsConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, timeout: float, tls: Tls) -> None:
        self._tls_context = tls.context()
        self._name = tls.server_name or host
        super().__init__(host, port, timeout=timeout, context=self._tls_context)

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls_context.wrap_socket(self.sock, server_hostname=self._name)


def send_request(
    method: str,
    url: str,
    *,
    headers: dict[str, str],
    body: bytes | None,
    timeout: float,
    redirects: int,
    retries: int,
    tls: Tls,
    admits: Callable[[str, int], bool],
    check: Callable[[], None],
) -> Answer:
    """Send and read the answer; NetworkError in Go's words where they are known.

    `admits(host, port)` is asked before a redirect is followed; `check` raises when
    the query was cancelled. `timeout` (s) holds for all of it.
    """
    deadline = time.monotonic() + timeout
    while True:
        check()
        try:
            answer = _once(method, url, headers, body, deadline, tls)
        except (OSError, http.client.HTTPException) as error:
            if retries > 0 and time.monotonic() < deadline:
                retries -= 1
                time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))
                continue
            raise NetworkError(_words(error, url)) from None
        target = answer.headers.get("location", [""])[0]
        if answer.status_code not in _REDIRECTS or not target or not redirects:
            return answer
        redirects -= 1
        if not redirects:
            raise NetworkError("stopped after 10 redirects")
        url = urljoin(url, target)
        place = read_url(url)
        port = int(place.port or (443 if place.scheme == "https" else 80))
        if place.scheme not in ("http", "https") or not admits(place.host, port):
            raise BuiltinError(f"unallowed host: {place.host}")
        if answer.status_code in (301, 302, 303) and method not in ("GET", "HEAD"):
            method, body = "GET", None


def _connection(url: Url, timeout: float, tls: Tls) -> http.client.HTTPConnection:
    if "socket=" in url.raw_query:
        return _UnixConnection(parse_qs(url.raw_query)["socket"][0], timeout)
    if url.scheme == "https":
        return _TlsConnection(url.host, int(url.port or 443), timeout, tls)
    return http.client.HTTPConnection(url.host, int(url.port or 80), timeout=timeout)


def _once(
    method: str,
    text: str,
    headers: dict[str, str],
    body: bytes | None,
    deadline: float,
    tls: Tls,
) -> Answer:
    url = read_url(text)
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection = _connection(url, left, tls)
    target = url.raw_path or "/"
    if url.raw_query and not isinstance(connection, _UnixConnection):
        target += f"?{url.raw_query}"
    try:
        sent = dict(headers)
        if not any(name.lower() == "user-agent" for name in sent):
            sent["User-Agent"] = "Gatewright"
        connection.request(method, target, body=body, headers=sent)
        response = connection.getresponse()
        data = _read(response, connection, deadline)
    finally:
        connection.close()
    found: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        found.setdefault(name.lower(), []).append(value)
    status = f"{response.status} {response.reason}".rstrip()
    return Answer(status, response.status, found, data)


def _read(
    response: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    deadline: float,
) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = response.read1(_CHUNK)
        if not part:
            return b"".join(parts)
        size += len(part)
        if size > MAX_BODY:
            raise BuiltinError(f"response body has more than {MAX_BODY} bytes")
        parts.append(part)


def _words(error: Exception, text: str) -> str:
    url = read_url(text)
    place = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded)"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {place}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {url.host}: no such host"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    return str(error) or type(error).__name__
