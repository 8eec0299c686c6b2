"""The vocabulary of the lexer: token kinds, their names, the keywords.

A kind is a small int.  `NAMES` gives the word that error messages use for it.
Soft keywords (`in`, `every`, `contains`, `if`, `and`, `or`) come last, so that
`kind >= SOFT` finds them: whether they are keywords depends on the version and
on imports, and the parser decides it while it reads.  `WHITESPACE` is never in a
token list; it stands for a blank where none may be, in messages.
"""

from __future__ import annotations

from typing import Final

(
    ILLEGAL,
    EOF,
    WHITESPACE,
    IDENT,
    NUMBER,
    STRING,
    RAW_STRING,
    TEMPLATE_PART,
    TEMPLATE_END,
    RAW_TEMPLATE_PART,
    RAW_TEMPLATE_END,
    DOT,
    LBRACK,
    RBRACK,
    LPAREN,
    RPAREN,
    LBRACE,
    RBRACE,
    COMMA,
    COLON,
    SEMICOLON,
    ADD,
    SUB,
    MUL,
    QUO,
    REM,
    AND,
    OR,
    UNIFY,
    EQUAL,
    ASSIGN,
    NEQ,
    GT,
    LT,
    GTE,
    LTE,
    PACKAGE,
    IMPORT,
    AS,
    DEFAULT,
    ELSE,
    NOT,
    SOME,
    WITH,
    NULL,
    TRUE,
    FALSE,
    IN,
    EVERY,
    CONTAINS,
    IF,
    LOGICAL_AND,
    LOGICAL_OR,
) = range(53)

#: The first soft keyword; every kind from here on is one.
SOFT: Final = IN

NAMES: Final[tuple[str, ...]] = (
    "illegal",
    "eof",
    "whitespace",
    "identifier",
    "number",
    "string",
    "string",
    "template-string-part",
    "template-string-end",
    "raw-template-string-part",
    "raw-template-string-end",
    ".",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    ";",
    "plus",
    "minus",
    "mul",
    "div",
    "rem",
    "and",
    "or",
    "eq",
    "equal",
    "assign",
    "neq",
    "gt",
    "lt",
    "gte",
    "lte",
    "package",
    "import",
    "as",
    "default",
    "else",
    "not",
    "some",
    "with",
    "null",
    "true",
    "false",
    "in",
    "every",
    "contains",
    "if",
    "and",
    "or",
)

PUNCTUATION: Final[dict[str, int]] = {
    ".": DOT,
    "[": LBRACK,
    "]": RBRACK,
    "(": LPAREN,
    ")": RPAREN,
    "{": LBRACE,
    "}": RBRACE,
    ",": COMMA,
    ":": COLON,
    ";": SEMICOLON,
    "+": ADD,
    "-": SUB,
    "*": MUL,
    "/": QUO,
    "%": REM,
    "&": AND,
    "|": OR,
    "=": UNIFY,
    "==": EQUAL,
    ":=": ASSIGN,
    "!=": NEQ,
    ">": GT,
    "<": LT,
    ">=": GTE,
    "<=": LTE,
}

#: Words that are keywords in every version.
HARD_KEYWORDS: Final[dict[str, int]] = {
    NAMES[kind]: kind for kind in range(PACKAGE, FALSE + 1)
}
#: Words that become keywords by version or import.
SOFT_KEYWORDS: Final[dict[str, int]] = {
    NAMES[kind]: kind for kind in range(SOFT, LOGICAL_OR + 1)
}
KEYWORDS: Final[dict[str, int]] = HARD_KEYWORDS | SOFT_KEYWORDS

#: Soft keywords that Rego v1 turned on for good.
V1_KEYWORDS: Final = frozenset({IN, EVERY, CONTAINS, IF})
#: Soft keywords that Rego v2 adds (with a new meaning of `not`).
V2_KEYWORDS: Final = frozenset({LOGICAL_AND, LOGICAL_OR})

#: Kinds that messages call a `keyword`, not a `token`.  The set operators are
#: called so too: they share their names (`and`, `or`) with the keywords in OPA,
#: which looks the name up only for hard keywords, so they are left out here.
KEYWORD_KINDS: Final = frozenset(range(PACKAGE, LOGICAL_OR + 1))

#: Binding strength of the infix operators, by kind; 0 for all other kinds.
BINDING: Final[tuple[int, ...]] = tuple(
    5
    if kind in (MUL, QUO, REM)
    else 4
    if kind in (ADD, SUB)
    else 3
    if kind == AND
    else 2
    if kind == OR
    else 1
    if kind in (EQUAL, NEQ, GT, LT, GTE, LTE)
    else 0
    for kind in range(len(NAMES))
)


def keywords_of(version: int) -> frozenset[str]:
    """Return the words that are keywords in a Rego version (0, 1 or 2)."""
    soft = frozenset[int]()
    if version >= 1:
        soft |= V1_KEYWORDS
    if version >= 2:
        soft |= V2_KEYWORDS
    return frozenset(HARD_KEYWORDS) | {NAMES[kind] for kind in soft}
