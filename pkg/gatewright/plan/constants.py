"""Ground terms as constants, in the text form that plans keep them in.

Term text is JSON, except that an object's keys may be any term and that sets
are written `<1,2>` (the empty one `<>`).  Numbers keep their spelling.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final

from gatewright.rego import ast
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.walk import is_value

__all__ = ["is_ground", "same", "term_text"]


#: Whether a term is a value: no variable, ref, call or closure in it.
is_ground: Final = is_value


def term_text(term: ast.Term) -> str:
    """The text of a ground term; `TypeError` for any other.

    Of equal members of a set, and of equal keys of an object, the first spelling
    stays; of the values of equal keys, the last.
    """
    # Most are strings and paths of them, and `match` would be slow for them.
    if isinstance(term, ast.String):
        return encode_basestring(term.value)
    if isinstance(term, ast.Array):
        return f"[{','.join(map(term_text, term.items))}]"
    match term:
        case ast.Number(text):
            return text
        case ast.Boolean(value):
            return "true" if value else "false"
        case ast.Null():
            return "null"
        case ast.Set(items):
            if len(items) == 1:
                return f"<{term_text(items[0])}>"
            members: dict[object, ast.Term] = {}
            for item in items:
                members.setdefault(term_key(item), item)
            return f"<{','.join(map(term_text, members.values()))}>"
        case ast.Object(items):
            keys: dict[object, ast.Term] = {}
            values: dict[object, ast.Term] = {}
            for key, item in items:
                where = term_key(key)
                keys.setdefault(where, key)
                values[where] = item
            pairs = (f"{term_text(k)}:{term_text(values[w])}" for w, k in keys.items())
            return f"{{{','.join(pairs)}}}"
    raise TypeError(f"{type(term).__name__} is not a ground term")


def same(a: ast.Term, b: ast.Term) -> bool:
    """Whether two ground terms are the same value."""
    return term_key(a) == term_key(b)
