"""The stand-in for kube-proxy leaves no connection behind; needs no API server."""

from __future__ import annotations

import contextlib
import gc
import socket

from tests.cluster.proxy import Proxy
from tests.cluster.server import free_ports


def client(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def test_a_stop_ends_connections_that_nobody_reads_or_has_begun() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as mute:
        target = ("127.0.0.1", mute.getsockname()[1])
        (port,) = free_ports(1)
        for _ in range(5):
            proxy = Proxy(("127.0.0.1", port), [target])
            proxy.start()
            made = [client(port) for _ in range(5)]
            for one in made:
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        one.send(bytes(65536))
            made[0].close()
            made += [client(port) for _ in range(3)]
            proxy.stop()

            assert not proxy.thread.is_alive()
            for one in made:
                one.close()
            del proxy
            gc.collect()  # a socket that was left open is an error of this test
