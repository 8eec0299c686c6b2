"""`http.send`: one HTTP request of a policy.

Within a query the same request is made once. With `cache` or `force_cache` and a
shared cache, an answer outlives its query as its headers allow. Which hosts may be
asked is `Context.http`'s to say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

from gatewright.engine.library.context import Context
from gatewright.engine.library.durations import parse_duration
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.gotext import quote, rego_text
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
_CACHEABLE: Final = frozenset([200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501])
_METHOD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
DEFAULT_TIMEOUT: Final = 5.0
#: Answers, and bytes of their bodies, that are kept in a shared cache at most.
CACHED: Final = 1000
CACHED_BYTES: Final = 64 << 20


@dataclass(slots=True)
class _Request:
    """A request as it was asked for."""

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
    cache: bool = False
    force_seconds: int | None = None
    tls: Tls = field(default_factory=Tls)
    key: str = ""


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
    out.key = _cache_key(given)
    _read_body(out, given)
    _read_options(out, given)
    _read_tls(out.tls, given)
    out.raise_error = given.get("raise_error") is not False
    return out


def _text(given: Mapping[Any, Value], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise BuiltinError(f"{quote(name)} must be a string")
    return value


def _cache_key(given: Mapping[Any, Value]) -> str:
    ignored = given.get("cache_ignored_headers")
    listed = ignored if isinstance(ignored, list) else []
    names = {name.lower() for name in listed if isinstance(name, str)}
    kept = {name: entry for name, entry in given.items() if name != "raise_error"}
    kept.pop("cache_ignored_headers", None)
    if names and is_object(given.get("headers")):
        kept["headers"] = {
            key: entry
            for key, entry in pairs(given["headers"])
            if not (isinstance(key, str) and key.lower() in names)
        }
    return rego_text(kept)


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
        if found is None:
            shown = rego_text(count)
            raise BuiltinError(f'invalid value {shown} for field "max_retry_attempts"')
        out.retries = max(0, min(found, 100))
    for name in ("cache", "force_cache"):
        if not isinstance(given.get(name, False), bool):
            raise BuiltinError(f'invalid value for "{name}" field')
    out.cache = _flag(given, "cache")
    if _flag(given, "force_cache"):
        if "force_cache_duration_seconds" not in given:
            raise BuiltinError(
                "'force_cache' set but 'force_cache_duration_seconds' "
                "parameter is missing"
            )
        seconds = given["force_cache_duration_seconds"]
        found = whole(seconds) if is_number(seconds) else None
        if found is None:
            raise BuiltinError(
                f"strconv.ParseInt: parsing {quote(rego_text(seconds))}: invalid syntax"
            )
        out.force_seconds = found


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
    memo = ("http.send", request.key)
    if memo in ctx.memory:
        return _value(ctx.memory[memo], request)
    shared = ctx.shared if request.cache or request.force_seconds is not None else None
    kept = shared.get(memo) if shared is not None else None
    headers = dict(request.headers)
    if kept is not None:
        answer, fresh_until = kept
        if ctx.clock < fresh_until:
            ctx.memory[memo] = answer
            return _value(answer, request)
        _conditional(headers, answer)
    answer = _fetch(ctx, request, headers)
    if kept is not None and answer.status_code == 304:
        answer = Answer(
            kept[0].status,
            kept[0].status_code,
            {**kept[0].headers, **answer.headers},
            kept[0].body,
        )
    ctx.memory[memo] = answer
    if shared is not None:
        _keep(ctx, shared, memo, answer, request)
    return _value(answer, request)


def _conditional(headers: dict[str, str], answer: Answer) -> None:
    for name, given in (
        ("if-none-match", "etag"),
        ("if-modified-since", "last-modified"),
    ):
        if given in answer.headers:
            headers[name] = answer.headers[given][0]


def _keep(
    ctx: Context, shared: dict[Any, Any], memo: Any, answer: Answer, request: _Request
) -> None:
    if answer.status_code not in _CACHEABLE:
        return
    seconds = request.force_seconds
    if seconds is None:
        seconds = _fresh_seconds(answer)
    if seconds is None:
        return
    shared.pop(memo, None)
    size = sum(len(kept.body) for kept, _ in tuple(shared.values()))
    while shared and (len(shared) >= CACHED or size + len(answer.body) > CACHED_BYTES):
        size -= len(shared.pop(next(iter(shared)))[0].body)
    shared[memo] = (answer, ctx.clock + seconds * 1_000_000_000)


def _fresh_seconds(answer: Answer) -> int | None:
    """Return how long an answer may be used; 0: ask again; None: not kept."""
    control = ",".join(answer.headers.get("cache-control", [])).lower()
    directives = {
        part.partition("=")[0].strip(): part.partition("=")[2].strip(' "')
        for part in control.split(",")
    }
    if "no-store" in directives:
        return None
    if "no-cache" in directives:
        return 0
    age = directives.get("max-age", "")
    if age.isdigit():
        return int(age)
    expires = answer.headers.get("expires", [""])[0]
    sent = answer.headers.get("date", [""])[0]
    try:
        until, since = parsedate_to_datetime(expires), parsedate_to_datetime(sent)
    except (TypeError, ValueError):
        return 0
    return max(0, int((until - since).total_seconds()))


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
