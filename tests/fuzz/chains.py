"""Chains of certificates, most of them wrong in one way: names, limits of names, usages,
lengths, dates, who may sign.

Keys are new in each run; what a certificate says depends on the seed alone.
"""

from __future__ import annotations

import datetime
import ipaddress
import random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["BUILTINS", "call"]

BUILTINS = {
    "crypto.x509.parse_and_verify_certificates": 1,
    "crypto.x509.parse_and_verify_certificates_with_options": 2,
    "crypto.x509.parse_certificates": 1,
}
_KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
_HOSTS = (
    "a.example.com", "example.com", "*.example.com", "bad.example.com", "A.Example.com", "foo",
    "a.example.com.", "a_b.example.com", "*", "xexample.com", "10.0.0.1", "a*.example.com",
)  # fmt: skip
_LIMITS: tuple[x509.GeneralName, ...] = (
    x509.DNSName("example.com"), x509.DNSName(".example.com"), x509.DNSName("bad.example.com"),
    x509.DNSName("EXAMPLE.com"), x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
    x509.RFC822Name("b.c"), x509.RFC822Name(".b.c"), x509.RFC822Name("a@b.c"),
    x509.UniformResourceIdentifier("b.c"), x509.UniformResourceIdentifier(".b.c"),
)  # fmt: skip
_OTHERS: tuple[x509.GeneralName, ...] = (
    x509.IPAddress(ipaddress.ip_address("10.0.0.1")), x509.RFC822Name("a@b.c"),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")), x509.RFC822Name("A@x.b.C"),
    x509.UniformResourceIdentifier("http://b.c/p"), x509.UniformResourceIdentifier("http://x.b.c:80"),
    x509.UniformResourceIdentifier("http://10.0.0.1/"),
)  # fmt: skip
_USAGES = (
    ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.CODE_SIGNING,
    x509.ObjectIdentifier("1.2.3.4.5"),
)  # fmt: skip
_NAMES = (
    *_HOSTS, "b.a.example.com", "[10.0.0.1]", "::ffff:10.0.0.1", "2001:db8::1", "[::1]", "",
    ".example.com", "a..com",
)  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    rng: random.Random, who: int, issuer: int, *, leaf: bool
) -> x509.Certificate:
    year = rng.choice((2020,) * 12 + (2110,))
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(f"n{who}"))
        .issuer_name(_name(f"n{issuer}"))
        .public_key(_KEYS[who].public_key())
        .serial_number(rng.randint(1, 9))
        .not_valid_before(datetime.datetime(year, 1, 1))
        .not_valid_after(datetime.datetime(2120, 1, 1))
    )
    odd = rng.random
    if not (leaf and odd() < 0.5) and odd() < 0.95:
        ca = odd() < (0.1 if leaf else 0.93)
        length = rng.choice((None, None, None, 0, 1)) if ca else None
        made = made.add_extension(x509.BasicConstraints(ca, length), critical=True)
    if leaf and odd() < 0.8:
        hosts: list[x509.GeneralName] = [
            x509.DNSName(rng.choice(_HOSTS)) for _ in range(rng.randint(1, 2))
        ]
        if odd() < 0.4:
            hosts.append(rng.choice(_OTHERS))
        made = made.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    if not leaf and odd() < 0.35:
        lists = [rng.sample(_LIMITS, rng.randint(1, 2)), None]
        rng.shuffle(lists)
        limits = x509.NameConstraints(lists[0], lists[1])
        made = made.add_extension(limits, critical=odd() < 0.8)
    if odd() < 0.25:
        usages = x509.ExtendedKeyUsage(rng.sample(_USAGES, rng.randint(1, 2)))
        made = made.add_extension(usages, critical=False)
    if odd() < 0.2:
        signs = odd() < 0.7
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=signs, crl_sign=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        made = made.add_extension(usage, critical=True)
    if odd() < 0.04:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x")
        made = made.add_extension(unknown, critical=odd() < 0.5)
    return made.sign(_KEYS[issuer], hashes.SHA256())


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call with a chain from a root to a leaf, in order or nearly."""
    size = rng.choice((2, 2, 3, 3, 4))
    made = [
        _certificate(rng, who, max(who - 1, 0), leaf=who == size - 1)
        for who in range(size)
    ]
    kind = rng.random()
    if kind < 0.08:
        rng.shuffle(made)
    elif kind < 0.13:
        made.append(rng.choice(made))
    elif kind < 0.16:
        del made[rng.randrange(size)]
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in made)
    name = rng.choice([*BUILTINS][:2] * 4 + [*BUILTINS][2:])
    if BUILTINS[name] == 1:
        return name, [text]
    options: dict[str, Any] = {}
    if rng.random() < 0.6:
        options["DNSName"] = rng.choice(_NAMES)
    if rng.random() < 0.4:
        usages = (
            "KeyUsageAny",
            "KeyUsageServerAuth",
            "KeyUsageClientAuth",
            "KeyUsageCodeSigning",
        )
        options["KeyUsages"] = rng.sample(usages, rng.randint(0, 2))
    if rng.random() < 0.1:
        options["CurrentTime"] = rng.choice((1_600_000_000, 4_500_000_000)) * 10**9
    return name, [text, options]
