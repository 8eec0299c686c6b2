"""Names of certificates: does one have a name, and may its names be signed for.

As Go's crypto/x509 has it: `*` stands for one label, a limit `.a.b` for names below
`a.b`, and `a.b` for that too; a URI whose host is an address fits no limits at all.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cryptography import x509

from gatewright.engine.library.net import read_address
from gatewright.engine.library.urls import read_url

__all__ = ["has_name", "within"]

_LABEL: Final = re.compile("[A-Za-z0-9_][A-Za-z0-9_-]*")
_PRINTABLE: Final = re.compile(r"(?:[!-\-/-~]+\.)*[!-\-/-~]+")
#: A name that nothing can be said about.
_UNKNOWN: Final = ("", "")


def has_name(certificate: x509.Certificate, name: str) -> bool:
    """Tell whether a certificate is for a host or an address; any is for ""."""
    if not name:
        return True
    names = _names(certificate)
    bracketed = len(name) >= 3 and name[0] == "[" and name[-1] == "]"
    address = read_address(name[1:-1] if bracketed else name)
    if address is not None:
        given = [str(n.value) for n in names if isinstance(n, x509.IPAddress)]
        return address in map(read_address, given)
    patterns = [n.value for n in names if isinstance(n, x509.DNSName)]
    return any(_matches(_lower(pattern), _lower(name)) for pattern in patterns)


def _names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return []
    return list(found.value)


def _lower(text: str) -> str:
    """Only letters of ASCII are the same in both sizes."""
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "replace")


def _matches(pattern: str, name: str) -> bool:
    host = name.removesuffix(".")
    if not (_is_host(host) and _is_host(pattern, pattern=True)):
        return pattern == name and name != "."
    wanted, given = pattern.split("."), host.split(".")
    if len(wanted) != len(given):
        return False
    return wanted[1:] == given[1:] and wanted[0] in ("*", given[0])


def _is_host(text: str, *, pattern: bool = False) -> bool:
    labels = text.split(".")
    if pattern and labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    return all(map(_LABEL.fullmatch, labels))


def within(certificate: x509.Certificate, limits: x509.NameConstraints) -> bool:
    """Tell whether an issuer with these limits may sign for a certificate's names."""
    for name in _names(certificate):
        value = _checked(name)
        if value is None:
            continue
        if value == _UNKNOWN:
            return False
        permitted = _same(limits.permitted_subtrees, name)
        if permitted and not any(_covers(limit, value) for limit in permitted):
            return False
        excluded = _same(limits.excluded_subtrees, name)
        if any(_covers(limit, value, excluding=True) for limit in excluded):
            return False
    return True


def _same(limits: list[x509.GeneralName] | None, name: x509.GeneralName) -> list[Any]:
    return [limit.value for limit in limits or () if type(limit) is type(name)]


def _checked(name: x509.GeneralName) -> Any:
    """A name as limits are held against it; None for kinds that have none."""
    if isinstance(name, x509.IPAddress):
        return name.value
    if isinstance(name, x509.DNSName):
        parts = ("", name.value)
    elif isinstance(name, x509.RFC822Name):
        local, _, domain = name.value.rpartition("@")
        if local[:1] == '"':
            local = re.sub(r"\\(.)", r"\1", local[1:-1])
        parts = (local, domain.lower())
    elif isinstance(name, x509.UniformResourceIdentifier):
        host = read_url(name.value).host.lower()
        if not host or ":" in host or read_address(host) is not None:
            return _UNKNOWN
        parts = ("", host)
    else:
        return None
    return parts if not parts[1] or _PRINTABLE.fullmatch(parts[1]) else _UNKNOWN


def _covers(limit: Any, name: Any, *, excluding: bool = False) -> bool:
    if not isinstance(name, tuple):
        return bool(name.version == limit.version and name in limit)
    local, domain = name
    if "@" in limit:
        own, _, where = limit.rpartition("@")
        return (own, where.lower()) == (local, domain)
    limit, domain = limit.lower(), domain.lower()
    if not limit or domain == limit:
        return True
    if domain.endswith(limit if limit[0] == "." else f".{limit}"):
        return True
    # What `*` may stand for must not be excluded either
    return (
        excluding
        and domain[:1] == "*"
        and "." in limit
        and domain[domain.find(".") :] == limit[limit.find(".") :]
    )
