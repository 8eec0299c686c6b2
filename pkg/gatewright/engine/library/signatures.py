"""JWS algorithms and their keys: PEM, JWK, JWK sets.

Small keys are accepted, as OPA accepts them; a policy says which keys it trusts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, load_der_x509_certificate

from gatewright.engine.library.budget import charge
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.jsontext import load
from gatewright.engine.library.operands import utf8
from gatewright.engine.library.pem import read_pem

__all__ = [
    "ALGORITHMS",
    "VerifyKey",
    "private_key",
    "read_certificate",
    "serial_number",
    "sign",
    "verify",
    "verify_keys",
]

_HASHES: Final[dict[str, Any]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: Final[dict[str, Any]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
ALGORITHMS: Final = frozenset(
    [f"{family}{size}" for family in ("HS", "RS", "PS", "ES") for size in _HASHES]
    + ["EdDSA"]
)
#: Bits of an RSA modulus at most: OpenSSL's own limit, and Go's is no higher. Keys
#: are read and used by C code that nothing stops.
MAX_RSA_BITS: Final = 16384
#: Steps of reading a key, and of checking a signature with one.
_READ_KEY: Final = 10_000
_CHECK: Final = 25_000


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A key, with the `alg` and `kid` of its JWK, "" where it has none."""

    key: Any
    alg: str = ""
    kid: str = ""


