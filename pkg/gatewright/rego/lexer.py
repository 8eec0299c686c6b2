"""The lexer: source text to parallel lists of tokens, in one pass.

Plain tokens are found in native memory (`_native.tokens`), all the rest here, so
there is no work per character in Python.  Blanks are no tokens: two tokens touch when
one ends where the next starts, and the parser asks for line breaks by looking at the
gap.

A template string yields a part token for each stretch of text, with the tokens
of its expressions in between.  Which `}` closes an expression is found by
counting braces, which agrees with the parser as long as it has met no error.

Errors of the lexer (a bad escape, an unfinished string) belong to the token they
were met in; its kind is then `ILLEGAL` and the parser reports them when it gets
there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from gatewright._native.trees import Splitter
from gatewright.rego import tokens
from gatewright.rego.ast import Source
from gatewright.rego.source import line_starts

__all__ = ["Lexed", "lex"]

BOM: Final = "\ufeff"

_SPLITTER: Final = Splitter(
    tokens.KEYWORDS,
    tokens.PUNCTUATION,
    ident=tokens.IDENT,
    number=tokens.NUMBER,
    string=tokens.STRING,
    raw=tokens.RAW_STRING,
)
_NUMBER: Final = re.compile(
    r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?(?:[A-Za-z_][A-Za-z_\d]*)?"
)
_GOOD_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_QUOTED: Final = re.compile(r'[^"\\\n]*(?:\\(?:["\\/bfnrt]|u[\s\S]{0,3})[^"\\\n]*)*')
_TEMPLATE: Final = re.compile(
    r'[^"\\\n{]*(?:\\(?:["\\/bfnrt{]|u[\s\S]{0,3})[^"\\\n{]*)*'
)
_RAW_TEMPLATE: Final = re.compile(r"[^`\\{]*(?:\\\{?[^`\\{]*)*")
_BAD: Final = re.compile("[\x00\ud800-\udfff\ufeff]")
_BAD_TEXT: Final = {"\x00": "illegal null character", BOM: "illegal byte-order mark"}


@dataclass(slots=True, eq=False)
class Lexed:
    r"""The tokens of one source: parallel lists, the last token is `EOF`.

    `texts` holds the spelling (of a template part: with `\{` unescaped).
    `comments` holds start and end of each comment.  `errors` maps a token index
    to the lexer's messages about it.  `lines` holds where lines start.
    """

    source: Source
    lines: list[int]
    kinds: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    errors: dict[int, list[str]] = field(default_factory=dict)

    def add(self, kind: int, start: int, end: int, text: str) -> None:
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        self.texts.append(text)

    def add_bad(self, start: int, end: int, errors: list[str]) -> None:
        if errors:
            self.errors[len(self.kinds)] = errors
        self.add(tokens.ILLEGAL, start, end, self.source.text[start:end])


def lex(source: Source) -> Lexed:
    """Split a source into tokens.  Never fails: bad text yields `ILLEGAL`."""
    text = source.text
    out = Lexed(source, line_starts(text))
    # Open template strings, innermost last: braces still open in the expression
    # being read, and whether the template is a raw one.
    templates: list[list[int]] = []
    first = at = 1 if text.startswith(BOM) else 0
    while True:
        at = _SPLITTER.run(
            text,
            at,
            bool(templates),
            out.kinds,
            out.starts,
            out.ends,
            out.texts,
            out.comments,
        )
        if at == len(text):
            break
        char = text[at]
        if char in "{}":
            at = _brace(out, at, templates)
        elif char in "0123456789":
            at = _number(out, at)
        else:
            at = _other(out, at, templates)
    out.add(tokens.EOF, len(text), len(text), "")
    if _BAD.search(text, first):
        _mark_bad(out, first)
    return out


def _brace(out: Lexed, start: int, templates: list[list[int]]) -> int:
    """Read a brace in an expression of a template string; return where to go on."""
    char = out.source.text[start]
    out.add(tokens.PUNCTUATION[char], start, start + 1, char)
    if char == "{":
        templates[-1][0] += 1
    elif templates[-1][0]:
        templates[-1][0] -= 1
    else:
        return _template(out, start + 1, templates.pop()[1], templates)
    return start + 1


def _number(out: Lexed, start: int) -> int:
    """Read a number that is more than digits and a fraction."""
    match = _NUMBER.match(out.source.text, start)
    assert match is not None
    if _GOOD_NUMBER.fullmatch(match[0]):
        out.add(tokens.NUMBER, start, match.end(), match[0])
    else:
        out.add_bad(start, match.end(), _number_errors(match[0]))
    return match.end()


def _other(out: Lexed, start: int, templates: list[list[int]]) -> int:
    """Read what is no plain token; return where to go on."""
    text = out.source.text
    char = text[start]
    touches = char > "\x7f" and out.kinds and out.ends[-1] == start
    if touches and out.kinds[-1] >= tokens.PACKAGE:
        # OPA counts half of the character to the word, so it is no keyword.
        out.kinds[-1] = tokens.IDENT
    if char == '"':
        return _bad_string(out, start)
    if char == "`":
        out.add_bad(start, len(text), ["non-terminated string"])
        return len(text)
    if char == "$":
        opening = text[start + 1 : start + 2]
        if opening == '"':
            return _template(out, start + 2, 0, templates, start=start)
        if opening == "`":
            return _template(out, start + 2, 1, templates, start=start)
        out.add_bad(start, start + 1, ["illegal $ character"])
    elif char == "!":
        out.add_bad(start, start + 1, ["illegal ! character"])
    elif char == "\xa0":
        message = "illegal non-breaking space character, use a regular space instead"
        out.add_bad(start, start + 1, [message])
    else:
        out.add_bad(start, start + 1, [])
    return start + 1


def _bad_string(out: Lexed, start: int) -> int:
    text = out.source.text
    errors = []
    at = start + 1
    while True:
        found = _QUOTED.match(text, at)
        at = found.end() if found else at
        char = text[at : at + 1]
        if char == "\\":
            errors.append("illegal escape sequence")
            at += 1
        elif char == '"':
            at += 1
            break
        else:
            errors.append("non-terminated string")
            break
    out.add_bad(start, at, errors)
    return at


def _template(
    out: Lexed,
    at: int,
    raw: int,
    templates: list[list[int]],
    *,
    start: int | None = None,
) -> int:
    """Read one stretch of a template string; `at` is its first character.

    `start` is where its token starts: the `$` of the first stretch.
    """
    text = out.source.text
    begin = at
    start = at if start is None else start
    pattern = _RAW_TEMPLATE if raw else _TEMPLATE
    closing = "`" if raw else '"'
    errors = []
    while True:
        found = pattern.match(text, at)
        at = found.end() if found else at
        char = text[at : at + 1]
        if char == closing or char == "{":
            break
        if char == "\\":
            errors.append("illegal escape sequence")
            at += 1
        else:
            errors.append("non-terminated string")
            break
    if errors:
        at += text[at : at + 1] == closing
        out.add_bad(start, at, errors)
        return at
    if char == "{":
        kind = tokens.RAW_TEMPLATE_PART if raw else tokens.TEMPLATE_PART
        templates.append([0, raw])
    else:
        kind = tokens.RAW_TEMPLATE_END if raw else tokens.TEMPLATE_END
    out.add(kind, start, at + 1, _unescaped(text[begin:at], raw))
    return at + 1


def _unescaped(text: str, raw: int) -> str:
    r"""Drop the backslash of `\{`; other escapes stay for the parser."""
    if raw or "\\{" not in text:
        return text.replace("\\{", "{")
    return re.sub(
        r"\\(.)", lambda m: "{" if m[1] == "{" else m[0], text, flags=re.DOTALL
    )


def _number_errors(word: str) -> list[str]:
    errors = []
    rest = word.lstrip("0123456789")
    if rest.startswith("."):
        digits = rest[1:].lstrip("0123456789")
        if len(digits) == len(rest) - 1:
            errors.append("expected fraction")
        rest = digits
    if rest[:1] in ("e", "E"):
        rest = rest[1:]
        if rest[:1] in ("+", "-"):
            rest = rest[1:]
        digits = rest.lstrip("0123456789")
        if len(digits) == len(rest):
            errors.append("expected exponent")
        rest = digits
    if rest:
        errors.append("illegal number format")
    return errors


def _mark_bad(out: Lexed, first: int) -> None:
    """Report characters that may stand nowhere: NUL, wrong UTF-8, a late BOM.

    As OPA's scanner looks one character ahead, the finding belongs to the token
    (or comment, or blank) just before the character; that becomes `ILLEGAL`.
    """
    text = out.source.text
    bad: dict[int, list[str]] = {}
    for match in _BAD.finditer(text, first):
        message = _BAD_TEXT.get(match[0], "illegal utf-8 character")
        before = max(match.start() - 1, first)
        index = bisect_right(out.starts, before) - 1
        if index >= 0 and out.ends[index] > before:
            out.kinds[index] = tokens.ILLEGAL
            bad.setdefault(out.starts[index], []).append(message)
            continue
        start, end = before, before + 1
        for comment in out.comments:
            if comment[0] <= before < comment[1]:
                start, end = comment
                out.comments.remove(comment)
                break
        if start not in bad:
            at = bisect_right(out.starts, start)
            out.kinds.insert(at, tokens.ILLEGAL)
            out.starts.insert(at, start)
            out.ends.insert(at, end)
            out.texts.insert(at, text[start:end])
            out.errors = {key + (key >= at): value for key, value in out.errors.items()}
        bad.setdefault(start, []).append(message)
    for index, start in enumerate(out.starts):
        if out.kinds[index] == tokens.ILLEGAL and start in bad:
            known = out.errors.get(index, [])
            last = known[-1:] if known[-1:] == ["non-terminated string"] else []
            out.errors[index] = known[: len(known) - len(last)] + bad[start] + last
