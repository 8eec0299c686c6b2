"""The bytes of a YAML stream as characters, as Go's library reads them.

It decodes 512 bytes at a time and looks at what they are only then, so what is wrong
far down comes to light after mistakes in what precedes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Input", "read_input"]

#: Bytes that are decoded together.
_CHUNK: Final = 512
#: How far the scanner looks ahead of a token.
AHEAD: Final = 4
_CONTROL: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_BOMS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Input:
    """`text` ends with what the scanner may look at behind the end.

    `fault`: what is wrong in the bytes; the scanner meets it at the index `limit`.
    """

    text: str
    limit: int = -1
    fault: str = ""


def read_input(data: bytes) -> Input:
    """Decode a stream."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text, size, fault = _wide(data[2:], encoding)
            break
    else:
        text, size, fault = _narrow(data.removeprefix(b"\xef\xbb\xbf"))
    found = _CONTROL.search(text)
    if found:
        text, fault = text[: found.start()], "control characters are not allowed"
        size = len(text.encode())
    if not fault:
        return Input(text + "\0" * AHEAD)
    # Of the chunk that holds the fault the scanner sees nothing.
    seen = size // _CHUNK * _CHUNK
    limit = len(text.encode()[:seen].decode("utf-8", "ignore"))
    return Input(text[:limit] + "\0" * AHEAD, limit, fault)


def _narrow(data: bytes) -> tuple[str, int, str]:
    """UTF-8: what is right of it, how many bytes that is, and the fault behind it."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        good = data[: error.start]
        return good.decode(), len(good), _octets(data[error.start :])
    return text, len(data), ""


def _octets(rest: bytes) -> str:
    """What is wrong with the first character."""
    lead = rest[0]
    widths = ((2, 0xE0, 0xC0), (3, 0xF0, 0xE0), (4, 0xF8, 0xF0))
    found = [(size, mask) for size, mask, mark in widths if lead & mask == mark]
    if not found:
        return "invalid leading UTF-8 octet"
    size, mask = found[0]
    if len(rest) < size:
        return "incomplete UTF-8 octet sequence"
    value = lead & ~mask & 0xFF
    for byte in rest[1:size]:
        if byte & 0xC0 != 0x80:
            return "invalid trailing UTF-8 octet"
        value = value << 6 | byte & 0x3F
    if value < (0x80, 0x800, 0x10000)[size - 2]:
        return "invalid length of a UTF-8 sequence"
    return "invalid Unicode character"


def _wide(data: bytes, encoding: str) -> tuple[str, int, str]:
    """UTF-16, as `_narrow`."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data[: error.start].decode(encoding)
        rest = data[error.start :]
        if len(rest) < 2:
            fault = "incomplete UTF-16 character"
        else:
            unit = int.from_bytes(rest[:2], "little" if "le" in encoding else "big")
            if unit & 0xFC00 == 0xDC00:
                fault = "unexpected low surrogate area"
            elif len(rest) < 4:
                fault = "incomplete UTF-16 surrogate pair"
            else:
                fault = "expected low surrogate area"
        return text, error.start, fault
    return text, len(data), ""
