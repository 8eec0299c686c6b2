"""Golden blocks: named cases of source and expected text in one file.

    [case name]
    source
    [out]
    expected

A case may have flags after its name: `[case name: v0 raw]`.  `rewrite` writes the
file anew with other expectations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^\[case (?P<name>[^\]:]+)(: (?P<flags>[^\]]+))?\]\n", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """One case; `source` ends in a newline, `expected` does not."""

    name: str
    flags: frozenset[str]
    source: str
    expected: str


def read_blocks(path: Path) -> list[Block]:
    text = path.read_text()
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    blocks = []
    for head, end in zip(heads, ends, strict=True):
        source, _, expected = text[head.end() : end].partition("[out]\n")
        flags = frozenset((head["flags"] or "").split())
        blocks.append(Block(head["name"], flags, source, expected.strip("\n")))
    return blocks


def rewrite(path: Path, produce: Callable[[Block], str]) -> None:
    parts = []
    for block in read_blocks(path):
        flags = f": {' '.join(sorted(block.flags))}" if block.flags else ""
        expected = produce(block).strip("\n")
        parts.append(f"[case {block.name}{flags}]\n{block.source}[out]\n{expected}\n")
    path.write_text("\n".join(parts))
