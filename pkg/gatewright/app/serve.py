"""`gatewright serve`: sockets, certificate, board, and the family of processes.

The policy process is what one waits for at the start: it is forked first, and what only
the others need is imported meanwhile (a fifth of all imports).
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewright.app.certificates import make_certificate
from gatewright.app.lookups import Lookups
from gatewright.app.policy_process import run_policy_process
from gatewright.app.settings import Address, Settings
from gatewright.app.sockets import listen, listen_private
from gatewright.app.supervisor import Role, Supervisor
from gatewright.app.watchdog import Watchdog
from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log, set_level

__all__ = ["Bound", "bind", "serve"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What is bound before anything runs; addresses with their real ports.

    `admission` is None where no requests are answered."""

    admission: socket.socket | None
    health: socket.socket
    metrics: socket.socket
    certificate: Path
    key: Path
    ca: Path | None

    def address(self, sock: socket.socket) -> Address:
        host, port = sock.getsockname()[:2]
        return Address(host, port)


def bind(settings: Settings) -> Bound:
    """Bind all sockets and have a certificate.  Raises BindError."""
    admission = None
    if settings.serves:
        admission = listen(
            settings.admission, what="admission", option="--host and --port"
        )
    health = listen(settings.health, what="probes", option="--health-addr")
    metrics = listen(settings.metrics, what="metrics", option="--metrics-addr")
    if settings.certificate is not None and settings.key is not None:
        return Bound(
            admission, health, metrics, settings.certificate, settings.key, None
        )
    hosts = sorted({settings.admission.host, "127.0.0.1", "localhost"})
    made = make_certificate(hosts)
    return Bound(admission, health, metrics, made.certificate, made.key, made.ca)


def serve(
    settings: Settings, bound: Bound, *, guest: Callable[[], int] | None = None
) -> int:
    """Run until a signal; the exit status.

    `guest` runs in a process of its own beside the others (the demo's client).
    """
    set_level(settings.log_level)
    log = Log("supervisor")
    log.info(
        "listening",
        admission=str(bound.address(bound.admission)) if bound.admission else None,
        health=str(bound.address(bound.health)),
        metrics=str(bound.address(bound.metrics)),
        certificate=str(bound.certificate),
        ca=str(bound.ca) if bound.ca else None,
    )
    board = Board(3 + settings.subscribers)
    listener, address = listen_private()
    asked: socket.socket | None = None
    lookups: Lookups | None = None
    if settings.cluster is not None:
        asked, where = listen_private(socket.SOCK_STREAM)
        lookups = Lookups(where)
    roles = [
        Role(
            "policies",
            1,
            lambda: run_policy_process(
                settings, board=board, slot=1, listener=listener, asked=asked
            ),
        ),
        status_role(bound, board),
    ]
    if bound.admission is not None:
        roles += [
            worker_role(settings, bound, board, 3 + n, address, lookups)
            for n in range(settings.workers)
        ]
    if settings.audits:
        roles.append(auditor_role(settings, board, 2 + settings.subscribers, address))
    if guest is not None:
        roles.append(Role("guest", 0, guest, once=True))
    limits = settings.limits
    watchdog = Watchdog(
        board,
        silence=limits.silence,
        memory=limits.worker_memory,
        drain_time=limits.drain_time + limits.silence,
        log=log,
    )
    supervisor = Supervisor(
        roles,
        board=board,
        drain_time=limits.drain_time,
        delay=limits.shutdown_delay,
        log=log,
        watchdog=watchdog,
    )
    try:
        return supervisor.run()
    finally:
        if bound.ca is not None:  # made for this run: no key stays behind
            shutil.rmtree(bound.ca.parent, ignore_errors=True)


def status_role(bound: Bound, board: Board) -> Role:
    def main() -> int:
        from gatewright.app.status_server import serve_status

        return serve_status(board, health=bound.health, metrics=bound.metrics)

    return Role("status", 2, main, module="gatewright.app.status_server")


def worker_role(
    settings: Settings,
    bound: Bound,
    board: Board,
    slot: int,
    address: str,
    lookups: Lookups | None,
) -> Role:
    sock = bound.admission
    assert sock is not None

    def main() -> int:
        from gatewright.app.worker import run_worker

        return run_worker(
            settings,
            board=board,
            slot=slot,
            address=address,
            sock=sock,
            certificate=bound.certificate,
            key=bound.key,
            lookups=lookups,
        )

    name = f"worker-{slot - 2}"
    return Role(name, slot, main, worker=True, module="gatewright.app.worker")


def auditor_role(settings: Settings, board: Board, slot: int, address: str) -> Role:
    def main() -> int:
        # Imported by the one process that needs it, with the Kubernetes client.
        from gatewright.app.auditor import run_auditor

        return run_auditor(settings, board=board, slot=slot, address=address)

    return Role("auditor", slot, main)
