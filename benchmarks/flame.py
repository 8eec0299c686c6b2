"""Where time goes, as a picture: samples of perf by part and function, before and after.

perf record -g -o before.data python ...; python -m benchmarks.flame before.data [after.data]

Writes an SVG to standard output: for each recording a bar of parts, and under it the
functions of each, as wide as their share.  The compiled modules keep no frame pointers,
so what is shown is self time, not stacks.
"""

from __future__ import annotations

import argparse
import collections
import re
import subprocess
from html import escape
from pathlib import PurePath

WIDTH = 1200
ROW = 22
COLOURS = ("#e4a672", "#9fc5a8", "#a8b8d8", "#d8b4d0", "#d6cf8f", "#c4c4c4")
PARTS = {
    "vm": "evaluating",
    "frame": "evaluating",
    "reader": "reading",
    "writer": "writing",
    "lines": "writing",
    "request": "reading",
    "value": "values",
}

Shares = dict[str, dict[str, int]]


def part_of(library: str) -> str:
    """The part that a shared object belongs to."""
    name = PurePath(library).name.partition(".")[0]
    if name.startswith(("lib_", "verb", "operand", "number", "arithmetic")):
        return "builtins"
    if name.startswith("libpython") or name == "python3":
        return "Python"
    return PARTS.get(name, "other")


def samples(recording: str, last: float) -> Shares:
    """Samples of the last seconds, by part and function."""
    command = ["perf", "script", "-i", recording, "-F", "time,ip,sym,dso", "-G"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    out: Shares = collections.defaultdict(collections.Counter)
    found = [
        (float(one[1]), one[2], one[3])
        for line in text.splitlines()
        if (one := re.match(r"\s*([0-9.]+):\s+[0-9a-f]+\s+(\S+).*\((\S+)\)$", line))
    ]
    end = found[-1][0]
    for when, symbol, library in found:
        if when >= end - last:
            name = re.sub(r"^__pyx_\w*?_native_\d+", "", symbol)
            out[part_of(library)][name] += 1
    return out


def bars(title: str, shares: Shares, top: int) -> list[str]:
    """One recording as SVG elements."""
    total = sum(sum(part.values()) for part in shares.values())
    out = [f'<text x="4" y="{top + 15}" font-weight="bold">{escape(title)}</text>']
    x = 0.0
    order = sorted(shares.items(), key=lambda one: -sum(one[1].values()))
    for number, (part, functions) in enumerate(order):
        colour = COLOURS[number % len(COLOURS)]
        size = sum(functions.values())
        out.append(
            box(x, top + ROW, size / total, f"{part} {size / total:.0%}", colour)
        )
        inner = x
        for name, count in sorted(functions.items(), key=lambda one: -one[1]):
            share = count / total
            if share < 0.002:
                break
            out.append(box(inner, top + 2 * ROW, share, f"{name} {share:.1%}", colour))
            inner += share * WIDTH
        x += size / total * WIDTH
    return out


def box(x: float, y: float, share: float, text: str, colour: str) -> str:
    """A rectangle with its text, as far as there is room."""
    width = share * WIDTH
    shown = escape(text[: int(width / 7)])
    return (
        f'<g><title>{escape(text)}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" '
        f'height="{ROW - 1}" fill="{colour}" stroke="white"/>'
        f'<text x="{x + 3:.1f}" y="{y + 15}">{shown}</text></g>'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--titles", nargs="*", default=[])
    parser.add_argument("--last", type=float, default=2.0, help="seconds")
    args = parser.parse_args()
    height = 4 * ROW * len(args.recordings)
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">'
    )
    for number, recording in enumerate(args.recordings):
        title = args.titles[number] if number < len(args.titles) else recording
        print("\n".join(bars(title, samples(recording, args.last), number * 4 * ROW)))
    print("</svg>")


if __name__ == "__main__":
    main()
