"""`uuid.rfc4122` and `uuid.parse`."""

from __future__ import annotations

import re
import uuid
from typing import Final

from gatewright.engine.library.context import Context
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.operands import string
from gatewright.engine.values import UNDEFINED, Value

__all__ = ["parse", "rfc4122"]

_FORM: Final = re.compile(
    r"(?i:urn:uuid:)?([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-"
    r"([0-9a-fA-F]{4})-([0-9a-fA-F]{12})"
)
_BARE: Final = re.compile(r"[0-9a-fA-F]{32}")
#: 100 ns steps from the start of the Gregorian calendar to 1970.
_GREGORIAN: Final = 122_192_928_000_000_000
_DOMAINS: Final = ("Person", "Group", "Org")


def rfc4122(ctx: Context, key: Value) -> str:
    """Return a random UUID, the same for the same operand in a query."""
    memo = ("uuid.rfc4122", rego_text(key))
    if memo not in ctx.memory:
        ctx.memory[memo] = str(uuid.UUID(int=ctx.random().getrandbits(128), version=4))
    found: str = ctx.memory[memo]
    return found


def parse(value: Value) -> Value:
    """Return what a UUID says of itself; undefined for any other text."""
    text = string(value, 1)
    raw = _raw(text)
    if raw is None:
        return UNDEFINED
    top = raw[8]
    variant = (
        "RFC4122"
        if top & 0xC0 == 0x80
        else "Microsoft"
        if top & 0xE0 == 0xC0
        else "Future"
        if top & 0xE0 == 0xE0
        else "Reserved"
    )
    version = raw[6] >> 4
    out: dict[str, Value] = {"version": version, "variant": variant}
    if version not in (1, 2):
        return out
    ticks = int.from_bytes(raw[0:4], "big")
    ticks |= int.from_bytes(raw[4:6], "big") << 32
    ticks |= (int.from_bytes(raw[6:8], "big") & 0xFFF) << 48
    # A signed number of 64 bits that wraps.
    nanoseconds = (ticks - _GREGORIAN) * 100
    out["time"] = (nanoseconds + (1 << 63)) % (1 << 64) - (1 << 63)
    out["nodeid"] = raw[10:].hex("-")
    scope = "local" if raw[10] & 2 else "global"
    out["macvariables"] = f"{scope}:{'multicast' if raw[10] & 1 else 'unicast'}"
    out["clocksequence"] = int.from_bytes(raw[8:10], "big") & 0x3FFF
    if version == 2:
        out["id"] = int.from_bytes(raw[0:4], "big")
        domain = raw[9]
        out["domain"] = _DOMAINS[domain] if domain < 3 else f"Domain{domain}"
    return out


def _raw(text: str) -> bytes | None:
    if len(text) == 38:
        text = text[1:-1]
        if text[:1] in "uU":
            return None
    if len(text) in (36, 45):
        found = _FORM.fullmatch(text)
        return bytes.fromhex("".join(found.groups())) if found else None
    return bytes.fromhex(text) if _BARE.fullmatch(text) else None
