"""Carries out one HTTP request with the standard library's client.

The client is not shared: a connection lives for one request, so a policy cannot
meet the state of another. Nothing here waits longer than the request's timeout or the
query's deadline, however slowly a server sends.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urljoin

from gatewright.engine.library.budget import reserve, time_left
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.lookups import POLL, resolve, stop_if_cancelled
from gatewright.engine.library.urls import Url, read_url

__all__ = ["Answer", "NetworkError", "Tls", "send_request"]

#: Bytes of a body that are read; a larger one is an error.
MAX_BODY: Final = 32 << 20
_REDIRECTS: Final = frozenset([301, 302, 303, 307, 308])
_CHUNK: Final = 1 << 16
#: Headers that a redirect to another site must not see, as in Go.
_PRIVATE: Final = frozenset(["authorization", "www-authenticate", "cookie", "cookie2"])


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


class _Patient(io.RawIOBase):
    """Reads from a socket until a moment, not for so long at each read."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while True:
            stop_if_cancelled()
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(min(left, POLL))
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue


class _Socket:
    """A connected socket as `http.client` uses one."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode
        return io.BufferedReader(_Patient(self._sock, self._until))

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            stop_if_cancelled()
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(min(left, POLL))
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError:
                continue

    def close(self) -> None:
        """Does nothing: an answer may still be read when its connection is done with."""


class _Connection(http.client.HTTPConnection):
    """One to a host by TCP, with TLS or without, or to a socket of this machine."""

    def __init__(self, url: Url, until: float, tls: Tls) -> None:
        secure = url.scheme == "https"
        self._until = until
        self._tls = tls if secure else None
        self._path = ""
        self._raw: socket.socket | None = None
        if "socket=" in url.raw_query:
            self._path = parse_qs(url.raw_query)["socket"][0]
            super().__init__("localhost")
            return
        if secure:
            self._context = tls.context()
            self.default_port = 443
        super().__init__(url.host, int(url.port) if url.port else None)

    @property
    def local(self) -> bool:
        return bool(self._path)

    def connect(self) -> None:
        raw = self._local_socket() if self._path else self._tcp_socket()
        if self._tls is not None and not self._path:
            try:
                raw.settimeout(self._left())
                name = self._tls.server_name or self.host
                raw = self._context.wrap_socket(raw, server_hostname=name)
            except BaseException:
                raw.close()
                raise
        self._raw = raw
        self.sock = _Socket(raw, self._until)

    def hang_up(self) -> None:
        """Close it, read or not."""
        self.close()
        if self._raw is not None:
            self._raw.close()

    def _left(self) -> float:
        stop_if_cancelled()
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        allowed = time_left()
        return left if allowed is None else max(min(left, allowed), 0.001)

    def _local_socket(self) -> socket.socket:
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.settimeout(self._left())
        raw.connect(self._path)
        return raw

    def _tcp_socket(self) -> socket.socket:
        failure: OSError | None = None
        answers = resolve(self.host, self.port, timeout=self._left())
        for family, kind, protocol, _, address in answers:
            raw = socket.socket(family, kind, protocol)
            try:
                raw.settimeout(self._left())
                raw.connect(address)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                raw.close()
                failure = error
                continue
            return raw
        raise failure or OSError("no address")


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
) -> Answer:
    """Send and read the answer; NetworkError in Go's words where they are known.

    `admits(host, port)` is asked before a redirect is followed. `timeout` (s) holds
    for all of it. Raises OverBudget when the query was cancelled or is out of time.
    """
    first = read_url(url).host
    deadline = time.monotonic() + timeout
    while True:
        stop_if_cancelled()
        try:
            answer = _once(method, url, headers, body, deadline, tls)
        except (OSError, http.client.HTTPException) as error:
            if retries > 0 and time.monotonic() < deadline:
                retries -= 1
                time.sleep(min(POLL, max(0.0, deadline - time.monotonic())))
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
            raise BuiltinError(f"disallowed host: {place.host}")
        if place.host != first and not place.host.endswith(f".{first}"):
            headers = {k: v for k, v in headers.items() if k.lower() not in _PRIVATE}
        if answer.status_code in (301, 302, 303) and method not in ("GET", "HEAD"):
            method, body = "GET", None


def _once(
    method: str,
    text: str,
    headers: dict[str, str],
    body: bytes | None,
    deadline: float,
    tls: Tls,
) -> Answer:
    url = read_url(text)
    connection = _Connection(url, deadline, tls)
    target = url.raw_path or "/"
    if url.raw_query and not connection.local:
        target += f"?{url.raw_query}"
    try:
        sent = dict(headers)
        if not any(name.lower() == "user-agent" for name in sent):
            sent["User-Agent"] = "Gatewright"
        connection.request(method, target, body=body, headers=sent)
        response = connection.getresponse()
        data = _read(response)
    finally:
        connection.hang_up()
    found: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        found.setdefault(name.lower(), []).append(value)
    status = f"{response.status} {response.reason}".rstrip()
    return Answer(status, response.status, found, data)


def _read(response: http.client.HTTPResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(_CHUNK):
        size += len(part)
        if size > MAX_BODY:
            raise BuiltinError(f"response body has more than {MAX_BODY} bytes")
        # As text, as JSON and as a value
        reserve(4 * len(part))
        parts.append(part)
    return b"".join(parts)


def _words(error: Exception, text: str) -> str:
    url = read_url(text)
    place = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded (Client.Timeout exceeded)"
    if isinstance(error, http.client.RemoteDisconnected):
        return "EOF"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {place}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {url.host}: no such host"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    return str(error) or type(error).__name__