#: The list of filters that a block of `catch_warnings` puts back is the process's.
_FILTERS: Final = threading.Lock()


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate as Go does: a serial number may be 0, but not negative.

    Raises ValueError and UnsupportedAlgorithm for what is none.
    """
    with _unwarned():
        found = load_der_x509_certificate(der)
    if serial_number(found) < 0:
        raise BuiltinError("x509: negative serial number")
    return found


def serial_number(certificate: Certificate) -> int:
    """The number that the issuer gave to a certificate."""
    with _unwarned():
        return certificate.serial_number


@contextmanager
def _unwarned() -> Iterator[None]:
    # The library means to refuse a serial number of 0 one day, and warns of it.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        yield


@lru_cache(200)
def verify_keys(text: str) -> tuple[VerifyKey, ...]:
    """Read a PEM certificate or public key, a JWK or a set of them."""
    block = read_pem(utf8(text))
    if block is None:
        return _jwks(text)
    label, data, rest = block
    if rest:
        raise BuiltinError("extra data after a PEM certificate block")
    try:
        if label == "CERTIFICATE":
            what = "certificate"
            key: Any = read_certificate(data).public_key()
        elif label == "PUBLIC KEY":
            what = "public key"
            key = serialization.load_der_public_key(data)
        else:
            raise BuiltinError("failed to extract a Key from the PEM certificate")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BuiltinError(f"failed to parse a PEM {what}: {error}") from error
    return (VerifyKey(key),)


def _jwks(text: str) -> tuple[VerifyKey, ...]:
    try:
        document = _document(text)
        if not isinstance(document, dict):
            raise ValueError(_NO_KEY if document is None else "not an object")
        entries = document.get("keys", [document])
        out = []
        for entry in entries:
            try:
                key = _public(entry)
            except _UnknownKeyType:
                if "keys" not in document:
                    raise
                continue
            out.append(VerifyKey(key, entry.get("alg") or "", entry.get("kid") or ""))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BuiltinError(
            "failed to parse a JWK key (set): jwk.ParseString: failed to parse string: "
            f"jwk.Parse: failed to parse sole key: jwk.ParseKey: {error}"
        ) from error
    return tuple(out)


def _document(text: str) -> Any:
    try:
        return load(text)
    except ValueError as error:
        raise ValueError(
            f"jwk.Parse: failed to probe data: probe: failed to unmarshal data: {error}"
        ) from None


#: What is said of JSON that names no type.
_NO_KEY: Final = "invalid key type from JSON ()"


class _UnknownKeyType(ValueError):
    pass


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    if not isinstance(jwk.get(name), str):
        raise ValueError(f"field {name} is missing")
    text = jwk[name]
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


def _int(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_bytes(jwk, name), "big")


def _modulus(jwk: Mapping[str, Any]) -> int:
    found = _int(jwk, "n")
    if found.bit_length() > MAX_RSA_BITS:
        raise ValueError(f"an RSA modulus has more than {MAX_RSA_BITS} bits")
    return found


def _public(jwk: Mapping[str, Any]) -> Any:
    charge(_READ_KEY)
    kind = jwk.get("kty")
    if kind == "RSA":
        return rsa.RSAPublicNumbers(_int(jwk, "e"), _modulus(jwk)).public_key()
    if kind == "EC":
        curve = _CURVES[jwk["crv"]]()
        numbers = ec.EllipticCurvePublicNumbers(_int(jwk, "x"), _int(jwk, "y"), curve)
        return numbers.public_key()
    if kind == "OKP" and jwk.get("crv") == "Ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
    if kind == "oct":
        return _bytes(jwk, "k")
    raise _UnknownKeyType(f"invalid key type from JSON ({kind or ''})")


@lru_cache(100)
def private_key(text: str) -> Any:
    """Read the key that signs from a JWK or the first of a set."""
    try:
        document = _document(text)
        if not isinstance(document, dict):
            raise ValueError(_NO_KEY if document is None else "not an object")
        jwk = document["keys"][0] if "keys" in document else document
        kind = jwk.get("kty")
        if kind == "RSA":
            return _rsa_private(jwk)
        if kind == "EC":
            return ec.derive_private_key(_int(jwk, "d"), _CURVES[jwk["crv"]]())
        if kind == "OKP" and jwk.get("crv") == "Ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(_bytes(jwk, "d"))
        if kind == "oct":
            return _bytes(jwk, "k")
        raise ValueError(f"invalid key type from JSON ({kind or ''})")
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BuiltinError(
            f"jwk.Parse: failed to parse sole key: jwk.ParseKey: {error}"
        ) from error


def _rsa_private(jwk: Mapping[str, Any]) -> rsa.RSAPrivateKey:
    modulus, public, private = _modulus(jwk), _int(jwk, "e"), _int(jwk, "d")
    if max(public, private) > modulus:
        raise ValueError("exponents are larger than the modulus")
    charge(_CHECK * (modulus.bit_length() // 1024 + 1) ** 3)
    if "p" in jwk and "q" in jwk:
        first, second = _int(jwk, "p"), _int(jwk, "q")
    else:
        first, second = rsa.rsa_recover_prime_factors(modulus, public, private)
    numbers = rsa.RSAPrivateNumbers(
        p=first,
        q=second,
        d=private,
        dmp1=private % (first - 1),
        dmq1=private % (second - 1),
        iqmp=pow(second, -1, first),
        public_numbers=rsa.RSAPublicNumbers(public, modulus),
    )
    return numbers.private_key()


def verify(key: Any, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature holds; a key of another kind never does."""
    charge(_CHECK)
    family, size = algorithm[:2], algorithm[2:]
    if family == "HS":
        if not isinstance(key, bytes):
            return False
        digest = hmac.new(key, message, getattr(hashlib, f"sha{size}")).digest()
        return hmac.compare_digest(digest, signature)
    try:
        if algorithm == "EdDSA":
            if not isinstance(key, ed25519.Ed25519PublicKey):
                return False
            key.verify(signature, message)
        elif family == "ES":
            if not isinstance(key, ec.EllipticCurvePublicKey):
                return False
            half = (key.key_size + 7) // 8
            if len(signature) != 2 * half:
                return False
            encoded = encode_dss_signature(
                int.from_bytes(signature[:half], "big"),
                int.from_bytes(signature[half:], "big"),
            )
            key.verify(encoded, message, ec.ECDSA(_HASHES[size]()))
        else:
            if not isinstance(key, rsa.RSAPublicKey):
                return False
            key.verify(signature, message, _padding(family, size), _HASHES[size]())
    except (InvalidSignature, ValueError):
        return False
    return True


def _padding(family: str, size: str) -> Any:
    if family == "RS":
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(_HASHES[size]()), padding.PSS.AUTO)


def sign(key: Any, algorithm: str, message: bytes) -> bytes:
    """Sign; BuiltinError when the key is of another kind."""
    charge(_CHECK)
    family, size = algorithm[:2], algorithm[2:]
    if family in ("RS", "PS") and isinstance(key, rsa.RSAPrivateKey):
        charge(_CHECK * (key.key_size // 1024 + 1) ** 3)
    if family == "HS" and isinstance(key, bytes):
        return hmac.new(key, message, getattr(hashlib, f"sha{size}")).digest()
    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if family == "ES" and isinstance(key, ec.EllipticCurvePrivateKey):
        half = (key.key_size + 7) // 8
        first, second = decode_dss_signature(
            key.sign(message, ec.ECDSA(_HASHES[size]()))
        )
        return first.to_bytes(half, "big") + second.to_bytes(half, "big")
    if family in ("RS", "PS") and isinstance(key, rsa.RSAPrivateKey):
        how = _padding(family, size)
        if family == "PS":
            digest = _HASHES[size]()
            how = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
        return key.sign(message, how, _HASHES[size]())
    raise BuiltinError(
        f"failed to sign message: key does not fit algorithm {algorithm}"
    )
