"""The parser's place in the tokens: reading on, going back, reporting.

A state is a small tuple, so trying a reading and giving it up is cheap: errors,
hints and the count of wildcards go back with the position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from gatewright._native.trees import cursor
from gatewright.rego import ast, errors, lexer, source, tokens

__all__ = ["MAX_BODIES", "MAX_DEPTH", "Cursor", "State"]

#: How deep terms and chains of operators may nest in the tree.  OPA allows 100,000
#: steps of its own recursion; here the later stages walk the tree by recursion too,
#: and Python frames are the scarce thing.
MAX_DEPTH: Final = 1_000
#: And bodies in bodies: what binds a variable is looked for in all those around it,
#: so the time grows with the square of their number.
MAX_BODIES: Final = 256

#: A place and what is wrong there.
Finding: TypeAlias = tuple[ast.Location, str]
State: TypeAlias = tuple[int, int, int, tuple[Finding, ...], tuple[str, ...]]

#: What `future` changes: soft keywords, keywords in refs, the memo of terms.
Words: TypeAlias = tuple[
    frozenset[int], frozenset[int], list[tuple[int, ast.Term | None, State]]
]

_TOO_DEEP: Final = "max parsing recursion depth exceeded"
_NONE: Final = frozenset[int]()
_ALL_SOFT: Final = tokens.V1_KEYWORDS | tokens.V2_KEYWORDS


class Cursor:
    """Tokens, the current one, and what was found wrong so far.

    `tok` is the kind of the current token as the parser takes it: a soft keyword
    that is not switched on (`soft`) is an identifier.
    """

    __slots__ = (
        "bodies",
        "depth",
        "ends",
        "errors",
        "hints",
        "i",
        "kinds",
        "lexed",
        "lines",
        "memo",
        "not_bodies",
        "older",
        "ref_kinds",
        "soft",
        "source",
        "starts",
        "templates",
        "text",
        "texts",
        "tok",
        "version",
        "wildcards",
    )

    def __init__(
        self, text: ast.Source, *, version: int, soft: frozenset[int] = _NONE
    ) -> None:
        lexed = lexer.lex(text)
        self.lexed = lexed
        self.lines = lexed.lines
        self.source = text
        self.text = text.text
        self.kinds = lexed.kinds
        self.starts = lexed.starts
        self.ends = lexed.ends
        self.texts = lexed.texts
        self.version = version
        self.soft = soft
        if version >= 1:
            self.soft |= tokens.V1_KEYWORDS
        if version >= 2:
            self.soft |= tokens.V2_KEYWORDS
        self.not_bodies = version >= 2
        self.older = False  # as OPA 1.17
        # Keywords that may be a part of a ref: those of the version the parser
        # was started with, and those switched on.
        self.ref_kinds = frozenset(range(tokens.PACKAGE, tokens.SOFT)) | self.soft
        self.i = -1
        self.tok = tokens.ILLEGAL
        self.templates = version > 0
        self.wildcards = 0
        self.errors: tuple[Finding, ...] = ()
        self.hints: tuple[str, ...] = ()
        self.depth = 0
        self.bodies = 0
        # Terms read once and read again after going back, by first token, in
        # ascending order; keeps nested collections from being read 2^n times.
        self.memo: list[tuple[int, ast.Term | None, State]] = []
        self.scan()

    # Moving ------------------------------------------------------------------

    scan = cursor.scan
    touching = cursor.touching
    peek = cursor.peek
    after_newline = cursor.after_newline

    def report_illegal(self) -> None:
        """Report what the lexer said about the current token."""
        for message in self.lexed.errors.get(self.i, ()):
            self.error(self.loc(), message)

    def save(self) -> State:
        return self.i, self.tok, self.wildcards, self.errors, self.hints

    def restore(self, state: State) -> None:
        self.i, self.tok, self.wildcards, self.errors, self.hints = state

    # Keywords ----------------------------------------------------------------

    def enable(self, kinds: frozenset[int]) -> None:
        """Switch soft keywords on, from the next token on."""
        if tokens.EVERY in kinds:
            kinds |= {tokens.IN}
        self.soft |= kinds
        self.ref_kinds |= kinds

    def reclassify(self) -> None:
        """Read the current word again after keywords were switched on."""
        kind = self.kinds[self.i]
        if self.tok == tokens.IDENT and kind in self.soft:
            self.tok = kind

    opens_ref = cursor.opens_ref

    def take_name(self) -> bool:
        """Tell whether the token is a name, or a keyword that may be one."""
        if self.tok in self.ref_kinds:
            self.tok = tokens.IDENT
        return self.tok == tokens.IDENT

    @property
    def logical(self) -> bool:
        """Whether `and` or `or` is a keyword now."""
        return tokens.LOGICAL_AND in self.soft or tokens.LOGICAL_OR in self.soft

    def future(self) -> Words:
        """Switch every keyword on, to try what a missing import would give."""
        kept = self.soft, self.ref_kinds, self.memo
        self.soft |= _ALL_SOFT
        self.ref_kinds |= _ALL_SOFT
        self.memo = []
        return kept

    def present(self, kept: Words) -> None:
        """Undo `future`."""
        self.soft, self.ref_kinds, self.memo = kept

    # Places ------------------------------------------------------------------

    loc: Callable[..., ast.Location] = cursor.loc
    last_end = cursor.last_end

    def blank_start(self) -> int:
        """Return where the blank after the current token is, a comment passed over."""
        start = self.ends[self.i]
        if self.text[start] == "#":
            start = self.text.find("\n", start)
        return start

    def spanned(self, loc: ast.Location) -> ast.Location:
        """Return `loc` with its text running to the end of the last token."""
        start = self.lines[loc.row - 1] + loc.col - 1
        return source.extent(loc, start=start, end=self.last_end())

    # Findings ----------------------------------------------------------------

    def too_deep(self) -> None:
        """Report that the text nests deeper than is allowed, and nothing more."""
        self.error(self.loc(), _TOO_DEEP)

    def hint(self, text: str) -> None:
        """Keep a hint for the next error."""
        self.hints += (text,)

    def error(self, loc: ast.Location, message: str) -> None:
        """Report an error at a place, with the hints kept so far."""
        if len(self.hints) == 1:
            message += f" (hint: {self.hints[0]})"
        elif self.hints:
            message += f" (hints: {', '.join(self.hints)})"
        self.hints = ()
        if not self.errors or self.errors[-1][1] != _TOO_DEEP:
            self.errors += ((loc, message),)

    def check(self) -> None:
        """Raise `RegoErrors` if anything was found wrong."""
        if not self.errors:
            return
        lines = self.lines
        data = source.encode(self.text)
        ascii_only = len(data) == len(self.text)
        found = []
        for loc, message in self.errors:
            at = 0
            if 0 < loc.row <= len(lines):
                at = lines[loc.row - 1] + loc.col - 1
            if not ascii_only:
                at = len(source.encode(self.text[: max(at, 0)]))
            line, index = source.caret_detail(data, at)
            found.append(
                errors.Error(
                    errors.PARSE_ERROR,
                    message,
                    loc,
                    source.caret_lines(line, index),
                    {"line": line, "idx": index},
                )
            )
        raise errors.RegoErrors(found)

    def unexpected(self, note: str = "") -> None:
        """Report the current token as one that may not stand here."""
        tok = self.tok
        if tok == tokens.ILLEGAL:
            self.error(self.loc(), "illegal token")
            return
        word = "keyword" if tok in tokens.KEYWORD_KINDS else "token"
        message = f"unexpected {tokens.NAMES[tok]} {word}"
        self.error(self.loc(), f"{message}: {note}" if note else message)

    def unexpected_blank(self, note: str) -> None:
        """Report the blank after the current token; it becomes the current one."""
        end = self.ends[self.i]
        if self.text[end] == "#" and self.text.find("\n", end) < 0:
            self.scan()
        else:
            self.tok = tokens.WHITESPACE
        self.unexpected(note)


cursor.attach(
    Cursor,
    ast.Location,
    illegal=tokens.ILLEGAL,
    end=tokens.EOF,
    blank=tokens.WHITESPACE,
    ident=tokens.IDENT,
    dot=tokens.DOT,
    bracket=tokens.LBRACK,
    soft=tokens.SOFT,
)
