"""Exchanges that were recorded with the real Gatekeeper: read, set up, compare.

Format of the files: section 13.9 of the compatibility reference.  A runner gives a
`send` that takes an exchange and returns HTTP status and body; what state the
exchange wants is in its fields.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: What an exchange's request is answered with: HTTP status and body.
Send = Callable[["Exchange"], tuple[int, str]]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WAITING = Path(__file__).with_name("admission_waiting.yaml")
#: Namespaces that exist besides those listed.
NAMESPACES = ("default", "kube-system", "gatekeeper-system")


@dataclass(frozen=True)
class Exchange:
    """One request with the state it met and the answers that were seen."""

    name: str
    endpoint: str
    body: bytes
    content_type: str | None
    method: str
    status: int
    answers: tuple[str, ...]
    volatile: tuple[str, ...]
    flags: tuple[str, ...]
    state: Mapping[str, Any] = field(repr=False)

    @property
    def path(self) -> str:
        return self.endpoint.partition("?")[0]

    def flag(self, name: str) -> list[str]:
        """The values of a flag that may be given several times."""
        return [f.partition("=")[2] for f in self.flags if f.partition("=")[0] == name]

    def namespaces(self) -> list[dict[str, Any]]:
        given = list(self.state.get("namespaces") or ())
        names = {one["metadata"]["name"] for one in given}
        for name in NAMESPACES:
            if name not in names:
                labels = {"kubernetes.io/metadata.name": name}
                metadata = {"name": name, "labels": labels}
                given.append(
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
                )
        return given


def read(folder: Path) -> list[Exchange]:
    return [
        _exchange(json.loads(path.read_text()))
        for path in sorted(folder.glob("*.json"))
    ]


def _exchange(item: dict[str, Any]) -> Exchange:
    response = item["response"]
    seen: list[dict[str, Any]] = [response, *(item.get("alsoSeen") or ())]
    return Exchange(
        name=item["name"],
        endpoint=item["endpoint"],
        body=_body(item),
        content_type=item.get("contentType", "application/json"),
        method=item.get("method", "POST"),
        status=response["status"],
        # Other answers that were seen are there as JSON only.
        answers=tuple(one.get("raw") or json.dumps(one["body"]) for one in seen),
        volatile=tuple(item.get("volatile") or ()),
        flags=tuple(item.get("flags") or ()),
        state=item,
    )


def _body(item: dict[str, Any]) -> bytes:
    if item.get("request") is not None:
        return json.dumps(item["request"]).encode()
    generated = item.get("requestGenerated")
    if generated is None:
        return str(item["requestRaw"]).encode()
    review = generated["review"]
    notes = review["request"]["object"]["metadata"]["annotations"]
    notes["pad"] = ""
    notes["pad"] = "x" * (generated["padTotalBytesTo"] - len(json.dumps(review)))
    return json.dumps(review).encode()


def comparable(raw: str, volatile: tuple[str, ...]) -> Any:
    """An answer without what may differ from run to run."""
    words = " ".join(volatile)
    if "UUID" in words:
        raw = UUID.sub("UUID", raw)
    if not words:
        return raw
    body = json.loads(raw)
    patch = body["response"].get("patch")
    if patch is not None:
        text = base64.b64decode(patch).decode()
        operations = json.loads(UUID.sub("UUID", text) if "UUID" in words else text)
        if "order" in words:
            operations.sort(key=lambda one: json.dumps(one, sort_keys=True))
        body["response"]["patch"] = operations
    return body


def complaint(exchange: Exchange, send: Send) -> str:
    """What is wrong with the answer, a blank when nothing is."""
    status, raw = send(exchange)
    got = comparable(raw, exchange.volatile)
    wanted = [comparable(answer, exchange.volatile) for answer in exchange.answers]
    if status == exchange.status and got in wanted:
        return ""
    return f"{exchange.name}: got {status} {raw!r}, want {exchange.status} {exchange.answers[0]!r}"


def waiting() -> dict[str, str]:
    """Exchanges that need a feature that is not there: name -> feature."""
    listed = yaml.safe_load(WAITING.read_text())
    return {name: feature for feature, names in listed.items() for name in names}
