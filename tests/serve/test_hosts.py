"""`--allow-net`: policies reach the hosts that it names and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builtins import http_server
from tests.serve.server import Server, constraint, namespace, serving, template

#: Asks for a URL, or for the addresses of a name, and says what came of it.
ASKS = """answer := http.send({
          "method": "get",
          "url": input.review.object.metadata.labels.url,
          "enable_redirect": true,
          "raise_error": false
        })
        violation[{"msg": answer.raw_body}] { not answer.error }
        violation[{"msg": answer.error.message}] { true }
        violation[{"msg": sprintf("at %v", [found])}] {
          found := net.lookup_ip_addr(input.review.object.metadata.labels.host)
        }"""


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, list[str]]]:
    with http_server.running() as running:
        yield running


@pytest.fixture(scope="module")
def confined(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """One host is named, and of another one a port that is not the site's."""
    folder: Path = tmp_path_factory.mktemp("policies")
    folder.joinpath("p.yaml").write_text(
        "---\n".join([template("Asks", ASKS), constraint("Asks", "asks")])
    )
    hosts = ["--allow-net=127.0.0.1", "--allow-net=localhost:1"]
    with serving(folder, "--enable-waiting-builtins", *hosts) as server:
        yield server


@pytest.mark.parametrize(
    ("host", "path", "said", "reached"),
    [
        ("127.0.0.1", "/text", "[asks] [1]", ["/text"]),
        ("localhost", "/text", "[asks] disallowed host: localhost", []),
        ("127.0.0.2", "/text", "[asks] disallowed host: 127.0.0.2", []),
        ("user@localhost", "/text", "[asks] disallowed host: localhost", []),
        ("127.0.0.1", "/elsewhere", "disallowed host: localhost", ["/elsewhere"]),
    ],
    ids=["named", "other-port", "not-named", "behind-a-user", "by-redirect"],
)
def test_requests(
    confined: Server,
    site: tuple[str, list[str]],
    host: str,
    path: str,
    said: str,
    reached: list[str],
) -> None:
    url, seen = site
    seen.clear()

    verdict = confined.admit(namespace(url=url.replace("127.0.0.1", host) + path))

    assert verdict["allowed"] is False
    assert verdict["status"]["message"].endswith(said)
    assert seen == reached


@pytest.mark.parametrize(
    ("host", "allowed"), [("localhost", True), ("127.0.0.1", False)]
)
def test_names(confined: Server, host: str, allowed: bool) -> None:
    """What may not be looked up is undefined; an address needs no look-up."""
    assert confined.admit(namespace(host=host))["allowed"] is allowed
