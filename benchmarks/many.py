"""Many templates, each with two constraints, created at once on a real API server, while
requests go on; then the whole pod is killed and begins with all of them.

    python -m benchmarks.many [--templates 500]

Seconds until they are created, served by the API server, enforced in all workers and
told as that; memory of each process then (PSS, MB), the most of the whole family and of
the policy process at any time, and the same of the pod that begins with them.  Judged as
`tests/cluster/test_faults.py` judges, which runs the same without looking at memory: a
wrong, partial or late verdict ends it.  Needs the binaries of the cluster tests; 500 take about four minutes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
from pathlib import Path

from benchmarks.rivals.webhook import pss
from tests.cluster.manager import Manager
from tests.cluster.starving import family
from tests.cluster.test_faults import Site, many_at_once, standing
from tests.needs import require_servers

#: Seconds between looks at memory.
EVERY = 1.0


class Memory(threading.Thread):
    """Looks at the memory of the youngest manager's family until it is stopped."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.ended = threading.Event()
        self.most: dict[int, tuple[float, float]] = {}

    def run(self) -> None:
        while not self.ended.wait(EVERY):
            managers = list(self.site.managers)
            if managers:
                self.look(managers[-1])

    def look(self, manager: Manager) -> dict[str, float]:
        """MB of each process now, by name and process id."""
        top = manager.process.pid
        try:
            found = {
                f"{Path(f'/proc/{one}/comm').read_text().strip()} ({one})": pss([one])
                for one in family(top)
            }
        except OSError:  # one ends at this moment
            return {}
        policies = [mb for name, mb in found.items() if name.startswith("gw-policies")]
        before = self.most.get(top, (0.0, 0.0))
        now = sum(found.values()), max(policies, default=0.0)
        self.most[top] = max(before[0], now[0]), max(before[1], now[1])
        return found

    def tell(self, manager: Manager) -> None:
        found = self.look(manager)
        whole, policies = self.most[manager.process.pid]
        shown = ", ".join(f"{name} {mb:.0f}" for name, mb in found.items())
        print(f"memory (PSS, MB): {shown}; all {sum(found.values()):.0f}")
        print(
            f"  at most until now: all {whole:.0f}, the policy process {policies:.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", type=int, default=500)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatewright-many-"))
    with standing(folder, require_servers()) as site:
        memory = Memory(site)
        memory.start()
        print(f"load {os.getloadavg()[0]:.1f}", flush=True)
        many_at_once(site, given.templates, memory.tell)
        memory.ended.set()
        memory.join()
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
