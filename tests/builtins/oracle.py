"""Asks the real opa what a call of a builtin gives.

One policy holds one rule per call; operands pass through `id(x) := x`, which hides
their types from the compiler, so wrong types reach the builtin. Modules are v0, which
admits deprecated builtins.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNDEFINED = "undefined"


@dataclass(frozen=True)
class Answer:
    """`text`: the result in Rego text, or `undefined`; or the error."""

    text: str = ""
    error: str = ""
    code: str = ""


class Opa:
    def __init__(self, base: str) -> None:
        self.base = base

    def request(self, path: str, *, method: str = "GET", body: bytes | None = None):
        request = urllib.request.Request(self.base + path, data=body, method=method)  # noqa: S310 (loopback)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def ask(self, calls: Sequence[tuple[str, Sequence[str]]]) -> list[Answer]:
        lines = ["package batch", "id(x) := x"]
        for i, (name, args) in enumerate(calls):
            wrapped = ", ".join(f"id({arg})" for arg in args)
            lines.append(f'c{i} := sprintf("%v", [[{name}({wrapped})]])')
        text = "\n".join(lines).encode("utf-8", "surrogateescape")
        put = self.request("/v1/policies/batch", method="PUT", body=text)
        if put:
            raise ValueError(json.dumps(put, indent=1)[:4000])
        return [self.answer(i) for i in range(len(calls))]

    def answer(self, i: int) -> Answer:
        data = self.request(f"/v1/data/batch/c{i}?strict-builtin-errors=true")
        if "errors" in data:
            first = data["errors"][0]
            return Answer(error=first["message"], code=first["code"])
        if "code" in data:
            return Answer(error=data["message"], code=data["code"])
        if "result" not in data:
            return Answer(text=UNDEFINED)
        return Answer(text=data["result"][1:-1])


@contextmanager
def serve(binary: Path) -> Iterator[Opa]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [binary, "run", "-s", "-a", f"127.0.0.1:{port}", "-l", "error",
         "--disable-telemetry", "--v0-compatible"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    opa = Opa(f"http://127.0.0.1:{port}")
    try:
        for _ in range(600):
            try:
                opa.request("/health")
                break
            except OSError:
                time.sleep(0.05)
        yield opa
    finally:
        process.kill()
        process.wait(10)
