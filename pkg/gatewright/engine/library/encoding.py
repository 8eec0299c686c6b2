"""`base64.*`, `base64url.*`, `hex.*`, `urlquery.*`.

Decoded bytes that are no UTF-8 stay as they are (surrogates in a str).
"""

from __future__ import annotations

import base64
from typing import Final

from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.operands import object_, string, utf8
from gatewright.engine.library.urls import escape_query, unescape
from gatewright.engine.values import Set, Value, pairs

__all__ = [
    "base64_decode",
    "base64_encode",
    "base64_is_valid",
    "base64url_decode",
    "base64url_encode",
    "base64url_encode_no_pad",
    "decode_base64",
    "hex_decode",
    "hex_encode",
    "query_decode",
    "query_decode_object",
    "query_encode",
    "query_encode_object",
]

_QUERY_VALUES: Final = "operand 1 values must be string, array[string], or set[string]"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_STANDARD: Final = frozenset(_LETTERS + b"+/")
_URL: Final = frozenset(_LETTERS + b"-_")


def text_of(data: bytes) -> str:
    """Return bytes as a string value."""
    return data.decode("utf-8", "surrogateescape")


def decode_base64(data: bytes, *, url: bool = False) -> bytes:
    """Decode padded base64 as Go does: line ends are skipped, errors have places."""
    alphabet = _URL if url else _STANDARD
    bad = _corrupt(data, alphabet)
    if bad is not None:
        raise BuiltinError(f"illegal base64 data at input byte {bad}")
    clean = data.replace(b"\n", b"").replace(b"\r", b"")
    return base64.urlsafe_b64decode(clean) if url else base64.b64decode(clean)


def _corrupt(data: bytes, alphabet: frozenset[int]) -> int | None:
    """Return the place of what is wrong; None when all is well."""
    at, size = 0, len(data)
    while True:
        filled = 0
        while filled < 4:
            if at == size:
                return at - filled if filled else None
            byte = data[at]
            at += 1
            if byte in alphabet:
                filled += 1
                continue
            if byte in b"\r\n":
                continue
            if byte != 0x3D or filled < 2:
                return at - 1
            if filled == 2:
                at = _skip_lines(data, at)
                if at == size:
                    return size
                if data[at] != 0x3D:
                    return at - 1
                at += 1
            at = _skip_lines(data, at)
            return at if at < size else None


def _skip_lines(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in b"\r\n":
        at += 1
    return at


def base64_encode(value: Value) -> str:
    """Encode with the standard alphabet, padded."""
    return base64.b64encode(utf8(string(value, 1))).decode()


def base64_decode(value: Value) -> str:
    """Decode the standard alphabet; padding is needed."""
    return text_of(decode_base64(utf8(string(value, 1))))


def base64_is_valid(value: Value) -> bool:
    """Tell whether the operand is a string that decodes."""
    return isinstance(value, str) and _corrupt(utf8(value), _STANDARD) is None


def base64url_encode(value: Value) -> str:
    """Encode with the URL alphabet, padded."""
    return base64.urlsafe_b64encode(utf8(string(value, 1))).decode()


def base64url_encode_no_pad(value: Value) -> str:
    """Encode with the URL alphabet, without padding."""
    return base64url_encode(value).rstrip("=")


def base64url_decode(value: Value) -> str:
    """Decode the URL alphabet; padding may be left out."""
    return text_of(decode_base64url(string(value, 1)))


def decode_base64url(text: str) -> bytes:
    """Decode the URL alphabet, padded or not."""
    data = utf8(text)
    if not data.endswith(b"="):
        if len(data) % 4 == 1:
            raise BuiltinError(f"illegal base64url string: {text}")
        data += b"=" * (-len(data) % 4)
    return decode_base64(data, url=True)


def hex_encode(value: Value) -> str:
    """Encode bytes as lower-case hexadecimal digits."""
    return utf8(string(value, 1)).hex()


def hex_decode(value: Value) -> str:
    """Decode hexadecimal digits."""
    data = utf8(string(value, 1))
    for byte in data:
        if byte not in b"0123456789abcdefABCDEF":
            char = chr(byte)
            shown = f" '{char}'" if char.isprintable() else ""
            raise BuiltinError(f"encoding/hex: invalid byte: U+{byte:04X}{shown}")
    if len(data) % 2:
        raise BuiltinError("encoding/hex: odd length hex string")
    return text_of(bytes.fromhex(data.decode()))


def query_encode(value: Value) -> str:
    """Escape for a query string: a space becomes `+`."""
    return escape_query(string(value, 1))


def query_decode(value: Value) -> str:
    """Undo `urlquery.encode`."""
    return unescape(string(value, 1), plus=True)


def query_encode_object(value: Value) -> str:
    """Encode an object of strings, or of arrays or sets of them, by key."""
    out: list[str] = []
    for key, entry in pairs(object_(value, 1)):
        if isinstance(entry, str):
            texts = [entry]
        elif isinstance(entry, (list, Set)):
            texts = list(entry if isinstance(entry, list) else entry.items)
        else:
            raise OperandError(_QUERY_VALUES)
        if not all(isinstance(text, str) for text in texts):
            raise OperandError(_QUERY_VALUES)
        name = key if isinstance(key, str) else rego_text(key)
        out += [f"{escape_query(name)}={escape_query(text)}" for text in texts]
    return "&".join(out)


def query_decode_object(value: Value) -> dict[str, Value]:
    """Decode a query string into arrays by key."""
    out: dict[str, Value] = {}
    for pair in string(value, 1).split("&"):
        if not pair:
            continue
        if ";" in pair:
            raise BuiltinError("invalid semicolon separator in query")
        key, _, text = pair.partition("=")
        name = unescape(key, plus=True)
        out.setdefault(name, []).append(unescape(text, plus=True))
    return out
