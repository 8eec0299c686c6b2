"""Runs the cases of http_caches.yaml, and records what the real opa makes of them.

    python -m tests.builtins.http_caches [--opa PATH]

A site on the loopback plays the answers of a case and notes what reaches it. Every
case has a site of its own, so that nothing is kept from one case to the next.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from gatewright.engine.library.context import Context
from gatewright.engine.policy import Policy, compile_policy
from tests.builtins.oracle import Opa, serve

CASES = Path(__file__).with_suffix(".yaml")
POLICY = """package caches
import rego.v1
answers[place] := answer if {
	some place, request in input
	answer := http.send(request)
}
"""
#: Asks one query; the answers by the place of their requests.
Ask = Callable[[list[dict[str, Any]]], dict[str, Any]]
NOTED = re.compile(r"if-none-match|if-modified-since|x-.*")
#: Of answers: what differs from run to run, or says nothing.
PASSED_OVER = ("date", "expires", "content-length")


class Handler(BaseHTTPRequestHandler):
    """Plays the answers of a case, in turn."""

    server: Site

    def play(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        noted = [f"{k.lower()}: {v}" for k, v in self.headers.items() if noted_(k)]
        self.server.reached.append(
            " | ".join([self.command, self.path, *sorted(noted)])
        )
        answers = self.server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.get("drop"):
            return
        status = answer.get("status", 200)
        body = answer.get("body", "").encode()
        headers = dict(answer.get("headers", {}))
        if answer.get("dated", True):
            headers.setdefault("date", "{now+0}")
        if status not in (204, 304):
            headers["content-length"] = str(len(body))
        self.send_response_only(status)
        for name, value in headers.items():
            for line in value if isinstance(value, list) else [value]:
                self.send_header(name, dated(str(line)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = play  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Stays silent."""


def noted_(name: str) -> bool:
    return NOTED.fullmatch(name.lower()) is not None


def dated(text: str) -> str:
    """`{now-60}` as an HTTP date."""

    def date(found: re.Match[str]) -> str:
        return formatdate(time.time() + int(found[1]), usegmt=True)

    return re.sub(r"\{now([+-]\d+)\}", date, text)


class Site(ThreadingHTTPServer):
    """One case's site; `reached`: what it saw."""

    def __init__(self, answers: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {path: list(rows) for path, rows in answers.items()}
        self.reached: list[str] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def site(answers: dict[str, list[dict[str, Any]]]) -> Iterator[Site]:
    server = Site(answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shown(answer: dict[str, Any], base: str) -> dict[str, Any]:
    """What of an answer is compared."""
    if error := answer.get("error"):
        # OPA's texts begin with a place in the source, ours do not.
        text = error["message"].replace(base, "").rpartition("http.send: ")[2]
        return {"error": error["code"], "message": text}
    out = {"status": answer["status_code"], "raw": answer["raw_body"]}
    if answer["body"] is not None:
        out["body"] = answer["body"]
    headers = {k: v for k, v in answer["headers"].items() if k not in PASSED_OVER}
    return {**out, "headers": headers} if headers else out


def run(case: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """What comes of a case: `reached` and `answers`."""
    answers = []
    with site(case["site"]) as server:
        for query in case["queries"]:
            requests = [
                {"method": "get", **one, "url": server.base + one["url"]}
                for one in query
            ]
            found = ask(requests)
            answers.append(
                {int(k): shown(found[k], server.base) for k in sorted(found, key=int)}
            )
        return {"reached": list(server.reached), "answers": answers}


def gatewright() -> Ask:
    """Ours, with a cache that outlives the queries."""
    policy: Policy = compile_policy({"caches.rego": POLICY})
    shared: dict[Any, Any] = {}

    def ask(requests: list[dict[str, Any]]) -> dict[str, Any]:
        value: Any = policy.evaluate(
            "caches/answers", input=requests, context=Context(shared=shared)
        )
        return {str(place): answer for place, answer in value.items()}

    return ask


def real(opa: Opa) -> Ask:
    """The real opa's."""
    opa.request("/v1/policies/caches", method="PUT", body=POLICY.encode())

    def ask(requests: list[dict[str, Any]]) -> dict[str, Any]:
        body = json.dumps({"input": requests}).encode()
        found = opa.request("/v1/data/caches/answers", method="POST", body=body)
        result: dict[str, Any] = found["result"]
        return result

    return ask


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(CASES.read_text())
    return found


def record(path: Path, opa: Opa, notes: Sequence[str]) -> None:
    """Write what opa makes of the cases behind each of them; the rest stays."""
    ask = real(opa)
    blocks = re.split(r"(?m)^(?=- note: )", path.read_text())
    out = [blocks[0]]
    for block, note in zip(blocks[1:], notes, strict=True):
        # The comments before the next case stay at the end.
        body, tail = re.fullmatch(r"(?s)(.*?\n)((?:\n|#[^\n]*\n)*)", block).groups()  # type: ignore[union-attr]
        body = re.sub(r"(?ms)^  (?:reached|answers):.*", "", body)
        (case,) = yaml.safe_load(body)
        assert case["note"] == note
        text = yaml.safe_dump(
            run(case, ask), sort_keys=False, width=10000, default_flow_style=None
        )
        out.append(body + "".join(f"  {line}\n" for line in text.splitlines()) + tail)
    path.write_text("".join(out))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--opa", type=Path, default="opa")
    with serve(parser.parse_args().opa) as opa:
        record(CASES, opa, [case["note"] for case in cases()])


if __name__ == "__main__":
    main()
