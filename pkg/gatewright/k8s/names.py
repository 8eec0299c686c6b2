"""DNS names, label keys and label values: what Kubernetes accepts and why not.

Each function returns the list of complaints, empty when the name is good.
Lengths are in bytes of UTF-8, as Go counts them.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "dns1035_label",
    "dns1123_label",
    "dns1123_subdomain",
    "label_key",
    "label_value",
]

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_KEY})?"

_LABEL_RE: Final = re.compile(_LABEL)
_SUBDOMAIN_RE: Final = re.compile(_SUBDOMAIN)
_LABEL_1035_RE: Final = re.compile(_LABEL_1035)
_KEY_RE: Final = re.compile(_KEY)
_VALUE_RE: Final = re.compile(_VALUE)

_EDGES: Final = "and must start and end with an alphanumeric character"
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric "
    f"characters or '-', {_EDGES}"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
    f"characters, '-' or '.', {_EDGES}"
)
_LABEL_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_KEY_TEXT: Final = f"must consist of alphanumeric characters, '-', '_' or '.', {_EDGES}"
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, "
    f"'-', '_' or '.', {_EDGES}"
)


def _too_long(limit: int, unit: str = "characters") -> str:
    return f"must be no more than {limit} {unit}"


def _pattern(text: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{pattern}')"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def dns1123_label(text: str) -> list[str]:
    """Check a DNS label of RFC 1123."""
    complaints = [_too_long(63)] if _size(text) > 63 else []
    if not _LABEL_RE.fullmatch(text):
        if _SUBDOMAIN_RE.fullmatch(text):
            complaints.append("must not contain dots")
        else:
            complaints.append(_pattern(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return complaints


def dns1123_subdomain(text: str) -> list[str]:
    """Check a DNS subdomain of RFC 1123: the names of most objects."""
    complaints = [_too_long(253)] if _size(text) > 253 else []
    if not _SUBDOMAIN_RE.fullmatch(text):
        complaints.append(_pattern(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return complaints


def dns1035_label(text: str) -> list[str]:
    """Check a DNS label of RFC 1035: the names of kinds and resources."""
    complaints = [_too_long(63)] if _size(text) > 63 else []
    if not _LABEL_1035_RE.fullmatch(text):
        complaints.append(_pattern(_LABEL_1035_TEXT, _LABEL_1035, "my-name", "abc-123"))
    return complaints


def label_key(text: str) -> list[str]:
    """Check a label key: a name with an optional DNS prefix."""
    complaints: list[str] = []
    parts = text.split("/")
    shown = _pattern(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
    if len(parts) > 2:
        prefix_hint = "with an optional DNS subdomain prefix and '/'"
        return [f"a valid label key {shown} {prefix_hint} (e.g. 'example.com/MyName')"]
    name = parts[-1]
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            complaints.append("prefix part must be non-empty")
        else:
            if _size(prefix) > 253:
                complaints.append("prefix part " + _too_long(253, "bytes"))
            if not _SUBDOMAIN_RE.fullmatch(prefix):
                pattern = _pattern(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com")
                complaints.append("prefix part " + pattern)
    if not name:
        complaints.append("name part must be non-empty")
    elif _size(name) > 63:
        complaints.append("name part " + _too_long(63, "bytes"))
    if not _KEY_RE.fullmatch(name):
        complaints.append("name part " + shown)
    return complaints


def label_value(text: str) -> list[str]:
    """Check a label value; a blank is one."""
    complaints = [_too_long(63, "bytes")] if _size(text) > 63 else []
    if not _VALUE_RE.fullmatch(text):
        complaints.append(_pattern(_VALUE_TEXT, _VALUE, "MyValue", "my_value", "12345"))
    return complaints
