"""What `http.send` keeps of its answers, within a query and between queries.

Within a query the same request has one outcome, be it a failure; only an answer whose
status says that it is of the moment is asked for again. Between queries, where the
request wants that and there is a shared cache, an answer is kept until its headers,
or the request, say that it is old; then the server is asked whether it is still so.
Which header counts, and what happens to odd ones, is as in OPA 1.22
(`v1/topdown/http.go`), odd as it is: `no-cache` alone means nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from gatewright.engine.library.context import Context
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.http_transport import Answer, NetworkError
from gatewright.engine.library.layouts import parse_time
from gatewright.engine.values import Value

__all__ = ["CACHED", "CACHED_BYTES", "Keeping", "answered"]

#: Answers, and bytes of their bodies, that are kept in a shared cache at most.
CACHED: Final = 1000
CACHED_BYTES: Final = 64 << 20
_CACHEABLE: Final = frozenset([200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501])
_SECOND: Final = 1_000_000_000
#: The most that OPA takes for a time in seconds.
_LONGEST: Final = (1 << 31) - 1
#: Before any query.
_NEVER: Final = -(1 << 63)
#: How HTTP may write dates; those that are wrong in all are told by the last.
_DATES: Final = (
    "Mon, 02 Jan 2006 15:04:05 GMT",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon Jan _2 15:04:05 2006",
)
#: Sends the request; further headers, and whether those that the key ignores go too.
Fetch = Callable[[dict[str, str], bool], Answer]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the answer to a request is kept.

    `key` tells requests apart. `shared`: between queries, too; then for `seconds` if
    that is more than 0, else as long as headers say. `mode` is the field
    `caching_mode` as it was given, None where it was not.
    """

    key: str
    shared: bool = False
    seconds: int = 0
    mode: Value = None


def answered(ctx: Context, keeping: Keeping, fetch: Fetch) -> Answer:
    """The answer, kept or fetched.  Raises BuiltinError, NetworkError."""
    memo = ("http.send", keeping.key)
    known = ctx.memory.get(memo)
    if isinstance(known, Answer):
        return known
    if known is not None:
        raise known.with_traceback(None)
    shared = ctx.shared if keeping.shared else None
    try:
        answer = None if shared is None else _kept(ctx, shared, keeping, fetch)
        if answer is None:
            answer = fetch({}, True)
            if shared is not None:
                # Then it is not kept, but it is an answer all the same.
                with contextlib.suppress(BuiltinError):
                    _keep(ctx, shared, keeping, answer)
    except (BuiltinError, NetworkError) as error:
        ctx.memory[memo] = error
        raise
    if shared is not None or answer.status_code in _CACHEABLE:
        ctx.memory[memo] = answer
    return answer


def _kept(
    ctx: Context, shared: dict[Any, Any], keeping: Keeping, fetch: Fetch
) -> Answer | None:
    """The answer that was kept, if it still holds or the server says so."""
    found = shared.get(keeping.key)
    if found is None:
        return None
    old, until = found
    if ctx.clock < until:
        return old
    conditions = {
        name: old.headers[given][0]
        for name, given in (
            ("if-none-match", "etag"),
            ("if-modified-since", "last-modified"),
        )
        if old.headers.get(given, [""])[0]
    }
    try:
        new = fetch(conditions, False) if conditions else None
    finally:
        shared.pop(keeping.key, None)
    if new is None or new.status_code not in (200, 304):
        return None
    if new.status_code == 200:
        _keep(ctx, shared, keeping, new)
        return new
    answer = replace(old, headers={**old.headers, **new.headers})
    until = _until(ctx, keeping, new)
    _check_mode(keeping.mode)
    _put(shared, keeping.key, answer, until)
    return answer


def _keep(
    ctx: Context, shared: dict[Any, Any], keeping: Keeping, answer: Answer
) -> None:
    """Keep an answer if that is allowed.  BuiltinError for what cannot be read."""
    if answer.status_code not in _CACHEABLE:
        return
    if keeping.seconds <= 0 and "no-store" in _directives(answer):
        return
    _check_mode(keeping.mode)
    _put(shared, keeping.key, answer, _until(ctx, keeping, answer))


def _put(shared: dict[Any, Any], key: str, answer: Answer, until: int) -> None:
    """Keep an answer; the oldest make room."""
    shared.pop(key, None)
    size = sum(len(kept.body) for kept, _ in tuple(shared.values()))
    while shared and (len(shared) >= CACHED or size + len(answer.body) > CACHED_BYTES):
        size -= len(shared.pop(next(iter(shared)))[0].body)
    shared[key] = (answer, until)


def _check_mode(mode: Value) -> None:
    if mode is None or mode in ("serialized", "deserialized"):
        return
    if not isinstance(mode, str):
        raise BuiltinError('invalid value for "caching_mode" field')
    raise BuiltinError(f'invalid value specified for "caching_mode" field: {mode}')


def _until(ctx: Context, keeping: Keeping, answer: Answer) -> int:
    """When an answer is old, in ns since the epoch."""
    if keeping.seconds > 0:
        return ctx.clock + keeping.seconds * _SECOND
    age = _directives(answer).get("max-age")
    if age is not None:
        seconds = _age(age)
        sent = _first(answer, "date")
        if not sent:
            raise BuiltinError("no date header")
        return _date(sent) + seconds * _SECOND
    try:
        return _date(_first(answer, "expires"))
    except BuiltinError:
        return _NEVER


def _first(answer: Answer, name: str) -> str:
    return answer.headers.get(name, [""])[0]


def _directives(answer: Answer) -> dict[str, str]:
    """Those of the first line; names as they are written."""
    out: dict[str, str] = {}
    for part in _first(answer, "cache-control").split(","):
        name, equals, value = part.strip(" ").partition("=")
        if "=" not in value and (name or equals):
            out[name.strip(" ") if equals else name] = value
    return out


def _age(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise BuiltinError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    return min(int(text[:20]), _LONGEST)


def _date(text: str) -> int:
    for layout in _DATES[:-1]:
        with contextlib.suppress(BuiltinError):
            return parse_time(layout, text)
    return parse_time(_DATES[-1], text)
