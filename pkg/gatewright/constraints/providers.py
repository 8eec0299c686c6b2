"""Is an external data Provider acceptable.

Providers are checked when they are admitted; calling them comes later.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from gatewright.constraints.faults import PolicyFault
from gatewright.constraints.versions import decode
from gatewright.k8s import gostruct, gotext, meta
from gatewright.k8s.gvk import GVK

__all__ = ["GROUP", "check"]

GROUP: Final = "externaldata.gatekeeper.sh"
_ALPHABET: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
_PEM: Final = re.compile(
    rb"-----BEGIN ([^\r\n-]*)-----[ \t]*\r?\n(?:[^\r\n:]+:[^\r\n]*\r?\n)*"
    rb"(.*?)-----END \1-----",
    re.DOTALL,
)
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")


def _shape(version: str) -> gostruct.Shape:
    spec = {
        "url": gostruct.STRING,
        "timeout": gostruct.INT,
        "caBundle": gostruct.STRING,
    }
    fields = {
        "metadata": meta.OBJECT_META,
        "spec": gostruct.struct(f"{version}.ProviderSpec", spec),
    }
    return gostruct.struct(f"{version}.Provider", fields)


_SHAPES: Final = {version: _shape(version) for version in ("v1beta1", "v1alpha1")}


def check(obj: Mapping[str, Any], version: str) -> None:
    """Raise PolicyFault unless a provider is acceptable."""
    spec = decode(obj, GVK(GROUP, version, "Provider"), shapes=_SHAPES)["spec"]
    if not meta.name_of(obj):
        raise PolicyFault("provider name can not be empty. value ")
    if not spec["url"]:
        raise PolicyFault("invalid provider url. value: ")
    if spec["timeout"] < 0:
        text = (
            f"provider timeout should be a positive integer. value: {spec['timeout']}"
        )
        raise PolicyFault(text)
    if _scheme(spec["url"]) != "https":
        raise PolicyFault("only HTTPS scheme is supported for Providers")
    if not spec["caBundle"]:
        raise PolicyFault("caBundle should be set for HTTPS scheme")
    _check_bundle(spec["caBundle"])


def _scheme(url: str) -> str:
    """Return the scheme of a URL in lower case; raise PolicyFault as Go's parser does."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise PolicyFault(
            f"parse {gotext.quote(url)}: net/url: invalid control character in URL"
        )
    if url.startswith(":"):
        raise PolicyFault(f"parse {gotext.quote(url)}: missing protocol scheme")
    found = _SCHEME.match(url)
    if found is not None:
        return found.group(1).lower()
    head = url.partition("/")[0]
    if ":" in head:
        reason = "first path segment in URL cannot contain colon"
        raise PolicyFault(f"parse {gotext.quote(url)}: {reason}")
    return ""


def _check_bundle(bundle: str) -> None:
    from cryptography import x509  # 40 ms, for the odd Provider only

    pem = _base64(bundle.encode("utf-8", "surrogateescape"))
    found = _PEM.search(pem)
    if found is None:
        raise PolicyFault("bad caBundle")
    try:
        der = binascii.a2b_base64(found.group(2))
    except binascii.Error:
        raise PolicyFault("bad caBundle") from None
    try:
        x509.load_der_x509_certificate(der)
    except ValueError:
        raise PolicyFault(
            "failed to parse caBundle: x509: malformed certificate"
        ) from None


def _base64(data: bytes) -> bytes:
    at = _first_bad(data)
    if at is not None:
        raise PolicyFault(
            f"failed to base64 decode caBundle: illegal base64 data at input byte {at}"
        )
    return binascii.a2b_base64(data)


def _first_bad(data: bytes) -> int | None:
    """Return where Go's decoder stops, None when the text is whole.

    Line ends are skipped; padding must complete a quantum of four and end the text.
    """
    quantum = 0
    for at, byte in enumerate(data):
        if byte in b"\r\n":
            continue
        if byte in _ALPHABET:
            quantum = (quantum + 1) % 4
            continue
        if byte != ord("=") or quantum < 2:
            return at
        return _bad_padding(data, _signs(data, at + 1), quantum)
    return len(data) - quantum if quantum else None


def _signs(data: bytes, start: int) -> list[int]:
    return [at for at in range(start, len(data)) if data[at] not in b"\r\n"]


def _bad_padding(data: bytes, rest: list[int], quantum: int) -> int | None:
    if quantum == 2:
        if not rest:
            return len(data)
        if data[rest[0]] != ord("="):
            return rest[0] - 1
        rest = rest[1:]
    return rest[0] if rest else None
