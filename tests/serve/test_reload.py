"""Policies change while the server runs: whole, at once, or not at all."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from tests.serve.server import constraint, namespace, serving, template


def says(text: str) -> str:
    return f'violation[{{"msg": "{text}"}}] {{ true }}'


def replace(path: Path, text: str) -> None:
    """As an editor or a volume does: by renaming."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def pair(version: str) -> str:
    return "---\n".join(
        [template("Said", says(version)), constraint("Said", f"c-{version}")]
    )


def test_a_change_is_taken_over(tmp_path: Path) -> None:
    """New policies count at once, gone ones after a while."""
    (tmp_path / "a.yaml").write_text(pair("one"))
    with serving(tmp_path) as server:
        assert "[c-one] one" == server.admit(namespace())["status"]["message"]

        (tmp_path / "b.yaml").write_text(template("Other", says("two")))
        (tmp_path / "c.yaml").write_text(constraint("Other", "c-two"))
        server.committed(2)
        os.remove(tmp_path / "a.yaml")
        end = time.monotonic() + 20
        while "one" in server.admit(namespace())["status"]["message"]:
            assert time.monotonic() < end
            time.sleep(0.1)

        assert "[c-two] two" == server.admit(namespace())["status"]["message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pair("one")[:300], "a.yaml"),
        (template("Said", "violation[{"), "rego_parse_error"),
        (
            template("Said", "p { q }\n        q { p }\n        " + says("x")),
            "recursive",
        ),
        (constraint("Nothing", "c"), 'template "nothing" not found'),
        (
            template("Said", 'violation[{"msg": "x"}] { http.send({}) }'),
            "undefined function http.send",
        ),
        ("a: &a [x]\nb: *a\n", "must have apiVersion and kind"),
    ],
    ids=["cut", "syntax", "recursion", "no-template", "network", "no-object"],
)
def test_a_bad_file_keeps_its_last_good_state(
    tmp_path: Path, text: str, words: str
) -> None:
    """What is wrong is named; the file's last good state serves on."""
    path = tmp_path / "a.yaml"
    path.write_text(pair("one"))
    with serving(tmp_path) as server:
        replace(path, text)

        event = server.event(
            "policy file not taken over; its last good state stays in force",
            file="a.yaml",
        )
        _, ready = server.get(server.health, "/readyz?verbose")

        assert words in event["error"]
        assert "a.yaml" in ready
        assert 1.0 == server.metric("gatewright_source_errors")
        assert "[c-one] one" == server.admit(namespace())["status"]["message"]


@pytest.mark.parametrize("rounds", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_pair_exchanged_together_never_mixes(tmp_path: Path, rounds: int) -> None:
    """Template and constraint change together many times; no answer ever shows
    one without the other."""
    path = tmp_path / "a.yaml"

    def both(version: int) -> str:
        rego = (
            'violation[{"msg": msg}] { msg := sprintf("v'
            f'{version} %v", [input.parameters.v]) }}'
        )
        return "---\n".join(
            [
                template("Said", rego),
                constraint("Said", "c") + f"  parameters: {{v: {version}}}\n",
            ]
        ).replace(
            "names: {kind: Said}",
            "names: {kind: Said}, validation: {openAPIV3Schema: {type: object, "
            "properties: {v: {type: integer}}}}",
        )

    path.write_text(both(0))
    stop = threading.Event()
    wrong: list[str] = []
    seen: set[str] = set()
    with serving(tmp_path, "--workers", "2") as server:

        def ask() -> None:
            while not stop.is_set():
                message = server.admit(namespace())["status"]["message"]
                seen.add(message)
                left, right = message.removeprefix("[c] v").split()
                if left != right:
                    wrong.append(message)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for version in range(1, rounds + 1):
            replace(path, both(version))
            time.sleep(0.05)
        end = time.monotonic() + 20
        last = f"[c] v{rounds} {rounds}"
        while last not in seen and time.monotonic() < end:
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()

    assert [] == wrong
    assert last in seen
    assert len(seen) > 2
