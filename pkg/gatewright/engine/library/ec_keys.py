"""Private keys of elliptic curves (RFC 5915), alone or in PKCS #8 (RFC 5958).

They may hold their public half, too.  Go does not look at it and makes it anew, where
OpenSSL refuses a key whose halves do not belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["without_public_half"]

_SEQUENCE: Final = 0x30
_OCTETS: Final = 0x04
_PUBLIC: Final = 0xA1


def without_public_half(der: bytes) -> bytes:
    """The same key without it; raises ValueError for what is no such key."""
    ((tag, content),) = _parts(der)
    if tag != _SEQUENCE:
        raise ValueError("no sequence")
    parts = list(_parts(content))
    if len(parts) > 2 and parts[1][0] == _SEQUENCE and parts[2][0] == _OCTETS:
        parts[2] = _OCTETS, without_public_half(parts[2][1])
    else:
        parts = [one for one in parts if one[0] != _PUBLIC]
    return _written(_SEQUENCE, b"".join(_written(*one) for one in parts))


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags, as their first byte, and contents of values that stand in a row."""
    at = 0
    while at < len(data):
        head = data[at : at + 2]
        if len(head) < 2 or head[0] & 0x1F == 0x1F:
            raise ValueError("no value of one tag")
        length, at = head[1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("truncated")
        yield head[0], data[at : at + length]
        at += length


def _written(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
