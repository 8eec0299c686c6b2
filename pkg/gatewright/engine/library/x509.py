"""`crypto.x509.*` and `crypto.parse_private_keys`: certificates and keys as values.

Members and their forms are those of Go's structs in JSON: bytes are base64, times
RFC 3339, object identifiers arrays.
"""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from gatewright.engine.library.asn1 import check_sequence
from gatewright.engine.library.context import Context
from gatewright.engine.library.ec_keys import without_public_half
from gatewright.engine.library.encoding import decode_base64
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import object_, string, utf8
from gatewright.engine.library.pem import pem_blocks, read_pem
from gatewright.engine.library.signatures import read_certificate, serial_number
from gatewright.engine.library.x509_names import name_value, names_in, oid_list
from gatewright.engine.library.x509_verify import EXTENDED, chain, options
from gatewright.engine.values import Value

__all__ = [
    "parse_and_verify_certificates",
    "parse_and_verify_certificates_with_options",
    "parse_certificate_request",
    "parse_certificates",
    "parse_keypair",
    "parse_private_keys",
    "parse_rsa_private_key",
]

_BEGIN: Final = b"-----BEGIN"
_REQUEST: Final = b"-----BEGIN CERTIFICATE REQUEST-----"
_SIGNATURES: Final = {
    "1.2.840.113549.1.1.4": 2,
    "1.2.840.113549.1.1.5": 3,
    "1.3.14.3.2.29": 3,
    "1.2.840.113549.1.1.11": 4,
    "1.2.840.113549.1.1.12": 5,
    "1.2.840.113549.1.1.13": 6,
    "1.2.840.10040.4.3": 7,
    "2.16.840.1.101.3.4.3.2": 8,
    "1.2.840.10045.4.1": 9,
    "1.2.840.10045.4.3.2": 10,
    "1.2.840.10045.4.3.3": 11,
    "1.2.840.10045.4.3.4": 12,
    "1.3.101.112": 16,
}
_PSS: Final = {"sha256": 13, "sha384": 14, "sha512": 15}
_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
#: Labels of private keys, and what Go reads them into.
_KEY_TYPES: Final = {"": "pkcs8", "RSA": "pkcs1PrivateKey", "EC": "ecPrivateKey"}
_PRIVATE: Final = re.compile(r"(?:RSA |EC )?PRIVATE KEY")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    return decode_base64(utf8(text))


def _certificates(text: str) -> list[x509.Certificate]:
    """Read PEM, base64 of PEM, or base64 of one or more DER certificates."""
    data = utf8(text)
    if not data.startswith(_BEGIN):
        data = _decoded(text)
    if data.startswith(_BEGIN):
        parts = []
        for label, der in pem_blocks(data):
            if label != "CERTIFICATE":
                raise BuiltinError(f"PEM block type is '{label}', expected CERTIFICATE")
            parts.append(der)
        data = b"".join(parts)
    try:
        return [read_certificate(der) for der in _der_items(data)]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BuiltinError("x509: malformed certificate") from error


def _der_items(data: bytes) -> list[bytes]:
    """Cut concatenated DER items apart."""
    out: list[bytes] = []
    while data:
        if len(data) < 2:
            raise ValueError("truncated")
        size, head = data[1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[2:head], "big")
        out.append(data[: head + size])
        if len(data) < head + size:
            raise ValueError("truncated")
        data = data[head + size :]
    return out


def parse_certificates(value: Value) -> list[Value]:
    """Return every certificate of a text as an object."""
    return [_shown(item, uris=True) for item in _certificates(string(value, 1))]


def parse_and_verify_certificates(ctx: Context, value: Value) -> list[Value]:
    """Return [true, chain] when the last certificate leads to the first."""
    return _verified(ctx, string(value, 1), {}, uris=True)


def parse_and_verify_certificates_with_options(
    ctx: Context, value: Value, wanted: Value
) -> list[Value]:
    """Like the one without options: name, time and usages can be demanded."""
    return _verified(ctx, string(value, 1), object_(wanted, 2), uris=False)


def _verified(ctx: Context, text: str, wanted: Value, *, uris: bool) -> list[Value]:
    try:
        certificates = _certificates(text)
    except (BuiltinError, ValueError, UnsupportedAlgorithm):
        # Before anyone looks at the options.
        return [False, []]
    settings = options(wanted, clock=ctx.clock)
    try:
        found = chain(certificates, settings) if len(certificates) > 1 else None
    except (BuiltinError, ValueError, UnsupportedAlgorithm):
        found = None
    if found is None:
        return [False, []]
    return [True, [_shown(item, uris=uris) for item in found]]


def _extension(item: x509.Extensions, kind: type) -> tuple[Any, bool] | None:
    try:
        found: x509.Extension[Any] = item.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    return found.value, found.critical


