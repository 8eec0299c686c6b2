"""`http.send`: one HTTP request of a policy.

What is kept of answers, and for how long, is in `http_cache`. Which hosts may be
asked is `Context.http`'s to say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.engine.library.context import Context
from gatewright.engine.library.durations import parse_duration
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.gotext import quote, rego_text
from gatewright.engine.library.http_cache import Keeping, answered
from gatewright.engine.library.http_transport import (
    Answer,
    NetworkError,
    Tls,
    send_request,
)
from gatewright.engine.library.jsontext import dump, load
from gatewright.engine.library.operands import object_, utf8, whole
from gatewright.engine.library.urls import read_url
from gatewright.engine.library.yamls import read_yaml
from gatewright.engine.values import Set, Value, is_number, is_object, pairs, type_name

__all__ = ["send"]

_KEYS: Final = frozenset(
    [
        "method",
        "url",
        "body",
        "enable_redirect",
        "force_json_decode",
        "force_yaml_decode",
        "headers",
        "raw_body",
        "tls_use_system_certs",
        "tls_ca_cert",
        "tls_ca_cert_file",
        "tls_ca_cert_env_variable",
        "tls_client_cert",
        "tls_client_cert_file",
        "tls_client_cert_env_variable",
        "tls_client_key",
        "tls_client_key_file",
        "tls_client_key_env_variable",
        "tls_insecure_skip_verify",
        "tls_server_name",
        "timeout",
        "cache",
        "force_cache",
        "force_cache_duration_seconds",
        "raise_error",
        "caching_mode",
        "max_retry_attempts",
        "cache_ignored_headers",
    ]
)
#: Of answers that say what is wrong with the request itself.
_INTERNAL: Final = "eval_http_send_internal_error"
_REQUIRED: Final = ("method", "url")
_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
DEFAULT_TIMEOUT: Final = 5.0


@dataclass(slots=True)
class _Request:
    """A request as it was asked for; `ignored` are headers that no key is made of."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout: float = DEFAULT_TIMEOUT
    redirect: bool = False
    json: bool = False
    yaml: bool = False
    raise_error: bool = True
    retries: int = 0
    tls: Tls = field(default_factory=Tls)
    keeping: Keeping = field(default_factory=lambda: Keeping(""))
    ignored: frozenset[str] = frozenset()


def send(ctx: Context, request: Value) -> Value:
    """Return `{status, status_code, headers, body, raw_body}`."""
    raises = _raises(object_(request, 1))
    try:
        wanted = _read(request)
    except BuiltinError as error:
        if raises:
            raise
        kind = "type" if isinstance(error, OperandError) else "builtin"
        return _failure(f"eval_{kind}_error: http.send: {error}", _INTERNAL)
    if not ctx.http.enabled:
        raise BuiltinError("http.send is turned off")
    try:
        return _answer(ctx, wanted)
    except NetworkError as error:
        text = f"{wanted.method.capitalize()} {quote(wanted.url)}: {error}"
        return _failed(wanted, text, "eval_http_send_network_error")
    except BuiltinError as error:
        return _failed(wanted, str(error), _INTERNAL)


def _failed(request: _Request, message: str, code: str) -> Value:
    if request.raise_error:
        raise BuiltinError(message)
    return _failure(message, code)


def _failure(message: str, code: str) -> Value:
    return {"status_code": 0, "error": {"message": message, "code": code}}


def _raises(request: Value) -> bool:
    found = next((v for k, v in pairs(request) if k == "raise_error"), True)
    if not isinstance(found, bool):
        raise BuiltinError("invalid value for raise_error field")
    return found


