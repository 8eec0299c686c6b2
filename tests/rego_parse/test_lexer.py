"""The lexer's native part, held against a regular expression for each token."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Final

import pytest

from gatewright.rego import ast, lexer, parser_cursor, tokens

TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
      ([A-Za-z_][A-Za-z_\d]*)
    | (:=|[=!<>]=|[][{}().,;+\-*/%&|:=<>])
    | ("[^"\\\n]*(?:\\(?:["\\/bfnrt]|u[\s\S]{3})[^"\\\n]*)*")
    | ([0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?(?:[A-Za-z_][A-Za-z_\d]*)?)
    | (`[^`]*`)
    | (\#[^\n]*)
    | ([\s\S])
    | (\Z)
    )""",
    re.VERBOSE,
)
NAME, OPERATOR, STRING, NUMBER, RAW, COMMENT = range(1, 7)
NUMBER_GOOD: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PIECES: Final = (
    *('"', "\\", "\\u", "\\u12", "\\n", '\\"', "`", "#", "\n", "\r\n", "\t", " "),
    *("1", "0.5", "1.", "1e", "1e+5", "2.5E-3x", "12ab", ".", ":=", ":", "=", "!="),
    *("!", "<=", "&", "{", "}", "[", "_", "a1", "if", "else", "in"),
    *("ä", "٣", "a٣", "\xa0", "\ufeff", "\x00", "\U0001f600", "\udc80", "\u2028"),
)


def expected(
    text: str,
) -> tuple[list[tuple[int, int, int, str]], list[tuple[int, int]]]:
    """The tokens up to what is none, and comments."""
    found: list[tuple[int, int, int, str]] = []
    comments: list[tuple[int, int]] = []
    for match in TOKEN.finditer(text, text.startswith("\ufeff")):
        group = match.lastindex or 0
        word = match[group]
        if group == NAME:
            kind = tokens.KEYWORDS.get(word, tokens.IDENT)
        elif group == OPERATOR:
            kind = tokens.PUNCTUATION[word]
        elif group == STRING:
            kind = tokens.STRING
        elif group == NUMBER and NUMBER_GOOD.fullmatch(word):
            kind = tokens.NUMBER
        elif group == NUMBER:
            kind = tokens.ILLEGAL
        elif group == RAW:
            kind = tokens.RAW_STRING
        elif group == COMMENT:
            comments.append(match.span(group))
            continue
        else:
            break
        found.append((kind, *match.span(group), word))
    return found, comments


def check(text: str) -> None:
    lexed = lexer.lex(ast.Source("x.rego", text))
    rows = list(zip(lexed.kinds, lexed.starts, lexed.ends, lexed.texts, strict=True))
    found, comments = expected(text)
    if lexer._BAD.search(text, 1):
        rows = [(tokens.ILLEGAL, *row[1:]) for row in rows]
        found = [(tokens.ILLEGAL, *row[1:]) for row in found]
        assert [row for row in rows if row in found] == found
        return

    # After a word comes what makes it no keyword: a character that is none of it
    if len(rows) > len(found) + 1 and found and rows[len(found) - 1] != found[-1]:
        found[-1] = (tokens.IDENT, *found[-1][1:])

    assert rows[: len(found)] == found
    assert lexed.comments[: len(comments)] == comments


def test_words_of_all_kinds_in_any_order() -> None:
    """20,000 texts of pieces that touch."""
    pick = random.Random(1)  # noqa: S311 - texts that are the same each time
    for _ in range(20_000):
        check("".join(pick.choices(PIECES, k=pick.randrange(12))))


@pytest.mark.parametrize("cut", range(7))
def test_sources_and_what_is_left_of_them(cut: int) -> None:
    """Rego of the repository, from some place on."""
    for path in sorted(Path(__file__).parents[2].rglob("*.rego")):
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        check(text[len(text) * cut // 7 :])


def test_a_place_is_where_the_token_starts() -> None:
    """Rows and columns, counted anew."""
    text = '\npackage a\n\n  b := "ä" # c\n\td[x] { x > 1.5 }\n'
    cursor = parser_cursor.Cursor(ast.Source("x.rego", text), version=0)
    while True:
        loc = cursor.loc()
        before = text[: loc.offset]
        at_end = loc.offset == len(text)

        assert loc.row == before.count("\n") + 1
        assert loc.col == len(before) - before.rfind("\n") - at_end
        assert cursor.after_newline() == ("\n" in text[cursor.last_end() : loc.offset])
        if cursor.tok == tokens.EOF:
            break
        following = cursor.peek()
        touched = cursor.touching()
        end = loc.end
        cursor.scan()

        assert cursor.tok == following
        assert touched == (
            cursor.kinds[cursor.i] if cursor.starts[cursor.i] == end else -1
        )


def test_steps_are_those_of_a_parser_only() -> None:
    """They read slots, so nothing else has them."""
    with pytest.raises(TypeError, match="not the parser"):
        parser_cursor.Cursor.scan(ast.Source("", ""))