def _public_key(key: Any) -> tuple[int, Value]:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return 1, {"N": numbers.n, "E": numbers.e}
    if isinstance(key, dsa.DSAPublicKey):
        own = key.public_numbers()
        group = own.parameter_numbers
        parameters = {"P": group.p, "Q": group.q, "G": group.g}
        return 2, {"Parameters": parameters, "Y": own.y}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        return 3, {"Curve": {}, "X": point.x, "Y": point.y}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return 4, _b64(key.public_bytes_raw())
    return 0, None


def _signature(item: x509.Certificate | x509.CertificateSigningRequest) -> int:
    oid = item.signature_algorithm_oid.dotted_string
    if oid == "1.2.840.113549.1.1.10" and item.signature_hash_algorithm is not None:
        return _PSS.get(item.signature_hash_algorithm.name, 0)
    return _SIGNATURES.get(oid, 0)


def _extensions(item: x509.Extensions) -> Value:
    out: list[Value] = [
        {
            "Id": oid_list(entry.oid),
            "Critical": entry.critical,
            "Value": _b64(entry.value.public_bytes()),
        }
        for entry in item
    ]
    return out or None


def _basic(certificate: x509.Certificate) -> dict[str, Value]:
    number, key = _public_key(certificate.public_key())
    spki = certificate.public_key().public_bytes(
        Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "Raw": _b64(certificate.public_bytes(Encoding.DER)),
        "RawTBSCertificate": _b64(certificate.tbs_certificate_bytes),
        "RawSubjectPublicKeyInfo": _b64(spki),
        "RawSubject": _b64(certificate.subject.public_bytes()),
        "RawIssuer": _b64(certificate.issuer.public_bytes()),
        "Signature": _b64(certificate.signature),
        "SignatureAlgorithm": _signature(certificate),
        "PublicKeyAlgorithm": number,
        "PublicKey": key,
        "Version": certificate.version.value + 1,
        "SerialNumber": serial_number(certificate),
        "Issuer": name_value(certificate.issuer),
        "Subject": name_value(certificate.subject),
        "NotBefore": f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%S}Z",
        "NotAfter": f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%S}Z",
    }


def _shown(certificate: x509.Certificate, *, uris: bool) -> dict[str, Value]:
    out = _basic(certificate)
    items = certificate.extensions
    out["Extensions"] = _extensions(items)
    usage = _extension(items, x509.KeyUsage)
    out["KeyUsage"] = _usage_bits(usage[0]) if usage else 0
    extended = _extension(items, x509.ExtendedKeyUsage)
    known, unknown = [], []
    for oid in extended[0] if extended else ():
        if oid.dotted_string in EXTENDED:
            known.append(EXTENDED[oid.dotted_string])
        else:
            unknown.append(oid_list(oid))
    out["ExtKeyUsage"], out["UnknownExtKeyUsage"] = known or None, unknown or None
    basic = _extension(items, x509.BasicConstraints)
    length = basic[0].path_length if basic else None
    out["BasicConstraintsValid"] = basic is not None
    out["IsCA"] = bool(basic and basic[0].ca)
    out["MaxPathLen"] = (-1 if length is None else length) if basic else 0
    out["MaxPathLenZero"] = length == 0
    own = _extension(items, x509.SubjectKeyIdentifier)
    out["SubjectKeyId"] = _b64(own[0].digest) if own else None
    signer = _extension(items, x509.AuthorityKeyIdentifier)
    out["AuthorityKeyId"] = (
        _b64(signer[0].key_identifier) if signer and signer[0].key_identifier else None
    )
    alternative = _extension(items, x509.SubjectAlternativeName)
    names = names_in(alternative[0] if alternative else ())
    texts = names.pop("URIStrings")
    out.update(names)
    if uris:
        out["URIStrings"] = texts
    out.update(_constraints(_extension(items, x509.NameConstraints)))
    out.update(_places(items))
    out.update(_policies(items))
    out["ExtraExtensions"] = None
    out["UnhandledCriticalExtensions"] = [
        oid_list(entry.oid)
        for entry in items
        if entry.critical and isinstance(entry.value, x509.UnrecognizedExtension)
    ] or None
    return out


def _usage_bits(usage: x509.KeyUsage) -> int:
    bits = 0
    for place, name in enumerate(_USAGES):
        if name.endswith("_only") and not usage.key_agreement:
            continue
        bits |= getattr(usage, name) << place
    return bits


