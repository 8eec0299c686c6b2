"""What Rego v1 demands of rules, and hints about keywords that v0 must import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gatewright.rego import ast, tokens
from gatewright.rego.errors import PARSE_ERROR, Error

__all__ = ["check_v1", "missing_keyword"]

_V1_WORDS: Final = tokens.keywords_of(1)
_HEAD_WORDS: Final = {"if": "p if { ... }", "contains": "p contains x"}


def check_v1(rule: ast.Rule) -> list[Error]:
    """Return what is wrong with a rule (and its `else` branches) in Rego v1."""
    found: list[Error] = []
    branch: ast.Rule | None = rule
    while branch is not None:
        for message in _complaints(branch):
            found.append(Error(PARSE_ERROR, message, branch.loc))
        branch = branch.else_
    return found


def _complaints(rule: ast.Rule) -> list[str]:
    head = rule.head
    kind = "function" if head.args else "rule"
    out = []
    if len(head.reference.terms) < 2 and head.name in _V1_WORDS:
        out.append(f"{head.name} keyword cannot be used for rule name")
    if rule.generated_body and head.generated_value:
        out.append(f"{kind} must have value assignment and/or body declaration")
    if not rule.generated_body and "if" not in head.keywords and not rule.default:
        out.append(f"`if` keyword is required before {kind} body")
    if head.value is None and "contains" not in head.keywords:
        out.append("`contains` keyword is required for partial set rules")
    return out


def missing_keyword(statements: Sequence[Any], index: int) -> str:
    """Return a hint when a v0 statement was misread around `if` or `contains`.

    Without the import such a word is a plain name, so `p if { ... }` reads as the
    query `p` and a rule `if`.
    """
    word = _head_word(statements[index])
    if not word and index + 1 < len(statements):
        following = statements[index + 1]
        if _row(following) == _row(statements[index]):
            word = _head_word(following)
    if not word:
        return ""
    example = _HEAD_WORDS[word]
    return f" (hint: `import future.keywords.{word}` for `{example}` rules)"


def _row(statement: Any) -> int:
    loc: ast.Location = (
        statement[0].loc if isinstance(statement, list) else statement.loc
    )
    return loc.row


def _head_word(statement: Any) -> str:
    match statement:
        case ast.Rule(head=head):
            name = head.name
        case [ast.Expr(terms=ast.Var(name=name))]:
            pass
        case _:
            return ""
    return name if name in _HEAD_WORDS else ""
