"""What the Secret holds, and what follows from it.

Keys as Gatekeeper's: `ca.crt`, `ca.key`, `tls.crt`, `tls.key`.  `ca.crt` begins with
the authority whose key is `ca.key`; those it took over from follow.  `next-ca.crt` and
`next-ca.key` are ours; Gatekeeper does not look at them.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gatewright.certs import pem
from gatewright.certs.decision import Act, Leaf, Plan, Standing
from gatewright.certs.pem import Pair

__all__ = ["ORGANIZATION", "Kept", "read", "written"]

ORGANIZATION: Final = "gatekeeper"
#: Authorities that are still believed after they were replaced.
PREDECESSORS: Final = 2


@dataclass(frozen=True, slots=True)
class Kept:
    """The Secret's contents, as PEM; empty where it has none."""

    authorities: bytes = b""
    authority_key: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    next_authority: bytes = b""
    next_key: bytes = b""

    @property
    def bundle(self) -> bytes:
        """All authorities that clients are to believe."""
        found = pem.read_all(self.authorities) + pem.read_all(self.next_authority)
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in found)

    @property
    def served(self) -> Pair | None:
        """What is to be served; None if there is nothing that could be."""
        found = pem.read_all(self.certificate)
        if not found or not pem.matches(found[0], self.key):
            return None
        return Pair(self.certificate, self.key)

    def standing(self, *, lacking: Sequence[str], carried: float) -> Standing:
        """The facts that a decision needs."""
        authorities = pem.read_all(self.authorities)
        return Standing(
            authority=_until(authorities[:1], self.authority_key),
            leaf=_leaf(pem.read_all(self.certificate), self.key, authorities),
            successor=_until(pem.read_all(self.next_authority)[:1], self.next_key),
            lacking=tuple(lacking),
            carried=carried,
        )

    def after(self, act: Act, plan: Plan, now: datetime.datetime) -> Kept:
        """The contents after an act.  Raises ValueError if the authority that is
        there can't sign."""
        if act is Act.NONE:
            return self
        if act is Act.ANNOUNCE:
            made = _authority(plan, now)
            return replace(self, next_authority=made.certificate, next_key=made.key)
        if act is Act.ISSUE:
            leaf = _issue(Pair(self.authorities, self.authority_key), plan, now)
            return replace(self, certificate=leaf.certificate, key=leaf.key)
        if act is Act.PROMOTE:
            new = Pair(self.next_authority, self.next_key)
        else:
            new = _authority(plan, now)
        leaf = _issue(new, plan, now)
        older = [
            one.public_bytes(serialization.Encoding.PEM)
            for one in pem.read_all(self.authorities)
            if one.not_valid_after_utc > now
        ]
        return Kept(
            authorities=new.certificate + b"".join(older[:PREDECESSORS]),
            authority_key=new.key,
            certificate=leaf.certificate,
            key=leaf.key,
        )


_FIELDS: Final = (
    ("ca.crt", "authorities"),
    ("ca.key", "authority_key"),
    ("tls.crt", "certificate"),
    ("tls.key", "key"),
    ("next-ca.crt", "next_authority"),
    ("next-ca.key", "next_key"),
)


def read(data: Mapping[str, str] | None) -> Kept:
    """From the Secret's `data`."""
    fields: dict[str, bytes] = {}
    for key, name in _FIELDS:
        try:
            fields[name] = base64.b64decode((data or {}).get(key) or "", validate=True)
        except (binascii.Error, ValueError):
            fields[name] = b""
    return Kept(**fields)


def written(kept: Kept, data: Mapping[str, str] | None) -> dict[str, str]:
    """The Secret's `data` with new contents; what else stood there stays."""
    out = dict(data or {})
    for key, name in _FIELDS:
        value: bytes = getattr(kept, name)
        if value:
            out[key] = base64.b64encode(value).decode()
        else:
            out.pop(key, None)
    return out


def _authority(plan: Plan, now: datetime.datetime) -> Pair:
    return pem.make_authority(
        now=now, lifetime=plan.authority_lifetime, organization=ORGANIZATION
    )


def _issue(authority: Pair, plan: Plan, now: datetime.datetime) -> Pair:
    return pem.issue(
        authority,
        sorted(plan.hosts),
        now=now,
        lifetime=plan.leaf_lifetime,
        organization=ORGANIZATION,
    )


def _until(found: Sequence[x509.Certificate], key: bytes) -> datetime.datetime | None:
    if not found or not pem.matches(found[0], key):
        return None
    return found[0].not_valid_after_utc


def _leaf(
    found: Sequence[x509.Certificate],
    key: bytes,
    authorities: Sequence[x509.Certificate],
) -> Leaf | None:
    if not found or not pem.matches(found[0], key):
        return None
    return Leaf(
        until=found[0].not_valid_after_utc,
        hosts=pem.hosts(found[0]),
        trusted=any(pem.signed_by(found[0], one) for one in authorities),
    )
