"""`gatewright serve` by policies in a folder, closing each connection after a request.

python -m tests.cluster.replica POLICIES CERTIFICATES PORT HEALTH_PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

from gatewright.app.serve import bind, serve
from gatewright.app.settings import Address, Limits, Settings

if __name__ == "__main__":
    policies, certificates, port, health = sys.argv[1:]
    settings = Settings(
        policies=Path(policies),
        admission=Address("127.0.0.1", int(port)),
        health=Address("127.0.0.1", int(health)),
        metrics=Address("127.0.0.1", 0),
        certificate=Path(certificates) / "tls.crt",
        key=Path(certificates) / "tls.key",
        limits=Limits(connection_age=0.0),
    )
    sys.exit(serve(settings, bind(settings)))
