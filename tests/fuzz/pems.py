"""PEM around certificates, requests and keys: lines missing, doubled and out of place,
labels, headers, other line ends, blocks one behind the other, base64 of the whole.

What is in the blocks stays as it is: of broken DER `opa` tells more than
`cryptography` does.
"""

from __future__ import annotations

import base64
import random
import re
from pathlib import Path
from typing import Any

import yaml

__all__ = ["BUILTINS", "call"]

BUILTINS = {
    "crypto.x509.parse_certificates": 1,
    "crypto.x509.parse_and_verify_certificates": 1,
    "crypto.x509.parse_certificate_request": 1,
    "crypto.x509.parse_rsa_private_key": 1,
    "crypto.parse_private_keys": 1,
}
_RECORDED = Path(__file__).parents[1] / "builtins" / "cases" / "x509.yaml"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\\n.*?-----END \1-----\\n")
_LABELS = (
    "CERTIFICATE", "CERTIFICATE REQUEST", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
    "PUBLIC KEY", "X", "", "certificate", "TRUSTED CERTIFICATE", "a-b", "é",
)  # fmt: skip
_LINES = (
    "", " ", "x", "Proc-Type: 4,ENCRYPTED", "a: b", ":", "-----", "-----BEGIN X-----", "-----END X-----",
    "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "-----END ", "!", "====", "YQ==", "é",
    "-----BEGIN CERTIFICATE", "-----END CERTIFICATE----- x", "-----END CERTIFICATE-----:",
)  # fmt: skip


def _blocks() -> dict[str, list[str]]:
    """The blocks of the recorded cases that `opa` reads, by label."""
    out: dict[str, list[str]] = {}
    for row in yaml.safe_load(_RECORDED.read_text()):
        if row.get("is", "[]") in ("[]", "[false, []]", "null"):
            continue
        for found in _BLOCK.finditer(row["call"]):
            known = out.setdefault(found[1], [])
            text = found[0].replace("\\n", "\n")
            if text not in known and "Proc-Type" not in text:
                known.append(text)
    return out


_KNOWN = _blocks()
_WANTED = {
    "crypto.x509.parse_certificates": ("CERTIFICATE",),
    "crypto.x509.parse_and_verify_certificates": ("CERTIFICATE",),
    "crypto.x509.parse_certificate_request": ("CERTIFICATE REQUEST",),
    "crypto.x509.parse_rsa_private_key": ("EC PRIVATE KEY", "PRIVATE KEY"),
    "crypto.parse_private_keys": ("EC PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY"),
}


def _changed(rng: random.Random, text: str) -> str:
    """One thing done to the lines."""
    lines = text.split("\n")
    kind = rng.randrange(10)
    # Lines of base64 are neither left out nor doubled, which would break the DER
    places = (0, 0, len(lines) - 2, 1, len(lines) - 1, rng.randrange(len(lines)))
    at = rng.choice(places[:3] if kind in (0, 2, 4) else places)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, rng.choice(_LINES))
    elif kind == 2:
        lines.insert(at, lines[at])
    elif kind == 3:
        lines[at] = (
            rng.choice((" ", "\t", "x", ""))
            + lines[at]
            + rng.choice((" ", "\t \t", "\r", "x"))
        )
    elif kind == 4:
        lines[at : at + 2] = ["".join(lines[at : at + 2])]
    elif kind == 5:
        label = rng.choice(_LABELS)
        which = rng.choice(("BEGIN [A-Z ]+", "END [A-Z ]+"))
        return re.sub(
            f"-----{which}-----", lambda m: f"{m[0].split()[0]} {label}-----", text
        )
    elif kind == 6:
        return text.replace("\n", rng.choice(("\r\n", "\r", "\n\n", " \n", "\t\n")))
    elif kind == 7:
        cut = rng.randrange(len(text))
        return text[:cut] if "-----END" not in text[cut:] else text.rstrip("\n")
    elif kind == 8:
        lines[1:1] = [
            rng.choice(("a: b", "K:", ": v", "a: b\nc: d")),
            rng.choice(("", "", "x: y")),
        ]
    else:
        middle = len(lines[1]) // 2
        lines[1] = (
            lines[1][:middle]
            + rng.choice((" ", "\t", "\n", "=", "!", "-"))
            + lines[1][middle:]
        )
    return "\n".join(lines)


def _text(rng: random.Random, labels: tuple[str, ...]) -> str:
    count = rng.choice((0, 1, 1, 1, 2, 2, 3))
    parts = []
    for _ in range(count):
        label = rng.choice(labels) if rng.random() < 0.92 else rng.choice(list(_KNOWN))
        part = rng.choice(_KNOWN.get(label) or ["x\n"])
        if rng.random() < 0.5:
            part = _changed(rng, part)
        parts.append(part)
        if rng.random() < 0.15:
            parts.append(rng.choice(_LINES) + rng.choice(("\n", "", "\n\n")))
    if rng.random() < 0.1:
        parts.insert(0, rng.choice(_LINES) + "\n")
    text = "".join(parts)
    if rng.random() < 0.15:
        text = base64.b64encode(text.encode()).decode()
        if rng.random() < 0.3:
            text = (
                text[:-1] if rng.random() < 0.5 else text + rng.choice(("\n", "=", " "))
            )
    return text


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call with a text that is nearly PEM."""
    name = rng.choice(list(BUILTINS))
    return name, [_text(rng, _WANTED[name])]
