"""Cut a failing program down: rules, bodies, lines, then terms; then documents."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

from tests.fuzz.compare import Difference, compare
from tests.fuzz.generate import Program, Rule
from tests.fuzz.opa_server import OpaServer

_OPEN, _CLOSE = "([{", ")]}"
#: Seconds that one program is worth.
PATIENCE = 8.0


def shrink(
    server: OpaServer, program: Program, difference: Difference
) -> tuple[Program, Difference]:
    """A smaller program that differs in the same way."""
    end = time.monotonic() + PATIENCE
    kind = difference.kind
    changed = True
    while changed:
        changed = False
        for candidate in _candidates(program):
            if time.monotonic() > end:
                return program, difference
            found, _, _ = compare(server, candidate)
            if found is not None and found.kind == kind and _same(found, difference):
                program, difference, changed = candidate, found, True
                break
    return program, difference


def _same(found: Difference, wanted: Difference) -> bool:
    """The same codes: a cut that makes another error is another finding."""
    return (found.ours.code, found.theirs.code) == (
        wanted.ours.code,
        wanted.theirs.code,
    )


def _candidates(program: Program) -> Iterator[Program]:
    for index, (name, imports, rules) in enumerate(program.packages):

        def built(
            rules: tuple[Rule, ...],
            imports: tuple[str, ...] = imports,
            index: int = index,
            name: str = name,
        ) -> Program:
            packages = list(program.packages)
            packages[index] = (name, imports, rules)
            if not rules:
                del packages[index]
            return replace(program, packages=tuple(packages))

        if len(program.packages) > 1:
            yield built(())
        for width in (4, 2, 1):
            if len(rules) > width or (width == 1 and len(program.packages) > 1):
                for at in range(0, len(rules), width):
                    yield built(rules[:at] + rules[at + width :])
        for at in range(len(imports)):
            yield built(rules, imports[:at] + imports[at + 1 :])
        for at, rule in enumerate(rules):
            for smaller in _rules(rule):
                yield built((*rules[:at], smaller, *rules[at + 1 :]))
    yield from _documents(program)


def _rules(rule: Rule) -> Iterator[Rule]:
    parts = rule.parts
    if len(parts) > 1:
        for at in range(len(parts)):
            yield Rule(parts[:at] + parts[at + 1 :])
    for at, (head, body) in enumerate(parts):
        for line in range(len(body)):
            if len(body) > 1:
                cut = body[:line] + body[line + 1 :]
                yield Rule((*parts[:at], (head, cut), *parts[at + 1 :]))
        for text in _terms(head):
            yield Rule((*parts[:at], (text, body), *parts[at + 1 :]))
        for line, text in enumerate(body):
            for smaller in _terms(text):
                cut = (*body[:line], smaller, *body[line + 1 :])
                yield Rule((*parts[:at], (head, cut), *parts[at + 1 :]))


def _terms(text: str) -> Iterator[str]:
    """The text with a bracketed part replaced by less."""
    if " with " in text:
        yield text.rsplit(" with ", 1)[0]
    for start, end in _spans(text):
        inside = text[start + 1 : end]
        name = re.search(r"[\w.]*$", text[:start])
        begin = start - len(name[0]) if name and text[start] == "(" else start
        before, after = text[:begin], text[end + 1 :]
        parts = _split(inside)
        for part in parts:
            if "|" in part and text[start] in "[{":
                yield before + part.split("|", 1)[0].strip() + after
            if len(part) < end - begin:
                yield before + part.strip() + after
        if len(parts) > 1 and text[start] in "[{":
            for at in range(len(parts)):
                kept = ", ".join(p.strip() for p in parts[:at] + parts[at + 1 :])
                yield text[: start + 1] + kept + text[end:]
        for piece in ("1", '"a"', "input.a"):
            if end - begin > len(piece):
                yield before + piece + after


def _spans(text: str) -> list[tuple[int, int]]:
    stack, out, at = [], [], 0
    while at < len(text):
        char = text[at]
        if char in '"`':
            at += 1
            while at < len(text) and text[at] != char:
                at += 2 if text[at] == "\\" and char == '"' else 1
        elif char in _OPEN:
            stack.append(at)
        elif char in _CLOSE and stack:
            out.append((stack.pop(), at))
        at += 1
    return sorted(out, key=lambda span: span[0] - span[1])


def _split(text: str) -> list[str]:
    """Parts between commas, colons and semicolons at the top."""
    inner = _spans(text)
    covered: set[int] = set()
    for start, end in inner:
        covered.update(range(start, end + 1))
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|`[^`]*`', text):
        covered.update(range(*match.span()))
    out, begin = [], 0
    for at, char in enumerate(text):
        if at not in covered and char in ",;":
            out.append(text[begin:at])
            begin = at + 1
    out.append(text[begin:])
    return [part for part in out if part.strip()]


def _documents(program: Program) -> Iterator[Program]:
    for text in _smaller(program.input):
        yield replace(program, input=text)
    for text in _smaller(program.data):
        yield replace(program, data=text)


def _smaller(text: str) -> Iterator[str]:
    if text not in ("{}", ""):
        yield "{}"
        yield from filter(_valid, _json_parts(text))


def _json_parts(text: str) -> Iterator[str]:
    for start, end in _spans(text)[:12]:
        parts = _split(text[start + 1 : end])
        for at in range(len(parts)):
            kept = ",".join(parts[:at] + parts[at + 1 :])
            yield text[: start + 1] + kept + text[end:]


def _valid(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
