"""Referential data of a running server: objects in the folder, seen by all workers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.serve.server import constraint, namespace, serving, template

REGO = """violation[{"msg": msg}] {
          other := data.inventory.cluster[_].Node[name]
          other.spec.owner == input.review.object.metadata.name
          msg := sprintf("taken by %v", [name])
        }"""


def node(name: str, owner: str) -> str:
    obj: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"owner": owner},
    }
    return json.dumps(obj)


def test_objects_come_change_and_go(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(template("Said", REGO))
    (tmp_path / "b.yaml").write_text(constraint("Said", "c"))
    reviewed = namespace()
    name = reviewed["metadata"]["name"]
    with serving(tmp_path) as server:

        def waited(words: str | None) -> None:
            end = time.monotonic() + 30
            while True:
                answer = server.admit(reviewed)
                message = (answer.get("status") or {}).get("message")
                if message == words:
                    return
                assert time.monotonic() < end, answer
                time.sleep(0.1)

        waited(None)
        (tmp_path / "n.json").write_text(node("one", name))
        waited("[c] taken by one")
        (tmp_path / "n.json").write_text(node("one", "other"))
        waited(None)
        (tmp_path / "m.json").write_text(node("two", name))
        waited("[c] taken by two")
        (tmp_path / "m.json").unlink()
        waited(None)
