"""Does a chain of certificates hold? As Go's x509 package decides it.

The first certificate is trusted, the last is asked about, those between may help.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.operands import whole
from gatewright.engine.library.x509_limits import has_name, within
from gatewright.engine.values import Set, Value, is_number, pairs

__all__ = ["EXTENDED", "Options", "chain", "options"]

#: Signatures that are checked at most while a chain is looked for.
MAX_CHECKS: Final = 100
ANY: Final = 0
#: What Go looks for when no usage is named.
SERVER: Final = 1
#: Extended key usages: object identifier -> Go's number.
EXTENDED: Final = {
    "2.5.29.37.0": ANY,
    **{f"1.3.6.1.5.5.7.3.{i}": i for i in range(1, 10)},
    "1.3.6.1.4.1.311.10.3.3": 10,
    "2.16.840.1.113730.4.1": 11,
    "1.3.6.1.4.1.311.2.1.22": 12,
    "1.3.6.1.4.1.311.61.1.1": 13,
}
_USAGES: Final = [
    "Any",
    "ServerAuth",
    "ClientAuth",
    "CodeSigning",
    "EmailProtection",
    "IPSECEndSystem",
    "IPSECTunnel",
    "IPSECUser",
    "TimeStamping",
    "OCSPSigning",
    "MicrosoftServerGatedCrypto",
    "NetscapeServerGatedCrypto",
    "MicrosoftCommercialCodeSigning",
    "MicrosoftKernelCodeSigning",
]
_NUMBERS: Final = {f"KeyUsage{name}": i for i, name in enumerate(_USAGES)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Options:
    """`usages`: one of them must be allowed throughout; `name` "" for any."""

    now: datetime
    name: str = ""
    usages: tuple[int, ...] = (SERVER,)


def options(wanted: Value, *, clock: int) -> Options:
    """Read what a policy demands; `clock` (ns) is the time unless it says one."""
    out = Options(_moment(clock))
    for key, value in pairs(wanted):
        if key == "DNSName":
            if not isinstance(value, str):
                raise BuiltinError("'DNSName' should be a string")
            out.name = value
        elif key in ("CurrentTime", "MaxConstraintComparisons"):
            number = whole(value) if is_number(value) else None
            if number is None:
                raise BuiltinError(f"'{key}' should be a number")
            if key == "CurrentTime":
                out.now = _moment(number)
        elif key == "KeyUsages":
            out.usages = _usages(value)
        else:
            raise BuiltinError("invalid key option")
    return out


def _moment(ns: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        raise BuiltinError("time outside of valid range") from None


def _usages(value: Value) -> tuple[int, ...]:
    if isinstance(value, (list, Set)):
        items = value if isinstance(value, list) else list(value.items)
    else:
        raise BuiltinError("'KeyUsages' should be an Array or Set")
    wrong = [str(item) for item in items if item not in _NUMBERS]
    if wrong:
        raise BuiltinError(
            f"invalid entries for 'KeyUsages' found: [{' '.join(wrong)}]"
        )
    return tuple(_NUMBERS[item] for item in items) or (SERVER,)


def chain(
    certificates: list[x509.Certificate], wanted: Options
) -> list[x509.Certificate] | None:
    """Return the way from the last to the first certificate, or None."""
    root, *between, leaf = certificates
    if not _valid_by_itself(leaf, wanted) or not has_name(leaf, wanted.name):
        return None
    if leaf == root:
        return [leaf] if _usable([leaf], wanted.usages) else None
    budget = [MAX_CHECKS]
    return _extend([leaf], root, between, wanted, budget)


def _extend(
    path: list[x509.Certificate],
    root: x509.Certificate,
    between: list[x509.Certificate],
    wanted: Options,
    budget: list[int],
) -> list[x509.Certificate] | None:
    for issuer in [root, *between]:
        if any(_same(issuer, item) for item in path) or budget[0] <= 0:
            continue
        budget[0] -= 1
        if not _issued(path[-1], issuer) or not _may_sign(issuer, path, wanted):
            continue
        longer = [*path, issuer]
        if issuer is root:
            if _usable(longer, wanted.usages):
                return longer
            continue
        found = _extend(longer, root, between, wanted, budget)
        if found is not None:
            return found
    return None


def _same(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Tell whether both stand for the same: subject, key and other names."""
    return (
        one.subject == other.subject
        and one.public_key_algorithm_oid == other.public_key_algorithm_oid
        and one.public_key() == other.public_key()
        and _get(one, x509.SubjectAlternativeName)
        == _get(other, x509.SubjectAlternativeName)
    )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _get(certificate: x509.Certificate, kind: type) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _valid_by_itself(certificate: x509.Certificate, wanted: Options) -> bool:
    if any(
        entry.critical and isinstance(entry.value, x509.UnrecognizedExtension)
        for entry in certificate.extensions
    ):
        return False
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= wanted.now <= ends


def _may_sign(
    issuer: x509.Certificate, path: list[x509.Certificate], wanted: Options
) -> bool:
    if not _valid_by_itself(issuer, wanted):
        return False
    basic = _get(issuer, x509.BasicConstraints)
    if issuer.version is x509.Version.v3 and not (basic and basic.ca):
        return False
    usage = _get(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return False
    # Certificates between this one and the leaf count against the length.
    if basic and basic.path_length is not None and len(path) - 1 > basic.path_length:
        return False
    limits = _get(issuer, x509.NameConstraints)
    return limits is None or all(within(item, limits) for item in path)


def _usable(path: list[x509.Certificate], usages: tuple[int, ...]) -> bool:
    if ANY in usages:
        return True
    left = set(usages)
    for certificate in path:
        extended = _get(certificate, x509.ExtendedKeyUsage)
        if extended is None:
            continue
        allowed = {EXTENDED.get(oid.dotted_string) for oid in extended}
        if ANY not in allowed:
            left &= allowed
    return bool(left)
