"""`providers.aws.sign_req`: AWS signature version 4 of an `http.send` request."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from gatewright.engine.library.civil import civil_from_days
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.gotext import rego_text
from gatewright.engine.library.jsontext import dump
from gatewright.engine.library.operands import (
    number,
    object_,
    short_integer,
    string,
    utf8,
)
from gatewright.engine.library.urls import read_url
from gatewright.engine.values import Number, Set, Value, number_text, pairs

__all__ = ["sign_req"]

_REQUEST: Final = ("method", "url")
_CONFIG: Final = (
    "aws_access_key",
    "aws_region",
    "aws_secret_access_key",
    "aws_service",
)
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
#: Headers that proxies change: sent, not signed.
_IGNORED: Final = frozenset(["authorization", "user-agent", "x-amzn-trace-id"])


def sign_req(request: Value, config: Value, time_ns: Value) -> Value:
    """Return the request with the headers that sign it."""
    wanted = dict(pairs(object_(request, 1)))
    settings = dict(pairs(object_(config, 2)))
    ns = _nanoseconds(number(time_ns, 1))  # OPA names the first operand
    _require(wanted, _REQUEST, 1, "required request parameters(s)")
    _require(settings, _CONFIG, 2, "AWS config parameters(s)", missing="required ")
    token = settings.get("aws_session_token", "")
    if not isinstance(token, str):
        raise OperandError(
            "operand 2 invalid value for 'aws_session_token' in AWS config"
        )
    unsigned = settings.get("disable_payload_signing", False)
    if not isinstance(unsigned, bool):
        raise OperandError(
            "operand 2 invalid value for 'disable_payload_signing' in AWS config"
        )
    headers = _headers(wanted.get("headers", {}))
    signed = _sign(wanted, settings, headers, _stamp(ns), token, unsigned=unsigned)
    return {**wanted, "headers": signed}


def _nanoseconds(value: int | Number) -> int:
    """The time as an integer of 64 bits, written without an exponent."""
    ns = short_integer(number_text(value))
    if ns is None:
        raise OperandError(
            "operand 3 could not convert time_ns value into a unix timestamp"
        )
    return ns


def _require(
    given: dict[Value, Value],
    names: tuple[str, ...],
    position: int,
    what: str,
    missing: str = "",
) -> None:
    absent = Set([name for name in names if name not in given])
    if absent.items:
        raise OperandError(
            f"operand {position} missing {missing}{what}: {rego_text(absent)}"
        )
    wrong = Set([name for name in names if not isinstance(given[name], str)])
    if wrong.items:
        raise OperandError(
            f"operand {position} invalid values for {missing}{what}: {rego_text(wrong)}"
        )


def _stamp(ns: int) -> str:
    days, second = divmod(ns // 1_000_000_000, 86400)
    year, month, day = civil_from_days(days)
    return (
        f"{year:04d}{month:02d}{day:02d}T"
        f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}Z"
    )


def _headers(given: Value) -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in pairs(object_(given, 1)):
        entries = value if isinstance(value, list) else [value]
        if not isinstance(name, str) or not all(isinstance(e, str) for e in entries):
            raise BuiltinError(f"invalid type for headers value: {rego_text(value)}")
        out[name.lower()] = ",".join(entries)
    return out


def _body(request: dict[Value, Value]) -> bytes:
    if "raw_body" in request:
        return utf8(string(request["raw_body"], 1))
    return utf8(dump(request["body"])) if "body" in request else b""


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _sign(
    request: dict[Value, Value],
    config: dict[Value, Value],
    headers: dict[str, str],
    stamp: str,
    token: str,
    *,
    unsigned: bool,
) -> dict[str, Value]:
    url = read_url(request["url"])
    service, region = config["aws_service"], config["aws_region"]
    digest = _UNSIGNED if unsigned else hashlib.sha256(_body(request)).hexdigest()
    host = f"{url.host}:{url.port}" if url.port else url.host
    extra = {"host": host, "x-amz-date": stamp}
    if service in ("s3", "glacier") or unsigned:
        extra["x-amz-content-sha256"] = digest
    if token:
        extra["x-amz-security-token"] = token
    # A header that the caller set is signed as it was, though sent as ours.
    every = {**extra, **headers}
    names = sorted(name for name in every if name not in _IGNORED)
    canonical = "\n".join(
        [
            request["method"],
            url.raw_path,
            url.raw_query,
            *(f"{name}:{every[name].strip()}" for name in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(utf8(canonical)).hexdigest()
    key = _hmac(f"AWS4{config['aws_secret_access_key']}".encode(), stamp[:8])
    for part in (region, service, "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}").hex()
    out: dict[str, Value] = {**headers, **extra}
    out["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={config['aws_access_key']}/{scope},"
        f"SignedHeaders={';'.join(names)},Signature={signature}"
    )
    return out
