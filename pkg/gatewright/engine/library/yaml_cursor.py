"""A place in YAML text: what every token's reader needs of it."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from gatewright.engine.library.yaml_input import Input

__all__ = [
    "ALPHA",
    "BLANKS",
    "BLANKZ",
    "BREAKS",
    "TO_BREAK",
    "Cursor",
    "Token",
    "YamlFault",
]

#: Kind, line, text, and more, as `yaml_scanner` says.
Token = tuple[str, int, str, str]
BREAKS: Final = "\r\n\x85\u2028\u2029"
BLANKZ: Final = f" \t{BREAKS}\0"
ALPHA: Final = re.compile("[0-9A-Za-z_-]*")
BLANKS: Final = re.compile("[ \t]*")
TO_BREAK: Final = re.compile(f"[^{BREAKS}\0]*")
_BREAK: Final = re.compile(f"\r\n|[{BREAKS}]")
_LINE_COMMENT: Final = re.compile(f"[ \t]{{0,511}}#[^{BREAKS}\0]*")
_MARKS: Final = re.compile(f"(?:---|\\.\\.\\.)[{BLANKZ}]")


class YamlFault(Exception):
    """A mistake: where it was found, and where what it is in began; lines from 0."""

    def __init__(
        self, problem: str, line: int = 0, context: int = 0, *, scanning: bool = False
    ) -> None:
        super().__init__(problem)
        self.line, self.context, self.scanning = line, context, scanning

    def text(self, *, older: bool) -> str:
        """The message; the library has its own way with lines."""
        if older:
            line = self.line + self.scanning if self.line else self.context
        else:
            line = self.context or self.line
            line += bool(line and self.scanning)
        return f"yaml: line {line}: {self}" if line else f"yaml: {self}"


class Cursor:
    """A place, and what the scanner knows there: `indent`, depth of `flow`, whether a
    key may begin (`allowed`)."""

    def __init__(self, source: Input, *, older: bool) -> None:
        self.source = source
        self.older = older
        self.text = source.text
        self.at = self.line = self.begin = 0  # `begin`: where the line begins
        self.flow = 0
        self.indent = -1
        self.allowed = True

    @property
    def column(self) -> int:
        return self.at - self.begin

    def fail(self, problem: str, context: int | None = None) -> NoReturn:
        context = self.line if context is None else context
        raise YamlFault(problem, self.line, context, scanning=True)

    def take(self, pattern: re.Pattern[str]) -> str:
        """Go over what the pattern matches, within a line."""
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found[0]

    def over(self, end: int) -> None:
        """Go to `end`, over lines."""
        for found in _BREAK.finditer(self.text, self.at, end):
            self.line += 1
            self.begin = found.end()
        self.at = end

    def skip_break(self) -> bool:
        found = _BREAK.match(self.text, self.at)
        if not found:
            return False
        self.line += 1
        self.at = self.begin = found.end()
        return True

    def read_break(self) -> str:
        """Take a line break, as a line feed but for two of Unicode's."""
        char = self.text[self.at]
        if not self.skip_break():
            return ""
        return char if char in "\u2028\u2029" else "\n"

    def line_comment(self) -> None:
        """Skip a comment on the line of a token, with the blanks before it."""
        found = _LINE_COMMENT.match(self.text, self.at)
        if found and not (self.begin and self.is_fresh()):
            self.at = found.end()

    def is_fresh(self) -> bool:
        """Tell whether there is nothing but blanks before, on this line."""
        return not self.text[self.begin : self.at].strip(" \t")

    def is_marked(self) -> bool:
        """Tell whether a line begins here, with `---` or `...`."""
        return self.at == self.begin and bool(_MARKS.match(self.text, self.at))
