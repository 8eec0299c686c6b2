"""PEM blocks as Go's encoding/pem finds them, whatever stands around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatewright.engine.library.budget import charge
from gatewright.engine.library.encoding import decode_base64
from gatewright.engine.library.errors import BuiltinError

__all__ = ["pem_blocks", "read_pem"]

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"\n-----END "
_DASHES: Final = b"-----"


def pem_blocks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield label and bytes of each block, until there is none."""
    while block := read_pem(data):
        yield block[0], block[1]
        data = block[2]


def read_pem(data: bytes) -> tuple[str, bytes, bytes] | None:
    """Return label, bytes and what follows of the first PEM block; None: no block."""
    charge(100 + len(data) // 16)
    at = 0
    # To each line that ends a block belongs the last one before it that begins one
    while (end := data.find(_END, at)) >= 0:
        trailer = end + len(_END)
        begin = data.rfind(_BEGIN, at, end)
        fresh = begin == at or data[begin - 1 : begin] == b"\n"
        if begin < 0 or not fresh:
            at = trailer
            continue
        label, body = _line(data, begin + len(_BEGIN))
        if not label.endswith(_DASHES):
            at = trailer
            continue
        start = _behind_headers(data, body)
        if start is None or start > trailer:
            return None
        found = None
        if start <= end or start == body:
            found = _closed(data, label.removesuffix(_DASHES), trailer)
        if found is not None:
            try:
                inner = data[start:end].translate(None, b" \t") if end > start else b""
                octets = decode_base64(inner)
            except BuiltinError:
                pass
            else:
                name = label.removesuffix(_DASHES).decode("utf-8", "surrogateescape")
                return name, octets, data[found:]
        at = trailer
    return None


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    """A line without blanks at its end, and where the next one begins."""
    end = data.find(b"\n", at)
    if end < 0:
        return data[at:].rstrip(b" \t"), len(data)
    return data[at:end].removesuffix(b"\r").rstrip(b" \t"), end + 1


def _behind_headers(data: bytes, at: int) -> int | None:
    """Where the first line begins that has no colon; None at the end of all."""
    while at < len(data):
        line, following = _line(data, at)
        if b":" not in line:
            return at
        at = following
    return None


def _closed(data: bytes, label: bytes, at: int) -> int | None:
    """Where what follows a block begins, if this is its last line."""
    if not data.startswith(label + _DASHES, at):
        return None
    rest, following = _line(data, at + len(label) + len(_DASHES))
    return None if rest else following
