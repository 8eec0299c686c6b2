"""What comes in broken is named, alone, and nothing else is disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.server import Server, constraint, namespace, review, serving, template

LABEL = """violation[{"msg": msg}] {
          not input.review.object.metadata.labels.team
          msg := "no team"
        }"""
FOREVER = """violation[{"msg": msg}] {
          xs := numbers.range(1, 2000)
          xs[_] + xs[_] + xs[_] == -1
          msg := "never"
        }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("policies")
    (folder / "team.yaml").write_text(
        template("NeedTeam", LABEL) + "---\n" + constraint("NeedTeam", "need-team")
    )
    with serving(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def still_right(server: Server) -> Iterator[None]:
    """Whatever a test does, verdicts stay right."""
    yield
    denied = server.admit(namespace())
    assert "[need-team] no team" == denied["status"]["message"]
    assert server.admit(namespace(team="a"))["allowed"]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", 400, "request body is empty"),
        (b'{"kind":"Adm', 400, "couldn't get version/kind; json parse error"),
        (b"[" * 100_000, 400, "exceeded max depth"),
        (b'{"a":' * 100_000, 400, "exceeded max depth"),
        (b"\xff\xfe", 400, "json parse error"),
        (b'{"request":5}', 400, "cannot unmarshal number"),
    ],
    ids=["empty", "cut", "deep-lists", "deep-objects", "binary", "type"],
)
def test_malformed_body(server: Server, body: bytes, code: int, words: str) -> None:
    """A body that is no review is answered 200 with the reason, not allowed."""
    status, response = server.post("/v1/admit", body)

    assert 200 == status
    assert not response["allowed"]
    assert code == response["status"]["code"]
    assert words in response["status"]["message"]


def test_unknown_review_version(server: Server) -> None:
    """The version is echoed, whatever it is, and the object judged."""
    body = json.loads(review(namespace()))
    body["apiVersion"] = "admission.k8s.io/v99"

    _, response = server.post("/v1/admit", json.dumps(body).encode())

    assert "[need-team] no team" == response["status"]["message"]


def test_large_body(server: Server) -> None:
    """20 MiB are refused by their announced size, with Gatekeeper's words."""
    status, response = server.post("/v1/admit", b" " * (20 << 20))

    assert 200 == status
    assert 413 == response["status"]["code"]
    assert (
        "request entity is too large; limit is 7340032 bytes"
        == (response["status"]["message"])
    )


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_broken_framing_closes(server: Server, head: bytes) -> None:
    """Doubled or conflicting lengths and bad chunks: 400, and the end."""
    sock = server.raw()
    sock.sendall(b"POST /v1/admit HTTP/1.1\r\nHost: x\r\n" + head + b"\r\nhello")

    got = b""
    while chunk := sock.recv(4096):
        got += chunk
    sock.close()

    assert got.startswith(b"HTTP/1.1 400 ")


def test_unknown_path(server: Server) -> None:
    """Everything else is 404."""
    status, response = server.post("/v1/nope", b"{}")

    assert 404 == status
    assert "404 page not found\n" == response["text"]
