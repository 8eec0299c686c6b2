"""The tutorial's commands, run on a real API server; what they print beside what it says.

A block that is marked `console` holds commands after `$ ` and what they print.  A line
`...` stands for any lines; a word `...` in a line for any text.  A command is run again
until it prints that, as a reader would, but for scripts (`bash <<'END'`).

    python -m tests.cluster.tutorial            runs it, prints the transcript
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.node import Node
from tests.cluster.server import Cluster
from tests.needs import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
NAMESPACE = "gatekeeper-system"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: A command whose output is not there yet is run again for so long.
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Step:
    """A command (with its continued lines) and what it is to print."""

    command: str
    printed: str

    @property
    def once(self) -> bool:
        """Whether it counts as it ran the first time."""
        return self.command.startswith("bash ")

    def fits(self, text: str) -> bool:
        pattern = "\n".join(
            ".*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*?")
            for line in self.printed.splitlines()
        )
        return re.fullmatch(pattern, text.strip(), re.DOTALL) is not None


def steps() -> list[Step]:
    """All of the tutorial's commands in order."""
    return [
        step
        for block in _BLOCK.findall(TUTORIAL.read_text("utf-8"))
        for step in _steps(block)
    ]


def _steps(block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = 1
        while lines[end - 1].endswith("\\"):
            end += 1
        if "<<" in lines[0]:
            end = lines.index(lines[0].split("'")[1], 1) + 1
        yield Step("\n".join(lines[:end]), "\n".join(lines[end:]).strip())


def run(cluster: Cluster, step: Step) -> str:
    """What a command printed: the first time that fits, or the last."""
    end = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            ["bash", "-c", step.command],  # noqa: S607 - as a reader would type it
            cwd=ROOT,
            env=cluster.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if step.once or step.fits(done.stdout) or time.monotonic() > end:
            return done.stdout.strip()
        time.sleep(0.5)


def main() -> int:
    """Run the tutorial; the exit status."""
    from tests.needs import require_servers

    with tempfile.TemporaryDirectory(prefix="gatewright-tutorial-") as folder:
        cluster = Cluster(Path(folder), programs=require_servers("helm"))
        node = Node(cluster, NAMESPACE)
        try:
            cluster.start()
            node.start()
            for step in steps():
                print(f"$ {step.command}", flush=True)
                text = run(cluster, step)
                print(text, flush=True)
                if not step.fits(text):
                    print(f"\nexpected:\n{step.printed}\nnode: {node.problem}")
                    for pod in node.pods.values():
                        print(pod.name, pod.ready, pod.daemon.tail(5))
                    return 1
        finally:
            node.stop()
            cluster.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
