"""The outermost header of DER, with the errors of Go's encoding/asn1."""

from __future__ import annotations

from typing import Final

from gatewright.engine.library.errors import BuiltinError

__all__ = ["check_sequence"]

_SEQUENCE: Final = 16
_PARAMETERS: Final = (
    "{optional:false explicit:false application:false private:false "
    "defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}"
)


def check_sequence(data: bytes, name: str) -> int:
    """Return where the sequence ends that the data starts with; BuiltinError for none.

    `name`: of the Go type that it is read into, which errors show.
    """
    if not data:
        raise BuiltinError("asn1: syntax error: sequence truncated")
    kind, compound, tag = data[0] >> 6, bool(data[0] & 0x20), data[0] & 0x1F
    at = 1
    if tag == 0x1F:
        tag, at = _base128(data, at)
        if tag < 0x1F:
            raise BuiltinError("asn1: syntax error: non-minimal tag")
    length, at = _length(data, at)
    if kind or tag != _SEQUENCE or not compound:
        shown = "true" if compound else "false"
        raise BuiltinError(
            f"asn1: structure error: tags don't match ({_SEQUENCE} vs {{class:{kind} "
            f"tag:{tag} length:{length} isCompound:{shown}}}) {_PARAMETERS} {name} @{at}"
        )
    if at + length > len(data):
        raise BuiltinError("asn1: syntax error: data truncated")
    return at + length


def _base128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[at:]):
        if count == 5:
            raise BuiltinError("asn1: structure error: base 128 integer too large")
        value = value << 7 | byte & 0x7F
        if count == 0 and byte == 0x80:
            raise BuiltinError("asn1: syntax error: integer is not minimally encoded")
        if not byte & 0x80:
            if value > 0x7FFFFFFF:
                raise BuiltinError("asn1: structure error: base 128 integer too large")
            return value, at + count + 1
    raise BuiltinError("asn1: syntax error: truncated base 128 integer")


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise BuiltinError("asn1: syntax error: truncated tag or length")
    first = data[at]
    at += 1
    if not first & 0x80:
        return first, at
    count = first & 0x7F
    if count == 0:
        raise BuiltinError("asn1: syntax error: indefinite length found (not DER)")
    length = 0
    for _ in range(count):
        if at >= len(data):
            raise BuiltinError("asn1: syntax error: truncated tag or length")
        if length >= 1 << 23:
            raise BuiltinError("asn1: structure error: length too large")
        length = length << 8 | data[at]
        at += 1
        if length == 0:
            raise BuiltinError(
                "asn1: structure error: superfluous leading zeros in length"
            )
    if length < 0x80:
        raise BuiltinError("asn1: structure error: non-minimal length")
    return length, at
