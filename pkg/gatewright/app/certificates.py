"""A certificate made on the spot, for a machine that was given none.

Two steps, as with Gatekeeper's: a CA, and a leaf that it signs.  Both live in a
private folder that goes with the process; nothing is written elsewhere.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["MadeCertificate", "make_certificate"]

BACKDATED: Final = datetime.timedelta(hours=1)  # against skewed clocks
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
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    folder = folder or Path(tempfile.mkdtemp(prefix="gatewright-tls-"))
    now = datetime.datetime.now(datetime.UTC)

    def name(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "gatewright"),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def builder(
        subject: x509.Name, public: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name("gatewright-ca"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + LIFETIME)
        )

    def alternative(host: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    ca_key = ec.generate_private_key(ec.SECP256R1())
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    ca = (
        builder(name("gatewright-ca"), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        builder(name(hosts[0]), leaf_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([alternative(host) for host in hosts]),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    made = MadeCertificate(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    write_private(
        made.key,
        leaf_key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    made.certificate.write_bytes(leaf.public_bytes(pem))
    made.ca.write_bytes(ca.public_bytes(pem))
    return made


def write_private(path: Path, data: bytes) -> None:
    """A file that only its owner can read, from its first moment on."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
