"""Names in certificates as values: distinguished, and alternative ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cryptography import x509

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.urls import read_url
from gatewright.engine.values import Value

__all__ = ["name_value", "names_in", "oid_list"]

_LISTS: Final = {
    "2.5.4.6": "Country",
    "2.5.4.10": "Organization",
    "2.5.4.11": "OrganizationalUnit",
    "2.5.4.7": "Locality",
    "2.5.4.8": "Province",
    "2.5.4.9": "StreetAddress",
    "2.5.4.17": "PostalCode",
}
_TEXTS: Final = {"2.5.4.5": "SerialNumber", "2.5.4.3": "CommonName"}


def oid_list(oid: x509.ObjectIdentifier) -> list[Value]:
    """Return an object identifier as an array of numbers."""
    return [int(part) for part in oid.dotted_string.split(".")]


def name_value(name: x509.Name) -> dict[str, Value]:
    """Return a distinguished name: lists by kind, and all attributes in order."""
    out: dict[str, Any] = dict.fromkeys(_LISTS.values())
    out.update(SerialNumber="", CommonName="", ExtraNames=None)
    names: list[Value] = []
    for attribute in name:
        value = attribute.value
        text = value if isinstance(value, str) else value.hex()
        names.append({"Type": oid_list(attribute.oid), "Value": text})
        oid = attribute.oid.dotted_string
        if oid in _LISTS:
            kind = _LISTS[oid]
            out[kind] = [*(out[kind] or []), text]
        elif oid in _TEXTS:
            out[_TEXTS[oid]] = text
    out["Names"] = names or None
    return out


def _url_value(text: str) -> Value:
    try:
        url = read_url(text)
    except BuiltinError as error:
        raise BuiltinError(f"x509: cannot parse URI {text}: {error}") from None
    host = f"[{url.host}]" if ":" in url.host else url.host
    return {
        "Scheme": url.scheme,
        "Opaque": url.opaque,
        "User": {} if url.user else None,
        "Host": f"{host}:{url.port}" if url.port else host,
        "Path": url.path,
        "RawPath": "",
        "OmitHost": False,
        "ForceQuery": False,
        "RawQuery": url.raw_query,
        "Fragment": url.fragment,
        "RawFragment": "",
    }


def names_in(names: Iterable[x509.GeneralName]) -> dict[str, Value]:
    """Return alternative names by kind, null where there are none."""
    found: dict[str, list[Value]] = {
        "DNSNames": [],
        "EmailAddresses": [],
        "IPAddresses": [],
        "URIs": [],
        "URIStrings": [],
    }
    for name in names:
        if isinstance(name, x509.DNSName):
            found["DNSNames"].append(name.value)
        elif isinstance(name, x509.RFC822Name):
            found["EmailAddresses"].append(name.value)
        elif isinstance(name, x509.IPAddress):
            found["IPAddresses"].append(str(name.value))
        elif isinstance(name, x509.UniformResourceIdentifier):
            found["URIs"].append(_url_value(name.value))
            found["URIStrings"].append(name.value)
    return {kind: entries or None for kind, entries in found.items()}