def _constraints(found: tuple[Any, bool] | None) -> dict[str, Value]:
    out: dict[str, Value] = {
        "PermittedDNSDomainsCritical": bool(found and found[1]),
    }
    for word in ("Permitted", "Excluded"):
        trees = getattr(found[0], f"{word.lower()}_subtrees") if found else None
        groups: dict[str, list[Value]] = {
            "DNSDomains": [],
            "IPRanges": [],
            "EmailAddresses": [],
            "URIDomains": [],
        }
        for tree in trees or ():
            if isinstance(tree, x509.DNSName):
                groups["DNSDomains"].append(tree.value)
            elif isinstance(tree, x509.RFC822Name):
                groups["EmailAddresses"].append(tree.value)
            elif isinstance(tree, x509.UniformResourceIdentifier):
                groups["URIDomains"].append(tree.value)
            elif isinstance(tree, x509.IPAddress):
                network: Any = tree.value
                mask = _b64(network.netmask.packed)
                address = str(network.network_address)
                groups["IPRanges"].append({"IP": address, "Mask": mask})
        for name, entries in groups.items():
            out[f"{word}{name}"] = entries or None
    return out


def _places(items: x509.Extensions) -> dict[str, Value]:
    points = _extension(items, x509.CRLDistributionPoints)
    lists = [
        name.value
        for point in (points[0] if points else ())
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    access = _extension(items, x509.AuthorityInformationAccess)
    found: dict[str, list[Value]] = {"OCSPServer": [], "IssuingCertificateURL": []}
    for entry in access[0] if access else ():
        if isinstance(entry.access_location, x509.UniformResourceIdentifier):
            kind = AuthorityInformationAccessOID.OCSP
            name = "OCSPServer" if entry.access_method == kind else ""
            name = name or "IssuingCertificateURL"
            found[name].append(entry.access_location.value)
    out: dict[str, Value] = {name: texts or None for name, texts in found.items()}
    return {**out, "CRLDistributionPoints": lists or None}


def _policies(items: x509.Extensions) -> dict[str, Value]:
    found = _extension(items, x509.CertificatePolicies)
    oids = [entry.policy_identifier for entry in found[0]] if found else []
    limits = _extension(items, x509.PolicyConstraints)
    explicit = limits[0].require_explicit_policy if limits else None
    mapping = limits[0].inhibit_policy_mapping if limits else None
    inhibit = _extension(items, x509.InhibitAnyPolicy)
    skip = inhibit[0].skip_certs if inhibit else None
    return {
        "PolicyIdentifiers": [oid_list(oid) for oid in oids] or None,
        "Policies": [oid.dotted_string for oid in oids] or None,
        "PolicyMappings": None,
        "InhibitAnyPolicy": skip or 0,
        "InhibitAnyPolicyZero": skip == 0,
        "InhibitPolicyMapping": mapping or 0,
        "InhibitPolicyMappingZero": mapping == 0,
        "RequireExplicitPolicy": explicit or 0,
        "RequireExplicitPolicyZero": explicit == 0,
    }


def parse_certificate_request(value: Value) -> Value:
    """Return a PKCS #10 request as an object."""
    data = utf8(string(value, 1))
    if not data.startswith(_REQUEST):
        data = decode_base64(data)
    if block := read_pem(data):
        if block[0] != "CERTIFICATE REQUEST":
            raise BuiltinError("invalid PEM-encoded certificate signing request")
        data = block[1]
    check_sequence(data, "certificateRequest")
    try:
        return _request(x509.load_der_x509_csr(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BuiltinError("asn1: structure error: malformed request") from error


def _request(request: x509.CertificateSigningRequest) -> Value:
    number, key = _public_key(request.public_key())
    spki = request.public_key().public_bytes(
        Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    items = request.extensions
    alternative = _extension(items, x509.SubjectAlternativeName)
    names = names_in(alternative[0] if alternative else ())
    names.pop("URIStrings")
    entries = [
        {"Type": oid_list(entry.oid), "Value": _b64(entry.value.public_bytes())}
        for entry in items
    ]
    wanted: Value = None
    if entries:
        wanted = [{"Type": [1, 2, 840, 113549, 1, 9, 14], "Value": [entries]}]
    return {
        "Raw": _b64(request.public_bytes(Encoding.DER)),
        "RawTBSCertificateRequest": _b64(request.tbs_certrequest_bytes),
        "RawSubjectPublicKeyInfo": _b64(spki),
        "RawSubject": _b64(request.subject.public_bytes()),
        "Version": 0,
        "Signature": _b64(request.signature),
        "SignatureAlgorithm": _signature(request),
        "PublicKeyAlgorithm": number,
        "PublicKey": key,
        "Subject": name_value(request.subject),
        "Attributes": wanted,
        "Extensions": _extensions(items),
        "ExtraExtensions": None,
        **names,
    }


def _pem_data(text: str) -> bytes:
    """Return PEM given as it is or in base64."""
    data = utf8(text)
    return data if data.startswith(_BEGIN) else decode_base64(data)


def _private_keys(data: bytes) -> list[Any]:
    with suppress(BuiltinError):  # else it is PEM as it stands
        data = decode_base64(data)
    return [
        _private_key(label, der)
        for label, der in pem_blocks(data)
        if _PRIVATE.fullmatch(label)
    ]


def _private_key(label: str, der: bytes) -> Any:
    """Read a key; only behind one of PKCS #1 nothing may follow."""
    form = label.removesuffix("PRIVATE KEY").strip()
    try:
        end = check_sequence(der, _KEY_TYPES[form])
    except BuiltinError as error:
        if form != "EC":
            raise
        raise BuiltinError(f"x509: failed to parse EC private key: {error}") from None
    if form == "RSA" and end < len(der):
        raise BuiltinError("asn1: syntax error: trailing data")
    try:
        return serialization.load_der_private_key(der[:end], password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):
            own = without_public_half(der[:end])
            return serialization.load_der_private_key(own, password=None)
        raise BuiltinError(f"x509: failed to parse private key: {error}") from error


def _go_key(key: Any) -> Value:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return {
            "N": numbers.public_numbers.n,
            "E": numbers.public_numbers.e,
            "D": numbers.d,
            "Primes": [numbers.p, numbers.q],
            "Precomputed": {
                "Dp": numbers.dmp1,
                "Dq": numbers.dmq1,
                "Qinv": numbers.iqmp,
                "CRTValues": [],
            },
        }
    if isinstance(key, ec.EllipticCurvePrivateKey):
        own = key.private_numbers()
        point = own.public_numbers
        return {"Curve": {}, "X": point.x, "Y": point.y, "D": own.private_value}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _b64(key.private_bytes_raw() + key.public_key().public_bytes_raw())
    raise BuiltinError("x509: unknown private key type")


def parse_private_keys(value: Value) -> Value:
    """Return the private keys of a PEM text; null for an empty one."""
    text = string(value, 1)
    if not text:
        return None
    return [_go_key(key) for key in _private_keys(utf8(text))]


def parse_rsa_private_key(value: Value) -> Value:
    """Return the first private key of a PEM text as a JWK."""
    text = string(value, 1)
    if not text:
        raise BuiltinError("input PEM data was empty")
    keys = _private_keys(_pem_data(text))
    return _jwk(keys[0]) if keys else None


def _number(value: int, size: int = 0) -> str:
    data = value.to_bytes(size or (value.bit_length() + 7) // 8 or 1, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwk(key: Any) -> Value:
    if isinstance(key, rsa.RSAPrivateKey):
        own = key.private_numbers()
        parts = {
            "n": own.public_numbers.n,
            "e": own.public_numbers.e,
            "d": own.d,
            "p": own.p,
            "q": own.q,
            "dp": own.dmp1,
            "dq": own.dmq1,
            "qi": own.iqmp,
        }
        return {"kty": "RSA", **{name: _number(part) for name, part in parts.items()}}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        numbers = key.private_numbers()
        point = numbers.public_numbers
        return {
            "kty": "EC",
            "crv": f"P-{key.key_size}",
            "x": _number(point.x, size),
            "y": _number(point.y, size),
            "d": _number(numbers.private_value, size),
        }
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public = int.from_bytes(key.public_key().public_bytes_raw(), "big")
        private = int.from_bytes(key.private_bytes_raw(), "big")
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _number(public, 32),
            "d": _number(private, 32),
        }
    raise BuiltinError("x509: unknown private key type")


def parse_keypair(certificate: Value, key: Value) -> Value:
    """Return a certificate chain and the private key of its first certificate."""
    texts = [string(part, 1) for part in (certificate, key)]
    chain_data, key_data = (_pem_data(text) for text in texts)
    found = [data for label, data in pem_blocks(chain_data) if label == "CERTIFICATE"]
    if not chain_data.startswith(_BEGIN):
        found = [chain_data]
    if not found:
        raise BuiltinError("tls: failed to find any PEM data in certificate input")
    try:
        items = [read_certificate(data) for data in found]
    except ValueError as error:
        raise BuiltinError("x509: malformed certificate") from error
    keys = _private_keys(key_data)
    if not keys:
        raise BuiltinError("tls: failed to find any PEM data in key input")
    public, own = items[0].public_key(), keys[0].public_key()
    if _public_key(public)[0] != _public_key(own)[0]:
        raise BuiltinError("tls: private key type does not match public key type")
    if _public_key(public) != _public_key(own):
        raise BuiltinError("tls: private key does not match public key")
    return {
        "Certificate": [_b64(item.public_bytes(Encoding.DER)) for item in items],
        "PrivateKey": _go_key(keys[0]),
        "SupportedSignatureAlgorithms": None,
        "OCSPStaple": None,
        "SignedCertificateTimestamps": None,
        "Leaf": _shown(items[0], uris=False),
    }
