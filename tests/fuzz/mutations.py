"""Texts with something wrong: a token is missing, doubled, out of place or another's."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

__all__ = ["mutated"]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_ODD = (
    "\u00e9",
    "\t",
    "\n",
    "0",
    "-",
    '"',
    "'",
    "\\",
    "}",
    "{",
    "(",
    ")",
    "%",
    "\u2028",
)


def mutated(text: str, rng: random.Random, words: Sequence[str] = ()) -> str:
    """Change one to three tokens; `words` may come in."""
    tokens = _TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(tokens) or 1)
        kind = rng.randrange(6)
        if not tokens or kind == 0:
            tokens.insert(at, rng.choice((*words, *_ODD)))
        elif kind == 1:
            del tokens[at]
        elif kind == 2:
            tokens.insert(at, tokens[at])
        elif kind == 3:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 4:
            tokens[at] = rng.choice((*words, *tokens, *_ODD))
        else:
            tokens = tokens[:at] if rng.random() < 0.5 else tokens[at:]
    return "".join(tokens)
