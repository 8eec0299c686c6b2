"""Keys and certificates: made, written, read."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = [
    "BACKDATED",
    "Pair",
    "hosts",
    "issue",
    "make_authority",
    "matches",
    "read_all",
    "signed_by",
    "span",
]

#: A clock that is an hour behind ours must not find a certificate not yet valid.
BACKDATED: Final = datetime.timedelta(hours=1)
_PEM: Final = serialization.Encoding.PEM
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


def make_authority(
    *, now: datetime.datetime, lifetime: datetime.timedelta, organization: str
) -> Pair:
    """A new authority.  Its name holds no secret and need not be unique: it is told
    from others by its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(organization, f"{organization}-ca")
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key.public_key(), now=now, lifetime=lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    )
    return Pair(builder.sign(key, hashes.SHA256()).public_bytes(_PEM), _private(key))


def issue(
    authority: Pair,
    names: Sequence[str],
    *,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
    organization: str,
) -> Pair:
    """A server's certificate for `names` (DNS names or addresses), signed by an
    authority whose key is P-256 or RSA.  Raises ValueError for another."""
    signer = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, PrivateKey):
        raise ValueError("the authority's key is neither of a curve nor RSA")
    issuer = x509.load_pem_x509_certificates(authority.certificate)[0]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(organization, names[0])
    builder = (
        _builder(subject, issuer.subject, key.public_key(), now=now, lifetime=lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        # Authorities share a name, so a client finds the right one by its key.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    made = builder.sign(signer, hashes.SHA256())
    return Pair(made.public_bytes(_PEM), _private(key))


def read_all(text: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM text; none if it can't be read."""
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        return []


def matches(certificate: x509.Certificate, key: bytes) -> bool:
    """Whether a private key (PEM) is that of a certificate."""
    try:
        private = serialization.load_pem_private_key(key, password=None)
        mine, own = private.public_key(), certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return _public(mine) == _public(own)


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority's key signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def hosts(certificate: x509.Certificate) -> frozenset[str]:
    """The names and addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return frozenset()
    names = [str(one) for one in found.get_values_for_type(x509.DNSName)]
    names += [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    return frozenset(names)


def span(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    """From when to when it is valid."""
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _name(organization: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(key: PublicKeyTypes) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)
