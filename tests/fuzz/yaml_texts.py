"""YAML documents, right and nearly right: what a scanner has to tell apart.

Blocks and flows, comments, tabs, anchors, tags, directives, scalars of all styles,
and lines that are put together at random; `tests.fuzz.texts` changes tokens after.
"""

from __future__ import annotations

import random

from tests.fuzz.mutations import mutated

__all__ = ["document"]

_SCALARS = (
    "a", "b", "1", "1.5", "-3", "0x1F", "012", "1e3", ".5", "~", "null", "true", "yes", "on",
    '"a"', "'b'", '"x\\n"', "'it''s'", '"\\x41\\u00e9"', '"\\q"', "'a", "a b", "a: b", "a #b",
    "a#b", "2020-01-02", "2020-01-02T03:04:05Z", ".inf", ".nan", "-.inf", "1_000", "é", "<<",
    "|", ">", "-", "?", ":", "- a", "? a", ": a", "*x", "*y", "&x 1", "&y a", "!!str 1", "!!int 2",
    "!!int a", "!!float 1", "!!bool x", "!!null ''", "!!binary aGk=", "!!binary a", "! 5", "! '5'",
    "!foo a", "!e!x b", "!<tag:yaml.org,2002:int> 7", "!!timestamp 2020-1-2", "%a", "@a", "`a",
    "[", "]", "{", "}", ",", "a,b", "a:b", "[a]", "[a, b]", "{a: 1}", "{a}", "[a: 1]", "{}", "[]",
    "[? a : b]", "{a: , b}", "[a,, b]", "{? a}", '{"a":1}', "[*x, &z 2]", "", "''", "---", "...",
    "{1: a, '1': b}", "[.nan]", "{~: 1}", "{[a]: 1}", "? b", "!!seq a", "!!str [a]", "1.0", "1e6",
    "18446744073709551615", "18446744073709551616", "0o17", "0b11", "+1", "1.", "1:30", "x\t",
)  # fmt: skip
_KEYS = ("a", "b", "c", "1", "1.5", "~", "true", "'q'", '"d"', "<<", "? a", "&k a", "*x", "[a]",
         "{b: 1}", "a b", "2020-01-02", "!!str 1", "1e7", ".inf", "on", "a:b", "é", "")  # fmt: skip
_LINES = (
    "# c", "  # c", "\t# c", "", " ", "\t", "---", "...", "--- a", "--- # c", "%YAML 1.1",
    "%YAML 1.2", "%TAG !e! tag:e,1:", "%TAG ! !x", "%FOO", "- ", "-\ta", "a:\tb", "\ta: 1", "a:",
    "? ", ": b", "}", "]", "  x", "x", "a: |", "b: >-", "c: |2", "d: |0", "e: >+1 # c", "f: | x",
    "    text", " text", "key: 'a", "  b'", 'k: "a\\', '  b"', "- - a", "- a: 1", "  b: 2",
    "\u2028", "a: b # c", "[a, # c", "b]", "{a: 1,", "  b: 2}", "# c\n\t# d", "a: # c\n\t# d",
    "--- |", "  - x", "'''", "&a", "*a", "!!map", "<<: *x", "<<: [*x, *y]", "x: &x {a: 1}",
    "y: &y {b: 2, a: 3}", "- &x [a]", "- *x", "\x85", "\ufeff", "a: b: c", "- a: b\n   c: d",
)  # fmt: skip


def _scalar(rng: random.Random) -> str:
    text = rng.choice(_SCALARS)
    return text + rng.choice(("", "", "", "", " # c", "#c", " ", "\n# c"))


def _flow(rng: random.Random, depth: int) -> str:
    def part() -> str:
        if depth and rng.random() < 0.3:
            return _flow(rng, depth - 1)
        return rng.choice(_SCALARS)

    gap = rng.choice((" ", "", "\n  ", "\n", " # c\n ", "\t"))
    count = rng.randint(0, 3)
    if rng.random() < 0.5:
        return f"[{f',{gap}'.join(part() for _ in range(count))}{rng.choice(('', ',', gap))}]"
    colon = rng.choice((": ", ":", " : ", ": "))
    inner = f",{gap}".join(rng.choice(_KEYS) + colon + part() for _ in range(count))
    return f"{{{inner}{rng.choice(('', ',', gap))}}}"


def _block(rng: random.Random, indent: int, depth: int) -> str:
    """Lines of a collection; the first one is not indented."""
    pad = " " * indent
    lines: list[str] = []
    listed = rng.random() < 0.4
    for _ in range(rng.randint(1, 3)):
        head = "-" if listed else f"{rng.choice(_KEYS)}:"
        kind = rng.random()
        if kind < 0.5 or not depth:
            body = f" {_scalar(rng)}"
        elif kind < 0.65:
            body = f" {_flow(rng, 2)}"
        elif kind < 0.75:
            style = rng.choice(("|", ">", "|-", ">+", "|2", ">1-", "| # c"))
            inner = rng.choice((2, 2, 2, 1, 3, 0))
            body = f" {style}" + "".join(
                f"\n{pad}{' ' * inner}{rng.choice(('x', 'y z', '', ' w', '- a', '# c'))}"
                for _ in range(rng.randint(1, 3))
            )
        else:
            deeper = indent + rng.choice((2, 2, 2, 1, 3, 0))
            lead = rng.choice((" ", "\n" + " " * deeper, "\n" + " " * deeper))
            if not listed and lead == " ":
                lead = "\n" + " " * deeper
            body = rng.choice(("", "", "", " &x", " !!map", " # c"))
            body += lead + _block(rng, deeper, depth - 1)
        lines.append(head + body)
        if rng.random() < 0.1:
            lines.append(rng.choice(("# c", "", " # c", "\t# c", "  ", "#")))
    return f"\n{pad}".join(lines)


def document(rng: random.Random) -> str:
    """A stream of one document, or of several, or of lines."""
    kind = rng.random()
    if kind < 0.15:
        text = _flow(rng, 3)
    elif kind < 0.3:
        text = "\n".join(rng.choice(_LINES) for _ in range(rng.randint(1, 6)))
    elif kind < 0.35:
        text = _scalar(rng)
    else:
        text = _block(rng, 0, 3)
    if rng.random() < 0.15:
        text = rng.choice(("---\n", "# c\n\n", "%YAML 1.1\n---\n", "\n", "--- ")) + text
    if rng.random() < 0.15:
        text += rng.choice(
            ("\n", "\n---\nb: 1", "\n...\n", "\n# c", "\n...\na", "\r\nz: 1")
        )
    if rng.random() < 0.05:
        text = text.replace("\n", rng.choice(("\r\n", "\r", "\x85", "\u2028")))
    return mutated(text, rng) if rng.random() < 0.4 else text
