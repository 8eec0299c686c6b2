"""URLs as Go's net/url reads them: `uri.parse`, `uri.is_valid`, escapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_from_bytes

from gatewright.engine.library.addresses import address_error
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.operands import string, utf8
from gatewright.engine.values import Value

__all__ = ["Url", "escape_query", "is_valid", "parse", "read_url", "unescape"]

_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
)
_HOST: Final = _PLAIN | frozenset(b"!$&'()*+,;=:[]<>\"")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT: Final = re.compile(r"(?::[0-9]*)?")


@dataclass(slots=True)
class Url:
    """The parts of a URL; `path` and `fragment` unescaped, `host` without a port."""

    scheme: str = ""
    opaque: str = ""
    user: str = ""
    host: str = ""
    port: str = ""
    path: str = ""
    raw_path: str = ""
    raw_query: str = ""
    fragment: str = ""


def escape_query(text: str) -> str:
    """Escape all but letters, digits and `-_.~`; a space becomes `+`."""
    return "".join(
        chr(byte) if byte in _PLAIN else "+" if byte == 0x20 else f"%{byte:02X}"
        for byte in utf8(text)
    )


def unescape(
    text: str, *, plus: bool = False, host: bool = False, zone: bool = False
) -> str:
    """Undo escapes; BuiltinError names a bad one. `host`, `zone`: Go's narrow rules."""
    data, out, at = utf8(text), bytearray(), 0
    while at < len(data):
        byte = data[at]
        if byte == 0x25:
            digits = data[at + 1 : at + 3]
            try:
                code = int(digits, 16) if len(digits) == 2 else -1
            except ValueError:
                code = -1
            if not digits.isalnum():
                code = -1
            bad = code < 0
            if host and not bad and code < 0x80 and digits != b"25":
                bad = True
            if zone and not bad and digits != b"25" and code != 0x20:
                bad = code not in _HOST
            if bad:
                shown = data[at : at + 3].decode("utf-8", "surrogateescape")
                raise BuiltinError(f"invalid URL escape {quote(shown)}")
            out.append(code)
            at += 3
            continue
        if (host or zone) and byte < 0x80 and byte not in _HOST:
            raise BuiltinError(f"invalid character {quote(chr(byte))} in host name")
        out.append(0x20 if plus and byte == 0x2B else byte)
        at += 1
    return out.decode("utf-8", "surrogateescape")


def read_url(text: str) -> Url:
    """Read a URL reference; BuiltinError in Go's words.

    What is wrong in front of a fragment is told without it.
    """
    url = Url()
    rest, _, fragment = text.partition("#")
    shown = rest
    try:
        if any(char < " " or char == "\x7f" for char in rest):
            raise BuiltinError("net/url: invalid control character in URL")
        _read_reference(url, rest)
        shown = text
        url.fragment = unescape(fragment)
    except BuiltinError as error:
        raise BuiltinError(f"parse {quote(shown)}: {error}") from None
    return url


def _read_reference(url: Url, rest: str) -> None:
    if rest == "*":
        url.path = url.raw_path = rest
        return
    if rest.startswith(":"):
        raise BuiltinError("missing protocol scheme")
    if found := _SCHEME.match(rest):
        url.scheme = found[0][:-1].lower()
        rest = rest[found.end() :]
    rest, _, url.raw_query = rest.partition("?")
    if not rest.startswith("/"):
        if url.scheme:
            url.opaque = rest
            return
        if ":" in rest.partition("/")[0]:
            raise BuiltinError("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (url.scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        _read_authority(url, authority)
    url.raw_path = rest
    url.path = unescape(rest)


def _read_authority(url: Url, authority: str) -> None:
    user, at, host = authority.rpartition("@")
    _read_host(url, host)
    if at:
        if not _USER.fullmatch(user):
            raise BuiltinError("net/url: invalid userinfo")
        name, colon, password = user.partition(":")
        url.user = unescape(name) + colon + unescape(password)


def _read_host(url: Url, host: str) -> None:
    if host.rfind("[") > 0:
        raise BuiltinError("invalid IP-literal")
    if host.startswith("["):
        close = host.rfind("]")
        if close < 0:
            raise BuiltinError("missing ']' in host")
        port = host[close + 1 :]
        _check_port(port)
        url.host, url.port = _read_literal(host[1:close]), port[1:]
        return
    first, last = host.find(":"), host.rfind(":")
    if first >= 0:
        # Lists of hosts with ports are admitted, but for the web
        _check_port(host[first if url.scheme in ("http", "https") else last :])
    host = unescape(host, host=True)
    url.host, _, url.port = host.rpartition(":") if first >= 0 else (host, "", "")


def _check_port(port: str) -> None:
    if not _PORT.fullmatch(port):
        raise BuiltinError(f"invalid port {quote(port)} after host")


def _read_literal(text: str) -> str:
    """Return an IPv6 address in brackets, its zone unescaped."""
    address, mark, zone = text.partition("%25")
    host = unescape(address, host=True)
    if mark:
        host += unescape(mark + zone, zone=True)
    if error := address_error(host):
        raise BuiltinError(f"invalid host: {error}")
    if ":" not in host:
        raise BuiltinError("invalid IP-literal")
    return host


def _escaped(path: str) -> str:
    """A path as Go writes it."""
    return quote_from_bytes(path.encode("utf-8", "surrogateescape"), safe="$&+,/:;=@~")


def parse(value: Value) -> dict[str, str]:
    """Return the parts that are not empty."""
    url = read_url(string(value, 1))
    parts = {
        "scheme": url.scheme,
        "hostname": url.host,
        "port": url.port,
        "path": url.path,
        # Go keeps the path as written only where it would not write it so itself.
        "raw_path": url.path if _escaped(url.path) == url.raw_path else url.raw_path,
        "raw_query": url.raw_query,
        "fragment": url.fragment,
    }
    return {name: part for name, part in parts.items() if part}


def is_valid(value: Value) -> bool:
    """Tell whether the operand is a string, not empty, that is a URL reference."""
    if not isinstance(value, str) or not value:
        return False
    try:
        read_url(value)
    except BuiltinError:
        return False
    return True
