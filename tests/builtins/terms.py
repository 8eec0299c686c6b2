"""Reads and writes Rego text of ground values, as `sprintf("%v")` prints them."""

from __future__ import annotations

import json
import re
from typing import Any

from gatewright.engine.values import Number, Object, Set, pairs

NUMBER = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
SIMPLE = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v",
    '"': '"', "\\": "\\", "/": "/", "'": "'",
}  # fmt: skip
WIDTHS = {"x": 2, "u": 4, "U": 8}


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at] in " \n\t":
            self.at += 1
        return self.text[self.at : self.at + 1]

    def take(self, token: str) -> bool:
        self.peek()
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def need(self, token: str) -> None:
        if not self.take(token):
            raise ValueError(f"expected {token!r} at {self.at} of {self.text!r}")

    def string(self) -> str:
        self.need('"')
        out = bytearray()
        while (char := self.text[self.at]) != '"':
            self.at += 1
            if char != "\\":
                out += char.encode("utf-8", "surrogateescape")
                continue
            kind = self.text[self.at]
            self.at += 1
            if kind in SIMPLE:
                out += SIMPLE[kind].encode()
                continue
            width = WIDTHS[kind]
            code = int(self.text[self.at : self.at + width], 16)
            self.at += width
            out += bytes([code]) if kind == "x" else chr(code).encode()
        self.at += 1
        return out.decode("utf-8", "surrogateescape")

    def items(self, close: str) -> list[Any]:
        out: list[Any] = []
        while not self.take(close):
            if out:
                self.need(",")
                if self.take(close):
                    break
            out.append(self.value())
        return out

    def value(self) -> Any:
        char = self.peek()
        if char == '"':
            return self.string()
        if self.take("["):
            return self.items("]")
        if self.take("set()"):
            return Set([])
        if self.take("{"):
            return self.braces()
        for word, value in (("null", None), ("true", True), ("false", False)):
            if self.take(word):
                return value
        found = NUMBER.match(self.text, self.at)
        if not found:
            raise ValueError(f"unreadable at {self.at} of {self.text!r}")
        self.at = found.end()
        text = found[0]
        return int(text) if INTEGER.fullmatch(text) else Number(text)

    def braces(self) -> Any:
        if self.take("}"):
            return {}
        first = self.value()
        if not self.take(":"):
            if self.take("}"):
                return Set([first])
            self.need(",")
            return Set([first, *self.items("}")])
        found = [(first, self.value())]
        while not self.take("}"):
            self.need(",")
            if self.take("}"):
                break
            key = self.value()
            self.need(":")
            found.append((key, self.value()))
        if all(isinstance(key, str) for key, _ in found):
            return dict(found)
        return Object(found)


def read(text: str) -> Any:
    """One value; ValueError when the text is something else."""
    reader = Reader(text)
    value = reader.value()
    if reader.peek():
        raise ValueError(f"more than one value in {text!r}")
    return value


def write(value: Any) -> str:
    """Rego text that `read` and OPA read back as the same value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Number):
        return value.text
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(write, value))}]"
    if isinstance(value, Set):
        inner = ", ".join(map(write, value.items))
        return f"{{{inner}}}" if inner else "set()"
    inner = ", ".join(f"{write(k)}: {write(v)}" for k, v in pairs(value))
    return f"{{{inner}}}"


def quote(text: str) -> str:
    """A JSON string; bytes that are no UTF-8 become \\xNN, which OPA prints."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub("[\udc80-\udcff]", lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", quoted)
