"""`crypto.md5`, `crypto.sha*`, `crypto.hmac.*`: lower-case hexadecimal digests."""

from __future__ import annotations

import hashlib
import hmac

from gatewright.engine.library.operands import string, utf8
from gatewright.engine.values import Value

__all__ = [
    "hmac_equal",
    "hmac_md5",
    "hmac_sha1",
    "hmac_sha256",
    "hmac_sha512",
    "md5",
    "sha1",
    "sha256",
]


def md5(value: Value) -> str:
    """Return the MD5 digest."""
    return hashlib.md5(utf8(string(value, 1)), usedforsecurity=False).hexdigest()


def sha1(value: Value) -> str:
    """Return the SHA-1 digest."""
    return hashlib.sha1(utf8(string(value, 1)), usedforsecurity=False).hexdigest()


def sha256(value: Value) -> str:
    """Return the SHA-256 digest."""
    return hashlib.sha256(utf8(string(value, 1))).hexdigest()


def _hmac(message: Value, key: Value, digest: str) -> str:
    text, secret = string(message, 1), string(key, 2)
    return hmac.new(utf8(secret), utf8(text), digest).hexdigest()


def hmac_md5(message: Value, key: Value) -> str:
    """Return the HMAC with MD5."""
    return _hmac(message, key, "md5")


def hmac_sha1(message: Value, key: Value) -> str:
    """Return the HMAC with SHA-1."""
    return _hmac(message, key, "sha1")


def hmac_sha256(message: Value, key: Value) -> str:
    """Return the HMAC with SHA-256."""
    return _hmac(message, key, "sha256")


def hmac_sha512(message: Value, key: Value) -> str:
    """Return the HMAC with SHA-512."""
    return _hmac(message, key, "sha512")


def hmac_equal(first: Value, second: Value) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(utf8(string(first, 1)), utf8(string(second, 2)))
