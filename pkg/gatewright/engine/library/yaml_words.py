"""Directives, anchors, aliases and tags of YAML."""

from __future__ import annotations

import re
from typing import Final

from gatewright.engine.library.yaml_cursor import (
    ALPHA,
    BLANKS,
    BLANKZ,
    TO_BREAK,
    Cursor,
    Token,
)

__all__ = ["anchor", "directive", "tag"]

_URI: Final = re.compile(r"[0-9A-Za-z_\-;/?:@&=+$,.!~*'()\[\]]+")
_OCTET: Final = re.compile("%([0-9A-Fa-f]{2})")
_DIGITS: Final = re.compile("[0-9]*")
_BEHIND_NAME: Final = frozenset(BLANKZ + "?:,]}%@`")


def directive(cursor: Cursor) -> Token:
    """Read `%YAML` or `%TAG`, and the rest of the line."""
    line = cursor.line
    cursor.at += 1
    name = cursor.take(ALPHA)
    if not name:
        cursor.fail("could not find expected directive name", line)
    if cursor.text[cursor.at] not in BLANKZ:
        cursor.fail("found unexpected non-alphabetical character", line)
    if name == "YAML":
        token = ("version", line, _version(cursor, line), "")
    elif name == "TAG":
        token = ("tag directive", line, *_prefix(cursor, line))
    else:
        cursor.fail("found unknown directive name", line)
    cursor.take(BLANKS)
    if cursor.text[cursor.at] == "#":
        cursor.take(TO_BREAK)
    if not cursor.skip_break() and cursor.text[cursor.at] != "\0":
        cursor.fail("did not find expected comment or line break", line)
    return token


def _version(cursor: Cursor, line: int) -> str:
    cursor.take(BLANKS)
    major = _number(cursor, line)
    if cursor.text[cursor.at] != ".":
        cursor.fail("did not find expected digit or '.' character", line)
    cursor.at += 1
    return f"{major}.{_number(cursor, line)}"


def _number(cursor: Cursor, line: int) -> int:
    digits = cursor.take(_DIGITS)
    if not digits:
        cursor.fail("did not find expected version number", line)
    if len(digits) > 2:
        cursor.fail("found extremely long version number", line)
    return int(digits)


def _prefix(cursor: Cursor, line: int) -> tuple[str, str]:
    cursor.take(BLANKS)
    handle = _handle(cursor, line)
    if handle != "!" and not handle.endswith("!", 1):
        cursor.fail("did not find expected '!'", line)
    if not cursor.take(BLANKS):
        cursor.fail("did not find expected whitespace", line)
    prefix = _uri(cursor, line)
    if cursor.text[cursor.at] not in BLANKZ:
        cursor.fail("did not find expected whitespace or line break", line)
    return handle, prefix


def anchor(cursor: Cursor, sign: str) -> Token:
    """Read `&name` or `*name`."""
    line = cursor.line
    cursor.at += 1
    name = cursor.take(ALPHA)
    if not name or cursor.text[cursor.at] not in _BEHIND_NAME:
        cursor.fail("did not find expected alphabetic or numeric character", line)
    return ("anchor" if sign == "&" else "alias", line, name, "")


def tag(cursor: Cursor) -> Token:
    """Read `!suffix`, `!handle!suffix` or `!<tag>`."""
    line = cursor.line
    if cursor.text[cursor.at + 1] == "<":
        cursor.at += 2
        handle, suffix = "", _uri(cursor, line)
        if cursor.text[cursor.at] != ">":
            cursor.fail("did not find the expected '>'", line)
        cursor.at += 1
    else:
        handle = _handle(cursor, line)
        if len(handle) > 1 and handle.endswith("!"):
            suffix = _uri(cursor, line)
        else:
            suffix = _uri(cursor, line, handle)
            handle = "!"
            if not suffix:
                handle, suffix = "", "!"
    if cursor.text[cursor.at] not in BLANKZ:
        cursor.fail("did not find expected whitespace or line break", line)
    return ("tag", line, handle, suffix)


def _handle(cursor: Cursor, line: int) -> str:
    if cursor.text[cursor.at] != "!":
        cursor.fail("did not find expected '!'", line)
    cursor.at += 1
    handle = "!" + cursor.take(ALPHA)
    if cursor.text[cursor.at] == "!":
        cursor.at += 1
        handle += "!"
    return handle


def _uri(cursor: Cursor, line: int, head: str = "") -> str:
    """Read a tag's text; `head` was read already, with a `!` that is none of it."""
    out = bytearray(head[1:].encode())
    start = cursor.at
    while True:
        if run := cursor.take(_URI):
            out += run.encode()
        elif cursor.text[cursor.at] == "%":
            out += _octets(cursor, line)
        else:
            break
    if not head and cursor.at == start:
        cursor.fail("did not find expected tag URI", line)
    return out.decode("utf-8", "surrogateescape")


def _octets(cursor: Cursor, line: int) -> bytes:
    """Read a character written as `%` and two digits for each byte."""
    out = bytearray()
    size = 1
    while len(out) < size:
        found = _OCTET.match(cursor.text, cursor.at)
        if not found:
            cursor.fail("did not find URI escaped octet", line)
        octet = int(found[1], 16)
        if not out:
            size = _width(octet)
            if not size:
                cursor.fail("found an incorrect leading UTF-8 octet", line)
        elif octet & 0xC0 != 0x80:
            cursor.fail("found an incorrect trailing UTF-8 octet", line)
        out.append(octet)
        cursor.at = found.end()
    return bytes(out)


def _width(octet: int) -> int:
    for size, mask, mark in ((1, 0x80, 0), (2, 0xE0, 0xC0), (3, 0xF0, 0xE0)):
        if octet & mask == mark:
            return size
    return 4 if octet & 0xF8 == 0xF0 else 0
