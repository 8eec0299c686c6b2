"""The `io.jwt.*` family: JSON web tokens in compact form."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from gatewright.engine.library import signatures
from gatewright.engine.library.context import Context
from gatewright.engine.library.encoding import decode_base64url
from gatewright.engine.library.errors import BuiltinError, operand_error
from gatewright.engine.library.jsontext import dump, load, load_first
from gatewright.engine.library.operands import object_, string, utf8
from gatewright.engine.values import Number, Value, compare, is_number, pairs, type_name

__all__ = [
    "decode",
    "decode_verify",
    "encode_sign",
    "encode_sign_raw",
    "verifiers",
]

#: A token may hold a token; OPA has no bound.
MAX_NESTED: Final = 50
_CONSTRAINTS: Final = frozenset(["alg", "aud", "cert", "iss", "secret", "time"])


@dataclass(slots=True)
class _Token:
    """The three parts as they stand, and the header read."""

    header: str
    payload: str
    signature: str
    fields: dict[str, Value]

    @property
    def signed(self) -> bytes:
        return utf8(f"{self.header}.{self.payload}")

    def text(self, name: str) -> str:
        """Return a header that is a string, "" when it is not."""
        found = self.fields.get(name)
        return found if isinstance(found, str) else ""


def _part(text: str, what: str) -> bytes:
    try:
        return decode_base64url(text)
    except BuiltinError as error:
        raise BuiltinError(f"JWT {what} had invalid encoding: {error}") from None


def _object(data: bytes) -> dict[str, Value]:
    try:
        value = load_first(data)
    except ValueError as error:
        raise BuiltinError(f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise BuiltinError("decoded JSON type was not an Object")
    return value


def _sections(value: Value) -> list[str]:
    text = string(value, 1)
    if "." not in text:
        raise BuiltinError("encoded JWT had no period separators")
    parts = text.split(".")
    if len(parts) != 3:
        raise BuiltinError(f"encoded JWT must have 3 sections, found {len(parts)}")
    return parts


def _token(value: Value) -> _Token:
    return _read_header(_sections(value))


def _read_header(parts: list[str]) -> _Token:
    header = _part(parts[0], "header")
    try:
        fields = _object(header)
    except BuiltinError as error:
        raise BuiltinError(f"bad JWT header: {error}") from None
    if "enc" in fields:
        raise BuiltinError("JWT is a JWE object, which is not supported")
    return _Token(parts[0], parts[1], parts[2], fields)


def decode(value: Value) -> list[Value]:
    """Return header, payload and the signature in hexadecimal, unverified."""
    for _ in range(MAX_NESTED):
        token = _token(value)
        payload = _part(token.payload, "payload")
        if token.text("cty") == "JWT":
            value = payload.decode("utf-8", "surrogateescape").strip("\"'")
            continue
        claims = _object(payload)
        return [token.fields, claims, _part(token.signature, "signature").hex()]
    raise BuiltinError("JWT is nested too deep")


def _verify(algorithm: str, value: Value, key: Value) -> bool:
    if algorithm.startswith("HS"):
        # Nobody looks at the header.
        string(value, 1)
        text = string(key, 2)
        parts = _sections(value)
        signed = utf8(f"{parts[0]}.{parts[1]}")
        return signatures.verify(
            utf8(text), algorithm, signed, decode_base64url(parts[2])
        )
    parts = _sections(value)
    keys = signatures.verify_keys(string(key, 2))
    signature = decode_base64url(parts[2])
    token = _read_header(parts)
    return _any_key(keys, token, algorithm, signature)


def _any_key(
    keys: tuple[signatures.VerifyKey, ...],
    token: _Token,
    algorithm: str,
    signature: bytes,
) -> bool:
    """Try the key that the header names, else each that may be meant."""
    kid = token.text("kid")
    named = [key for key in keys if kid and key.kid == kid]
    header_alg = token.text("alg")
    for key in named[:1] or keys:
        if not named and key.alg and key.alg != header_alg:
            continue
        if signatures.verify(key.key, algorithm, token.signed, signature):
            return True
    return False


#: `io.jwt.verify_*`: algorithm -> function(token, key).
verifiers: Final[dict[str, Callable[[Value, Value], bool]]] = {
    name: partial(_verify, name) for name in sorted(signatures.ALGORITHMS)
}
verify_hs256 = verifiers["HS256"]
verify_hs384 = verifiers["HS384"]
verify_hs512 = verifiers["HS512"]
verify_rs256 = verifiers["RS256"]
verify_rs384 = verifiers["RS384"]
verify_rs512 = verifiers["RS512"]
verify_ps256 = verifiers["PS256"]
verify_ps384 = verifiers["PS384"]
verify_ps512 = verifiers["PS512"]
verify_es256 = verifiers["ES256"]
verify_es384 = verifiers["ES384"]
verify_es512 = verifiers["ES512"]
verify_eddsa = verifiers["EdDSA"]


@dataclass(slots=True)
class _Constraints:
    """What `io.jwt.decode_verify` demands; "" where it demands nothing."""

    keys: tuple[signatures.VerifyKey, ...] | None = None
    secret: str = ""
    alg: str = ""
    iss: str = ""
    aud: str = ""
    time: float = 0.0


def _constraints(ctx: Context, value: Value) -> _Constraints:
    out = _Constraints(time=float(ctx.clock))
    for key, wanted in pairs(object_(value, 2)):
        if not isinstance(key, str) or key not in _CONSTRAINTS:
            raise BuiltinError(f"unknown token validation constraint: {key}")
        if key == "time":
            if not is_number(wanted):
                raise BuiltinError("token time constraint: must be a number")
            out.time = float(wanted)
            continue
        if not isinstance(wanted, str):
            raise BuiltinError(f"{key} constraint: must be a string")
        if key == "cert":
            out.keys = signatures.verify_keys(wanted)
        else:
            setattr(out, key, wanted)
    if out.keys is not None and out.secret:
        raise BuiltinError("duplicate key constraints")
    if out.keys is None and not out.secret:
        raise BuiltinError("no key constraint")
    return out


def decode_verify(ctx: Context, value: Value, constraints: Value) -> list[Value]:
    """Return [true, header, payload], or [false, {}, {}] when something is amiss."""
    rejected: list[Value] = [False, {}, {}]
    if not isinstance(value, str):
        raise operand_error(1, value, "string")
    wanted = _constraints(ctx, constraints)
    for _ in range(MAX_NESTED):
        token = _token(value)
        alg = token.text("alg")
        if not alg or "crit" in token.fields or (wanted.alg and wanted.alg != alg):
            return rejected
        if alg not in signatures.ALGORITHMS:
            return rejected
        signature = _part(token.signature, "signature")
        if wanted.keys is not None:
            good = _any_key(wanted.keys, token, alg, signature)
        else:
            secret = utf8(wanted.secret)
            good = signatures.verify(secret, alg, token.signed, signature)
        if not good:
            return rejected
        payload = _part(token.payload, "payload")
        if token.text("cty").upper() == "JWT":
            # Unlike `decode`, quotes around it are not taken off
            value = payload.decode("utf-8", "surrogateescape")
            continue
        claims = _object(payload)
        fits = _claims_fit(claims, wanted)
        return [True, token.fields, claims] if fits else rejected
    raise BuiltinError("JWT is nested too deep")


def _claims_fit(claims: dict[str, Value], wanted: _Constraints) -> bool:
    if wanted.iss and claims.get("iss") != wanted.iss:
        return False
    if "aud" in claims:
        audience = claims["aud"]
        listed = audience if isinstance(audience, list) else [audience]
        if wanted.aud not in [entry for entry in listed if isinstance(entry, str)]:
            return False
    elif wanted.aud:
        return False
    now: Value = Number(repr(wanted.time / 1e9))
    for name in ("exp", "nbf"):
        if name in claims and not is_number(claims[name]):
            raise BuiltinError(f"{name} value must be a number")
    if "exp" in claims and compare(now, claims["exp"]) >= 0:
        return False
    return not ("nbf" in claims and compare(now, claims["nbf"]) < 0)


def encode_sign(headers: Value, payload: Value, key: Value) -> str:
    """Sign a payload; header and payload are printed with sorted keys."""
    texts = [dump(part) for part in (headers, payload, key)]
    return _encode(texts[0], texts[1], texts[2])


def encode_sign_raw(headers: Value, payload: Value, key: Value) -> str:
    """Sign a payload as it stands under a header as it stands."""
    parts = [string(part, i) for i, part in enumerate((headers, payload, key), 1)]
    return _encode(parts[0], parts[1], parts[2])


def _encode(headers: str, payload: str, key: str) -> str:
    signer = signatures.private_key(key)
    fields = _sign_header(headers)
    alg = fields.get("alg")
    if "alg" in fields and not isinstance(alg, str):
        raise BuiltinError(
            "missing or invalid 'alg' header: value doesn't contain string; "
            f"it contains {type_name(alg)}"
        )
    if not isinstance(alg, str):
        raise BuiltinError(
            "missing or invalid 'alg' header: jwsbb: header \"alg\" not found"
        )
    if fields.get("typ", "JWT") in ("", "JWT"):
        try:
            load(payload)
        except ValueError:
            raise BuiltinError("type is JWT but payload is not JSON") from None
    if alg not in signatures.ALGORITHMS:
        raise BuiltinError(f"unknown JWS algorithm: {alg}")
    message = f"{_encoded(utf8(headers))}.{_encoded(utf8(payload))}"
    return f"{message}.{_encoded(signatures.sign(signer, alg, message.encode()))}"


def _sign_header(headers: str) -> dict[str, Any]:
    if not headers:
        raise BuiltinError(
            "missing or invalid 'alg' header: cannot parse JSON: "
            "cannot parse empty string"
        )
    try:
        fields = load(headers)
    except ValueError as error:
        if headers[:1] not in ("{", "["):
            return {}
        raise BuiltinError(
            f"missing or invalid 'alg' header: cannot parse JSON: {error}"
        ) from None
    return fields if isinstance(fields, dict) else {}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
