"""`http.send` over TLS: servers and certificates made here, answers as the real opa's."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gatewright.certs.pem import Pair, issue, make_authority
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.http import send
from tests.builtins.http_server import running
from tests.builtins.oracle import serve
from tests.builtins.terms import read, write

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)
HOW: dict[str, Any] = {"now": NOW, "lifetime": DAY, "organization": "test"}
VARYING = ("date", "server")


class Files:
    """Two authorities, certificates of them, and a client's; as PEM and in files."""

    def __init__(self, folder: Path) -> None:
        self.authority = make_authority(**HOW)
        self.other = make_authority(**HOW)
        self.server = issue(self.authority, ["server.test", "127.0.0.1"], **HOW)
        self.named = issue(self.authority, ["server.test"], **HOW)
        self.client = client(self.authority)
        self.folder = folder
        for name in ("authority", "other", "server", "named", "client"):
            pair = getattr(self, name)
            (folder / f"{name}.pem").write_bytes(pair.certificate)
            (folder / f"{name}.key").write_bytes(pair.key)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def context(self, name: str, *, asks: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        if asks:
            # With 1.3 a client is refused only after its request was sent.
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("authority.pem"))
        return context


def client(authority: Pair) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = serialization.load_pem_private_key(authority.key, password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Pair(
        made.public_bytes(pem),
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def bases(files: Files) -> Iterator[dict[str, str]]:
    """Servers: `plain`; `named`, whose certificate lacks the address; `asks`, which
    wants a certificate of its client."""
    with (
        running(files.context("server")) as (plain, _),
        running(files.context("named")) as (named, _),
        running(files.context("server", asks=True)) as (asks, _),
    ):
        yield {"plain": plain, "named": named, "asks": asks}


def cases(files: Files) -> dict[str, dict[str, Any]]:
    authority = files.authority.certificate.decode()
    certificate = files.client.certificate.decode()
    key = files.client.key.decode()
    trusted = {"tls_ca_cert": authority}
    known = {"tls_client_cert": certificate, "tls_client_key": key}
    return {
        "unknown authority": {},
        "system's authorities": {"tls_use_system_certs": True},
        "authority": trusted,
        "authority beside the system's": {**trusted, "tls_use_system_certs": True},
        "authority in a file": {"tls_ca_cert_file": files.path("authority.pem")},
        "authority in the environment": {"tls_ca_cert_env_variable": "TEST_AUTHORITY"},
        "another authority": {"tls_ca_cert": files.other.certificate.decode()},
        "authority that is none": {"tls_ca_cert": "none"},
        "file that is none": {"tls_ca_cert_file": files.path("none")},
        "unchecked": {"tls_insecure_skip_verify": True},
        "redirect": {**trusted, "path": "/moved", "enable_redirect": True},
        "redirect not followed": {**trusted, "path": "/moved"},
        "name": {**trusted, "server": "named", "tls_server_name": "server.test"},
        "name missing": {**trusted, "server": "named"},
        "name wrong": {**trusted, "tls_server_name": "other.test"},
        "no client": {**trusted, "server": "asks"},
        "client": {**trusted, **known, "server": "asks"},
        "client in files": {
            **trusted,
            "tls_client_cert_file": files.path("client.pem"),
            "tls_client_key_file": files.path("client.key"),
            "server": "asks",
        },
        "client in the environment": {
            **trusted,
            "tls_client_cert_env_variable": "TEST_CLIENT",
            "tls_client_key_env_variable": "TEST_KEY",
            "server": "asks",
        },
        "client unchecked": {
            **known,
            "tls_insecure_skip_verify": True,
            "server": "asks",
        },
        "client's key alone": {**trusted, "tls_client_key": key},
        "key of another": {
            **trusted,
            **known,
            "tls_client_key": files.server.key.decode(),
            "server": "asks",
        },
    }


def request(bases: dict[str, str], case: dict[str, Any]) -> dict[str, Any]:
    rest = {key: case[key] for key in case if key not in ("server", "path")}
    url = bases[case.get("server", "plain")] + case.get("path", "/json")
    return {"method": "get", "url": url, "raise_error": False, **rest}


def shown(answer: Any) -> tuple[Any, ...]:
    """What both have to agree on: an error's code, else the answer."""
    if "error" in answer:
        return "error", answer["error"]["code"], answer["status_code"]
    headers = {k: v for k, v in answer["headers"].items() if k not in VARYING}
    return "answer", write({**answer, "headers": headers})


def ours(item: dict[str, Any]) -> tuple[Any, ...]:
    try:
        return shown(send(Context(), item))
    except BuiltinError as error:
        return "refused", f"http.send: {error}"


@pytest.mark.peers
def test_answers_are_those_of_opa(
    files: Files,
    bases: dict[str, str],
    opa: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_AUTHORITY", files.authority.certificate.decode())
    monkeypatch.setenv("TEST_CLIENT", files.client.certificate.decode())
    monkeypatch.setenv("TEST_KEY", files.client.key.decode())
    found = cases(files)
    items = {name: request(bases, case) for name, case in found.items()}
    with serve(opa) as real:
        answers = real.ask([("http.send", [write(item)]) for item in items.values()])

    different = {}
    for (name, item), answer in zip(items.items(), answers, strict=True):
        mine = ours(item)
        theirs = shown(read(answer.text)) if answer.text else ("refused", answer.error)
        if mine != theirs:
            different[name] = {"opa": theirs, "here": mine}
    assert different == {}


@pytest.mark.parametrize("name", ["authority", "client", "name", "unchecked"])
def test_answer_is_there(files: Files, bases: dict[str, str], name: str) -> None:
    """What must be trusted is trusted, whatever opa is at hand."""
    answer = send(Context(), request(bases, cases(files)[name]))

    assert answer["status_code"] == 200


@pytest.mark.parametrize(
    "name", ["unknown authority", "another authority", "name missing", "no client"]
)
def test_nothing_is_trusted_for_nothing(
    files: Files, bases: dict[str, str], name: str
) -> None:
    answer = send(Context(), request(bases, cases(files)[name]))

    assert answer["status_code"] == 0
    assert answer["error"]["code"] == "eval_http_send_network_error"


def test_hosts_are_confined_over_tls_too(files: Files, bases: dict[str, str]) -> None:
    context = Context(http=HttpPolicy(allow_net=frozenset({"server.test"})))

    item = request(bases, cases(files)["unchecked"])

    assert send(context, item)["error"]["message"] == "disallowed host: 127.0.0.1"
    with pytest.raises(BuiltinError, match=r"disallowed host: 127\.0\.0\.1"):
        send(context, {**item, "raise_error": True})


WRONG: list[dict[str, Any]] = [
    {"method": "get", "url": "x", "zap": 1},
    {"method": "get"},
    {"method": "get", "url": 1},
    {"method": "get", "url": "http://127.0.0.1:1", "timeout": "zz"},
    {"method": "get", "url": "http://127.0.0.1:1", "headers": 1},
    {"method": "get", "url": "zap://127.0.0.1:1"},
    {"method": "get", "url": "http://127.0.0.1:1", "raise_error": 1},
]


@pytest.mark.peers
def test_requests_that_are_wrong(opa: Path) -> None:
    """Without errors raised they are answers, as with the real opa."""
    items = [{"raise_error": False, **item} for item in WRONG]
    with serve(opa) as real:
        answers = real.ask([("http.send", [write(item)]) for item in items])

    for item, answer in zip(items, answers, strict=True):
        theirs = shown(read(answer.text)) if answer.text else ("refused", answer.error)
        assert ours(item) == theirs, item
