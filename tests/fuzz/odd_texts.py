"""Texts for the readers in builtins that say most about what is wrong: addresses in
URLs, JSON in tokens, globs with sets.

Each is built of parts that nearly fit; `tests.fuzz.texts` then changes tokens.
"""

from __future__ import annotations

import base64
import random

from tests.fuzz.mutations import mutated

__all__ = ["glob", "token", "url"]

_PARTS = (
    "::", ":", "fe80", "1", "0", "abcd", "ffff", "12345", "1.2.3.4", "1.2.3", "256.0.0.1",
    "01.2.3.4", "%25eth0", "%25", "%", "%25%20a", "%25%41", "%eth0", "%C3%A9", "%zz", "g", ".",
    "2001:db8::", "::ffff:", "1:2:3:4:5:6:7", "é", "[", "]", " ", "<",
)  # fmt: skip
_PORTS = ("", "", ":", ":80", ":8x", ":-1", "80", ":80:81", ":%38", ":99999", "]", "x")
_USERS = ("", "", "", "u@", "u:p@", "u%4:p@", "u:%zz@", "a@b@", "u[@", ":@", "é@", "@")
_SCHEMES = ("http", "https", "HTTP", "mongodb", "a+b", "1a", "", "é")


def url(rng: random.Random) -> str:
    """A URL whose host is the matter, with what may stand around one."""
    inner = "".join(rng.choice(_PARTS) for _ in range(rng.choice((1, 2, 2, 3, 4, 6))))
    if rng.random() < 0.3:
        inner = ":".join(
            rng.choice(("1", "ab", "", "ffff", "1.2.3.4"))
            for _ in range(rng.randint(6, 9))
        )
    host = inner if rng.random() < 0.2 else f"[{inner}]"
    if rng.random() < 0.1:
        host += rng.choice((",", "")) + host
    scheme = rng.choice(_SCHEMES)
    return (
        (f"{scheme}:" if scheme else "")
        + rng.choice(("//", "//", "//", "//", "/", "", "///"))
        + rng.choice(_USERS) + host + rng.choice(_PORTS)
        + rng.choice(("", "", "/", "/p%41", "/%", "?q=1", "#f", "#%z", "/a b#%41", "?", "*"))
    )  # fmt: skip


_JSON = (
    '{"a": 1}', '{"alg": "HS256"}', '{"typ":"JWT","alg":"none"}', "[1, 2]", "1", "null", '"x"',
    '{"a": [1, {"b": null}], "c": "\\u00e9"}', '{"enc": "x"}', '{"cty": "JWT"}', "", "{",
)  # fmt: skip
_BEHIND = (
    "", "", "", " ", "x", " {", " [", "]", " null", " nul", " true", "truex", ' "a"', ' "a',
    " 1", " 1.5e3", " 1.", " -", " -01", " 1.2.3", ",", ":", "null 1", "\n", "\x00", "é",
)  # fmt: skip


def token(rng: random.Random) -> str:
    """A JSON web token, its parts with something wrong or something behind them."""

    def part(*texts: str) -> str:
        text = rng.choice(texts) + rng.choice(_BEHIND)
        if rng.random() < 0.4:
            text = mutated(text, rng)
        data = text.encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    header = part(*_JSON[:3]) if rng.random() < 0.6 else part(*_JSON)
    payload = part(*_JSON)
    whole = f"{header}.{payload}.{rng.choice(('YQ', '', 'YQ==', '!', 'Y'))}"
    return mutated(whole, rng) if rng.random() < 0.1 else whole


_GOOD = (
    "a", "a*", "a+", "b", "b*", "b+", ".", ".*", ".+", "[ab]", "[a-c]*", "[b-d]+", "[a]*",
    "\\*", "[\\]a]", "[]", "é", "[c-é]+", "[a-b]+", "[ba]*",
)  # fmt: skip
_GLOB = (
    *_GOOD, "*", "+", "[", "]", "-", "\\", "\\[", "[a\\-c]", "[a-\\]]", "[-a]", "[a-]",
    "[a-c-e]", "[c-a]", "[a--]", "[a-b", "[\\", "[é-ü]", "[.]", "[*]", "[a-\\", "a-", "[a-\\d]",
    "%", "%d", "%%", "%[1]s", "%s", "%v",
)  # fmt: skip


def glob(rng: random.Random) -> str:
    """A pattern of `regex.globs_match`."""
    parts = _GLOB if rng.random() < 0.4 else _GOOD
    return "".join(rng.choice(parts) for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 13))))