def _read(value: Value) -> _Request:
    given: dict[Any, Value] = {}
    unknown = []
    for name, entry in pairs(object_(value, 1)):
        if isinstance(name, str) and name in _KEYS:
            given[name] = entry
        else:
            unknown.append(name)
    if unknown:
        shown = rego_text(Set(unknown))
        raise OperandError(f"operand 1 invalid request parameters(s): {shown}")
    missing = Set([name for name in _REQUIRED if name not in given])
    if missing.items:
        shown = rego_text(missing)
        raise OperandError(f"operand 1 missing required request parameters(s): {shown}")
    out = _Request(_text(given, "method").upper(), _text(given, "url").strip('"'))
    out.ignored = _ignored_headers(given)
    _read_body(out, given)
    _read_options(out, given)
    _read_tls(out.tls, given)
    out.keeping = _keeping(given, out.ignored)
    out.raise_error = given.get("raise_error") is not False
    return out


def _text(given: Mapping[Any, Value], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise BuiltinError(f"{quote(name)} must be a string")
    return value


def _ignored_headers(given: Mapping[Any, Value]) -> frozenset[str]:
    ignored = given.get("cache_ignored_headers")
    if "cache_ignored_headers" not in given or "headers" not in given:
        return frozenset()
    names = ignored if isinstance(ignored, list) else [None]
    if not all(isinstance(name, str) for name in names):
        raise BuiltinError("cache_ignored_headers must be an array of strings")
    return frozenset(str(name) for name in names)


def _keeping(given: Mapping[Any, Value], ignored: frozenset[str]) -> Keeping:
    """How the answer is kept; requests are told apart by all that was given."""
    kept = {**given, "cache_ignored_headers": None}
    if ignored and is_object(given["headers"]):
        kept["headers"] = {
            name: entry
            for name, entry in pairs(given["headers"])
            if not (isinstance(name, str) and name in ignored)
        }
    for name in ("cache", "force_cache"):
        if not isinstance(given.get(name, False), bool):
            raise BuiltinError(f'invalid value for "{name}" field')
    forced = _flag(given, "force_cache")
    return Keeping(
        rego_text(kept),
        shared=forced or _flag(given, "cache"),
        seconds=_forced_seconds(given) if forced else 0,
        mode=given.get("caching_mode"),
    )


def _forced_seconds(given: Mapping[Any, Value]) -> int:
    if "force_cache_duration_seconds" not in given:
        raise BuiltinError(
            "'force_cache' set but 'force_cache_duration_seconds' parameter is missing"
        )
    seconds = given["force_cache_duration_seconds"]
    text = rego_text(seconds)
    if not re.fullmatch("-?[0-9]+", text):
        problem = "invalid syntax"
    elif not -(1 << 31) <= int(text) < 1 << 31:
        problem = "value out of range"
    else:
        return int(text)
    raise BuiltinError(f"strconv.ParseInt: parsing {quote(text)}: {problem}")


def _read_body(out: _Request, given: Mapping[Any, Value]) -> None:
    if "raw_body" in given:
        out.body = utf8(_text(given, "raw_body"))
    elif "body" in given:
        out.body = utf8(dump(given["body"]))
    if "headers" not in given:
        return
    if not is_object(given["headers"]):
        raise BuiltinError("invalid type for headers key")
    for name, entry in pairs(given["headers"]):
        entries = entry if isinstance(entry, list) and entry else [entry]
        if not all(isinstance(text, str) for text in entries):
            shown = f'"{rego_text(entry)}"' if is_number(entry) else rego_text(entry)
            raise BuiltinError(f"invalid type for headers value {shown}")
        out.headers[str(name)] = ",".join(entries)


def _flag(given: Mapping[Any, Value], name: str) -> bool:
    return given.get(name) is True


def _read_options(out: _Request, given: Mapping[Any, Value]) -> None:
    out.redirect = _flag(given, "enable_redirect")
    out.json = _flag(given, "force_json_decode")
    out.yaml = _flag(given, "force_yaml_decode")
    if "timeout" in given:
        out.timeout = _timeout(given["timeout"])
    if "max_retry_attempts" in given:
        count = given["max_retry_attempts"]
        found = whole(count) if is_number(count) else None
        if found is None or found < 0:
            shown = rego_text(count)
            raise BuiltinError(f'invalid value {shown} for field "max_retry_attempts"')
        out.retries = min(found, 100)


def _timeout(value: Value) -> float:
    if isinstance(value, str):
        try:
            ns = parse_duration(value, long_units=False)
        except BuiltinError as error:
            raise BuiltinError(
                f"invalid timeout value {quote(value)}: {error}"
            ) from None
    elif is_number(value):
        ns = int(float(value))
    else:
        raise OperandError(
            "operand 1 'timeout' must be one of {string, number} "
            f"but got {type_name(value)}"
        )
    return ns / 1e9 if ns > 0 else DEFAULT_TIMEOUT


def _read_tls(tls: Tls, given: Mapping[Any, Value]) -> None:
    tls.insecure = _flag(given, "tls_insecure_skip_verify")
    tls.server_name = _text(given, "tls_server_name")
    use_system = given.get("tls_use_system_certs")
    tls.system = use_system if isinstance(use_system, bool) else None
    tls.ca = [pem for pem in _material(given, "tls_ca_cert") if pem]
    certificate = _material(given, "tls_client_cert")
    key = _material(given, "tls_client_key")
    if certificate and key:
        tls.certificate, tls.key = certificate[0], key[0]
    for pem in tls.ca:
        if "-----BEGIN CERTIFICATE-----" not in pem:
            raise BuiltinError("could not append certificates")
    if tls.certificate and "-----BEGIN" not in tls.certificate:
        raise BuiltinError("tls: failed to find any PEM data in certificate input")


def _material(given: Mapping[Any, Value], name: str) -> list[str]:
    """Return PEM texts given directly, by file and by environment variable."""
    out: list[str] = []
    if name in given:
        out.append(_text(given, name))
    if f"{name}_file" in given:
        path = _text(given, f"{name}_file")
        try:
            with open(path, encoding="utf-8") as file:
                out.append(file.read())
        except OSError as error:
            reason = (error.strerror or "failed").lower()
            raise BuiltinError(f"open {path}: {reason}") from None
    if f"{name}_env_variable" in given:
        out.append(os.environ.get(_text(given, f"{name}_env_variable"), ""))
    return out


def _answer(ctx: Context, request: _Request) -> Value:
    def fetch(conditions: dict[str, str], everything: bool) -> Answer:
        headers = {
            name: text
            for name, text in request.headers.items()
            if (everything or name not in request.ignored)
            and name.lower() not in conditions
        }
        return _fetch(ctx, request, {**headers, **conditions})

    return _value(answered(ctx, request.keeping, fetch), request)


def _fetch(ctx: Context, request: _Request, headers: dict[str, str]) -> Answer:
    url = read_url(request.url)
    if not _METHOD.fullmatch(request.method):
        raise BuiltinError(f"net/http: invalid method {quote(request.method)}")
    if url.scheme not in ("http", "https") and "socket=" not in url.raw_query:
        raise NetworkError(f"unsupported protocol scheme {quote(url.scheme)}")
    default = 443 if url.scheme == "https" else 80
    port = int(url.port) if url.port else default
    if not ctx.http.admits(url.host, port):
        raise BuiltinError(f"disallowed host: {url.host}")

    def admits(host: str, at: int) -> bool:
        return ctx.http.admits(host, at)

    return send_request(
        request.method,
        request.url,
        headers=headers,
        body=request.body,
        timeout=request.timeout,
        redirects=10 if request.redirect else 0,
        retries=request.retries,
        tls=request.tls,
        admits=admits,
    )


def _value(answer: Answer, request: _Request) -> Value:
    kind = ",".join(answer.headers.get("content-type", [])).lower()
    text = answer.body.decode("utf-8", "surrogateescape")
    body: Value = None
    try:
        if request.json or "application/json" in kind or kind.endswith("+json"):
            body = load(answer.body)
        elif request.yaml or "yaml" in kind:
            body = read_yaml(text)
    except (ValueError, BuiltinError):
        body = None
    return {
        "status": answer.status,
        "status_code": answer.status_code,
        "headers": {name: list(texts) for name, texts in answer.headers.items()},
        "body": body,
        "raw_body": text,
    }
