"""A certificate made on the spot, for a machine that was given none.

Two steps, as with Gatekeeper's: a CA, and a leaf that it signs.  Both live in a
private folder that goes with the process; nothing is written elsewhere.
"""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["MadeCertificate", "make_certificate"]

LIFETIME: Final = datetime.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """PEM files: the chain to serve, its key, and the CA to trust."""

    certificate: Path
    key: Path
    ca: Path


def make_certificate(
    hosts: list[str], *, folder: Path | None = None
) -> MadeCertificate:
    """Write a CA and a leaf for `hosts` (names or addresses) to `folder` (None:
    a new private one)."""
    # Only this path needs the library, which takes 50 ms to import.
    from gatewright.certs import pem
    from gatewright.certs.folder import CERTIFICATE, KEY, publish

    folder = folder or Path(tempfile.mkdtemp(prefix="gatewright-tls-"))
    now = datetime.datetime.now(datetime.UTC)
    authority = pem.make_authority(
        now=now, lifetime=LIFETIME, organization="gatewright"
    )
    leaf = pem.issue(
        authority, hosts, now=now, lifetime=LIFETIME, organization="gatewright"
    )
    made = MadeCertificate(folder / CERTIFICATE, folder / KEY, folder / "ca.crt")
    publish(folder, leaf)
    made.ca.write_bytes(authority.certificate)
    return made
