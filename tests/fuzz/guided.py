"""Coverage-guided fuzzing of what reads bytes: JSON, terms, images, Rego's lexer.

    make fuzz-native SECONDS=60

Inputs that take new edges are kept and changed further: edges of the compiled modules
(tests/fuzz/edges.c), lines of the Python lexer and parser. A crash is the sanitizers'
to find; an exception that is not the reader's own is a finding, too, printed with the
input that raised it. Findings become seeds below and cases of the reader's tests.
"""

from __future__ import annotations

import ctypes
import random
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from gatewright._native.core import Doc, Image, ImageError, JsonError, LimitError
from gatewright.engine.binding import LIBRARY
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module
from tests.engine.running import image_of
from tests.engine.test_images import DOCUMENT, PLANS, exercise, seal

EDGES: Final = 1 << 16
WORDS: Final = (
    b'"\\u00e9\\ud83d\\ude00"', b"-0.1e+9", b"1e400", b"[[", b"]]", b'{"a":', b"},",
    b"<1>", b"null", b"true", b"\xed\xa0\x80", b"\xff", b"0123456789012345678901",
    b"package a\n", b"p contains x if ", b"import rego.v1\n", b"some x in ", b"# ",
    b"every k, v in ", b'$"{x}"', b"`raw`", b"with input as ", b":= ", b"\x00" * 8,
    b"\xff\xff\xff\xff", b"\x01\x00\x00\x00",
)  # fmt: skip


def read_json(data: bytes) -> None:
    doc = Doc.parse(data, limit=1 << 22)
    assert Doc.parse(doc.json(html=False), limit=1 << 23) == doc
    Doc.parse(data, limit=1 << 22, review=True).rego_text()


def read_term(data: bytes) -> None:
    doc = Doc.parse(data, term=True, limit=1 << 22)
    assert Doc.parse(doc.term_text(), term=True, limit=1 << 23) == doc


def read_image(data: bytes) -> None:
    if len(data) >= 64:
        exercise(Image(seal(data), binding=LIBRARY))


def read_rego(data: bytes) -> None:
    parse_module("a.rego", data.decode("utf-8", "surrogateescape"))


@dataclass
class Target:
    """What is fuzzed: `own` are the errors that it may raise."""

    name: str
    run: Callable[[bytes], None]
    seeds: list[bytes]
    own: tuple[type[Exception], ...]
    python: bool = False
    seen: int = 0
    runs: int = 0
    findings: list[str] = field(default_factory=list)


JSON_SEEDS: Final = [DOCUMENT.replace(b"<1,", b"[1,").replace(b'"z">', b'"z"]'), b"[]"]
REGO_SEEDS: Final = [
    b"package a\n\nimport rego.v1\n\np contains x if { some x in input.xs; x > 1 }\n",
    b'package b\nf(x) := $"a {x} b" if { every y in x { y != `z` } } else := {1: [2]}\n',
]


def targets() -> list[Target]:
    images = [image_of(*PLANS[:12], documents=(DOCUMENT,)), image_of(PLANS[0])]
    readers = (JsonError, LimitError)
    return [
        Target("json", read_json, [*JSON_SEEDS], readers),
        Target("term", read_term, [DOCUMENT], readers),
        Target("image", read_image, images, (ImageError,)),
        Target("rego", read_rego, [*REGO_SEEDS], (RegoErrors,), python=True),
    ]


class Edges:
    """The map of edges taken since it was cleared; bits are places in it."""

    def __init__(self) -> None:
        self.map = (ctypes.c_ubyte * EDGES).in_dll(ctypes.CDLL(None), "gw_edges")

    def clear(self) -> None:
        ctypes.memset(self.map, 0, EDGES)

    def line(self, frame: FrameType, event: str, _: Any) -> Any:
        """Marks lines of Rego's front end; others are not followed."""
        code = frame.f_code
        if "gatewright/rego" not in code.co_filename:
            return None
        if event == "line":
            self.map[hash((code, frame.f_lineno)) % EDGES] = 1
        return self.line

    def taken(self) -> int:
        return int.from_bytes(bytes(self.map), "little")


def changed(choose: random.Random, seeds: list[bytes]) -> bytes:
    """One of the inputs kept, changed in a few places."""
    data = bytearray(choose.choice(seeds))
    for _ in range(choose.choice((1, 1, 2, 4, 8))):
        at = choose.randrange(len(data) + 1)
        match choose.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << choose.randrange(8)
            case 1 if data:
                data[at % len(data)] = choose.randrange(256)
            case 2:
                data[at:at] = choose.choice(WORDS)
            case 3:
                del data[at : at + choose.randrange(1, 16)]
            case 4:
                word = choose.choice(WORDS)
                data[at : at + len(word)] = word
            case _:
                other = choose.choice(seeds)
                start = choose.randrange(len(other) + 1)
                data[at:at] = other[start : start + choose.randrange(64)]
    return bytes(data[: 1 << 16])


def attempt(target: Target, edges: Edges, data: bytes) -> None:
    """Run one input; keep it when it took a new edge."""
    edges.clear()
    target.runs += 1
    if target.python:
        sys.settrace(edges.line)
    try:
        target.run(data)
    except target.own:
        pass
    except Exception:  # noqa: BLE001 - a finding
        target.findings.append(f"{data!r}\n{traceback.format_exc()}")
    finally:
        sys.settrace(None)
    taken = edges.taken()
    if taken & ~target.seen:
        target.seen |= taken
        target.seeds.append(data)


def main(seconds: float, seed: int) -> int:
    """Share the time among the targets; 1 when something was found."""
    edges, status = Edges(), 0
    for target in (chosen := targets()):
        choose = random.Random(seed)  # noqa: S311 - repeatable
        for data in [*target.seeds]:
            attempt(target, edges, data)
        end = time.monotonic() + seconds / len(chosen)
        while time.monotonic() < end and len(target.findings) < 5:
            attempt(target, edges, changed(choose, target.seeds))
        print(
            f"{target.name}: {target.runs} inputs, {target.seen.bit_count()} edges,"
            f" {len(target.seeds)} kept, {len(target.findings)} findings"
        )
        for finding in target.findings:
            print(finding)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int((*sys.argv[2:], "1")[0])))
