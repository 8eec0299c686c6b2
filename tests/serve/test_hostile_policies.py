"""Files that are made to break the process that reads them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.serve.server import Server, constraint, namespace, serving, template

CASES = yaml.safe_load(
    (Path(__file__).parent / "hostile_policies.yaml").read_text(encoding="utf-8")
)
DENY = 'violation[{"msg": "no"}] { input.review.kind.kind == "Namespace" }'


def text_of(case: dict[str, str]) -> str:
    return case["file"] if "file" in case else template("Odd", case["rego"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """All of them in one folder, with one good policy."""
    folder: Path = tmp_path_factory.mktemp("policies")
    (folder / "good.yaml").write_text(
        template("Deny", DENY) + "---\n" + constraint("Deny", "deny")
    )
    for case in CASES:
        (folder / f"odd-{case['name']}.yaml").write_text(text_of(case))
    with serving(folder, within=120) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_file_is_named(server: Server, case: dict[str, str]) -> None:
    """The log names the file and says what is wrong with it."""
    event = server.event(
        "policy file not taken over; its last good state stays in force",
        file=f"odd-{case['name']}.yaml",
    )

    assert case["error"] in event["error"]


def test_nothing_else_is_disturbed(server: Server) -> None:
    """The good policy decides, and no process had to be replaced."""
    assert "[deny] no" == server.admit(namespace())["status"]["message"]
    replaced = "process ended unasked and is replaced"
    assert replaced not in [event["msg"] for event in server.events]


def test_a_successor_keeps_what_is_in_force(tmp_path: Path) -> None:
    """Without a folder to read, the next policy process changes nothing."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "good.yaml").write_text(
        template("Deny", DENY) + "---\n" + constraint("Deny", "deny")
    )
    with serving(folder) as server:
        first = server.event("process started", process="policies")["pid"]
        folder.rename(tmp_path / "away")
        server.event("policies can't be read; the last state stays in force")
        server.events.clear()
        os.kill(first, signal.SIGKILL)
        server.event("policies can't be read; the last state stays in force")

        assert "[deny] no" == server.admit(namespace())["status"]["message"]


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    """It is refused by its name, in escapes."""
    (tmp_path / "good.yaml").write_text(
        template("Deny", DENY) + "---\n" + constraint("Deny", "deny")
    )
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.yaml")).write_bytes(b"a: 1")
    with serving(tmp_path) as server:
        event = server.event(
            "policy file not taken over; its last good state stays in force"
        )

        assert "odd\\xff.yaml" == event["file"]
        assert "[deny] no" == server.admit(namespace())["status"]["message"]
