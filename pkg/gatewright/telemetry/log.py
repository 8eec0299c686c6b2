"""One JSON line per event, with Gatekeeper's keys in its order.

A line is `{"level", "ts", "logger", "msg", ...}`.  Callers pass names and
numbers, never object bodies, secrets or tokens.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

__all__ = ["LEVELS", "Log", "set_level"]

LEVELS: Final[Mapping[str, int]] = {
    "DEBUG": 10,
    "INFO": 20,
    "WARNING": 30,
    "ERROR": 30,  # Gatekeeper: both words mean the warning level
}
_WEIGHT: Final[Mapping[str, int]] = {"debug": 10, "info": 20, "warn": 30, "error": 40}

_threshold = LEVELS["INFO"]


def set_level(name: str) -> None:
    """The least level written by this process: a key of LEVELS."""
    global _threshold
    _threshold = LEVELS[name]


def write_stderr(line: bytes) -> None:
    """One write per line, so that lines of several processes never mix."""
    try:
        os.write(sys.stderr.fileno(), line)
    except OSError:
        return  # nobody reads our stderr any more; a verdict must not fail for it


class Log:
    """A named source of events.

    `fields` are added to each line; `write` takes the encoded line.
    """

    __slots__ = ("fields", "name", "write")

    def __init__(
        self,
        name: str,
        *,
        write: Callable[[bytes], None] = write_stderr,
        **fields: Any,
    ) -> None:
        self.name = name
        self.write = write
        self.fields = fields

    def debug(self, message: str, **fields: Any) -> None:
        self.event("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self.event("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self.event("warn", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self.event("error", message, fields)

    def event(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if _WEIGHT[level] < _threshold:
            return
        line = {
            "level": level,
            "ts": time.time(),
            "logger": self.name,
            "msg": message,
            **self.fields,
            **fields,
        }
        options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
        try:
            encoded = orjson.dumps(line, default=str, option=options)
        except orjson.JSONEncodeError:
            # Text with bytes that are no UTF-8, as policies may make it
            text = json.dumps(line, default=str, ensure_ascii=False)
            raw = text.encode("utf-8", "surrogateescape")
            encoded = raw.decode("utf-8", "replace").encode() + b"\n"
        self.write(encoded)
