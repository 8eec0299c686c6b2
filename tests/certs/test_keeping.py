"""What the Secret holds, through the acts, with real keys."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from gatewright.app.credentials import Credentials
from gatewright.certs import folder, keeping, pem
from gatewright.certs.decision import DAY, Act, Plan, decide
from gatewright.certs.keeping import Kept
from gatewright.telemetry.log import Log

NOW = datetime.datetime.now(datetime.UTC)
PLAN = Plan(hosts=frozenset({"svc.ns.svc"}))


def begun() -> Kept:
    return Kept().after(Act.BEGIN, PLAN, NOW)


def believed(kept: Kept, bundle: bytes) -> bool:
    """Whether what is served is believed by who has a bundle."""
    leaf = pem.read_all(kept.certificate)[0]
    return any(pem.signed_by(leaf, one) for one in pem.read_all(bundle))


def test_a_beginning_is_whole() -> None:
    kept = begun()
    standing = kept.standing(lacking=(), carried=0)

    assert kept.served is not None
    assert standing.leaf is not None
    assert standing.leaf.trusted
    assert standing.leaf.hosts == PLAN.hosts
    assert decide(standing, PLAN, NOW) is Act.NONE


def test_certificates_hold_for_clocks_that_are_behind() -> None:
    kept = begun()
    for one in pem.read_all(kept.authorities) + pem.read_all(kept.certificate):
        assert one.not_valid_before_utc <= NOW - pem.BACKDATED


def test_at_no_step_is_what_is_served_unknown_to_who_has_heard_the_step_before() -> (
    None
):
    kept = begun()
    for _ in range(5):
        told = kept.bundle
        announced = kept.after(Act.ANNOUNCE, PLAN, NOW)
        assert believed(announced, told), "announcing changes nothing that is served"
        promoted = announced.after(Act.PROMOTE, PLAN, NOW)
        assert believed(promoted, announced.bundle)
        # A replica that has not reloaded yet, a client that has heard already.
        assert believed(announced, promoted.bundle)
        kept = promoted
    assert len(pem.read_all(kept.authorities)) == 1 + keeping.PREDECESSORS


def test_a_renewed_certificate_needs_no_new_authority() -> None:
    kept = begun()
    issued = kept.after(Act.ISSUE, PLAN, NOW)

    assert issued.authorities == kept.authorities
    assert issued.certificate != kept.certificate
    assert believed(issued, kept.bundle)


def test_the_secret_keeps_what_else_it_holds() -> None:
    kept = begun()
    data = keeping.written(kept, {"note": "eA=="})

    assert data["note"] == "eA=="
    assert keeping.read(data) == kept
    assert "next-ca.crt" not in data


@pytest.mark.parametrize("broken", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
@pytest.mark.parametrize("value", ["", "bm9uc2Vuc2U=", "not base64"])
def test_what_cannot_be_read_is_made_anew(broken: str, value: str) -> None:
    data = {**keeping.written(begun(), {}), broken: value}
    kept = keeping.read(data)

    act = decide(kept.standing(lacking=(), carried=0), PLAN, NOW)
    assert act is not Act.NONE
    after = kept.after(act, PLAN, NOW)
    for _ in range(2):
        act = decide(after.standing(lacking=(), carried=100), PLAN, NOW)
        after = after.after(act, PLAN, NOW)
    assert decide(after.standing(lacking=(), carried=0), PLAN, NOW) is Act.NONE


def test_gatekeepers_own_secret_is_taken_over_as_it_is() -> None:
    """An RSA authority in PKCS 1, a certificate for the Service's name."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gatekeeper-ca")])
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pair = pem.Pair(
        authority.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )
    leaf = pem.issue(
        pair, sorted(PLAN.hosts), now=NOW, lifetime=365 * DAY, organization="gatekeeper"
    )
    kept = Kept(pair.certificate, pair.key, leaf.certificate, leaf.key)

    assert decide(kept.standing(lacking=(), carried=0), PLAN, NOW) is Act.NONE
    assert believed(kept.after(Act.ISSUE, PLAN, NOW), kept.bundle)


def test_files_change_at_one_moment(tmp_path: Path) -> None:
    first, second, third = (begun().served for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    folder.publish(tmp_path, first)
    held = (tmp_path / "..data").resolve()

    folder.publish(tmp_path, second)

    assert (tmp_path / "tls.crt").read_bytes() == second.certificate
    assert (held / "tls.key").read_bytes() == first.key, "who resolved it can go on"
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600

    folder.publish(tmp_path, third)

    assert not held.exists()


def test_a_worker_keeps_what_it_has_when_files_do_not_fit(tmp_path: Path) -> None:
    first, second = begun().served, begun().served
    assert first is not None
    assert second is not None
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    credentials = Credentials(certificate, key, log=Log("test"))
    assert not credentials.refresh(), "nothing there yet"
    certificate.write_bytes(first.certificate)
    key.write_bytes(first.key)
    assert credentials.refresh()
    assert not credentials.refresh(), "the same files"

    certificate.write_bytes(second.certificate)
    assert not credentials.refresh()
    assert credentials.loads == 1
    key.write_bytes(second.key)
    assert credentials.refresh()
    assert credentials.context.minimum_version is ssl.TLSVersion.TLSv1_3
