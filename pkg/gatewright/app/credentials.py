"""The certificate that a worker serves, read again when its files change.

A handshake that has begun ends with the certificate that it began with; connections
that are open are not touched.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import Final

from gatewright.telemetry.log import Log

__all__ = ["Credentials"]

#: Seconds between looks at the files; a look costs two system calls.
LOOK_EVERY: Final = 0.25
#: Seconds between looks for files that are not there yet.
WAIT_EVERY: Final = 0.05


class Credentials:
    """`context` is for a server; TLS 1.3 only unless `minimum` says otherwise, as
    Gatekeeper by default; HTTP/1.1 is all that we speak."""

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        log: Log,
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self.certificate = certificate
        self.key = key
        self.log = log
        self.minimum = minimum
        self.context = self.empty()
        self.stamp: object = None
        self.refused: object = None
        self.loads = 0

    def empty(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self.minimum
        context.set_alpn_protocols(["http/1.1"])
        return context

    def refresh(self) -> bool:
        """Load the files if they are others than those loaded; whether it did.

        A pair that does not fit (one file written, the other not yet) or can't be
        read leaves what is served as it is, and is named once.
        """
        try:
            # Of one folder, so that both are of one version.
            certificate = self.certificate.resolve(strict=True)
            key = self.key.resolve(strict=True)
            stamp = (certificate, key, seen(certificate), seen(key))
            if stamp == self.stamp:
                return False
            # In the live context a bad pair would replace half of a good one.
            self.empty().load_cert_chain(certificate, key)
            self.context.load_cert_chain(certificate, key)
        except OSError as error:  # ssl.SSLError is one
            problem = f"{type(error).__name__}: {error}"
            if problem != self.refused:
                self.refused = problem
                self.log.warning("certificate not taken over", error=problem)
            return False
        self.stamp, self.refused = stamp, None
        self.loads += 1
        return True

    async def wait(self) -> None:
        """Returns when there is a certificate."""
        while self.stamp is None and not self.refresh():
            await asyncio.sleep(WAIT_EVERY)

    async def follow(self) -> None:
        """Never ends: takes over what the files become."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.refresh():
                self.log.info("certificate taken over", file=str(self.certificate))


def seen(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size
