"""The real opa as one server process per Rego version, spoken to over a socket."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

#: Address space that the server may have, in KiB.
MEMORY = 8 << 20


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class OpaServer:
    """A server holding one program at a time; use it in a `with`."""

    def __init__(self, opa: Path, version: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="opa-")
        self._socket = f"{self._folder.name}/s"
        self._opa = opa
        self._version = version
        self._held: dict[str, str] = {}
        self._start()

    def _start(self) -> None:
        # Some programs take all the memory that there is; then it ends, and is restarted.
        command = ["sh", "-c", f'ulimit -v {MEMORY}; exec "$@"', "sh"]
        command += [str(self._opa), "run", "--server", "--log-level", "error"]
        command += ["--addr", f"unix://{self._socket}", "--disable-telemetry"]
        if not self._version:
            command.append("--v0-compatible")
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._connection = _Connection(self._socket)
        for _ in range(200):
            try:
                # The socket is there a little before anyone listens.
                self._connection.connect()
            except OSError:
                self._connection.close()
                time.sleep(0.05)
            else:
                break

    def __enter__(self) -> OpaServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._connection.close()
        self._folder.cleanup()

    def restart(self) -> None:
        """A new process in place of one that gave no answer."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        Path(self._socket).unlink(missing_ok=True)
        self._held.clear()
        self._start()

    def _ask(self, method: str, path: str, body: str) -> Any:
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, path, body.encode(), headers)
        answer = self._connection.getresponse().read()
        return json.loads(answer) if answer else {}

    def load(self, modules: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
        """Replace the program; the module that did not compile, and its errors.

        Modules must come so that each loads after those before it.  Each request
        compiles all that is there, so a module takes the place of one of its name
        only where it is all that is new.
        """
        stale = [name for name in self._held if self._held[name] != modules.get(name)]
        new = [name for name in modules if self._held.get(name) != modules[name]]
        if stale != new or len(new) > 1:
            for name in reversed(stale):
                self._ask("DELETE", f"/v1/policies/{name}", "")
                del self._held[name]
        for name, text in modules.items():
            if self._held.get(name) == text:
                continue
            answer = self._ask("PUT", f"/v1/policies/{name}", text)
            if "code" in answer:
                failed = {"code": answer["code"], "message": answer["message"]}
                return name, answer.get("errors") or [failed]
            self._held[name] = text
        return "", []

    def clear(self) -> None:
        self.load({})

    def data(self, text: str) -> None:
        """Replace the base documents."""
        answer = self._ask("PUT", "/v1/data", text)
        if "code" in answer:
            raise RuntimeError(answer["message"])

    def value(self, path: str, given: str, *, strict: bool = False) -> Any:
        """The answer for a document: a dict with `result`, or with `code`."""
        query = "?strict-builtin-errors=true" if strict else ""
        return self._ask(
            "POST",
            f"/v1/data/{path}{query}",
            f'{{"input": {given}}}' if given else "{}",
        )

    def query(self, query: str, given: str) -> Any:
        """The answer for an ad-hoc query."""
        body = f'{{"query": {json.dumps(query)}, "input": {given}}}'
        return self._ask("POST", "/v1/query", body)
