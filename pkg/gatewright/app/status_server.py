"""Metrics and probes, answered by a process of their own from shared memory.

`/debug/constraints` lists what each constraint costs, the dearest first.
`/readyz` says what is waited for; with `?verbose` it also lists each policy file
that could not be taken over.  The forms follow Kubernetes' `?verbose` checks.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gatewright.telemetry.board import Board
from gatewright.telemetry.costs import summed
from gatewright.telemetry.exposition import render

__all__ = ["health_app", "metrics_app", "serve_status"]

TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


def metrics_app(board: Board) -> Starlette:
    """`/metrics` in Prometheus' text format, `/debug/constraints` as JSON."""

    async def metrics(_: Request) -> Response:
        return Response(render(board), media_type=TEXT_FORMAT)

    async def constraints(_: Request) -> Response:
        return JSONResponse(dearest(board))

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/debug/constraints", constraints),
        ]
    )


def dearest(board: Board) -> list[dict[str, Any]]:
    """What constraints cost, those that take most of the time first.

    Evaluations, their share of the time and their means are of the reviews that were
    sampled, the longest one of all that were seen.
    """
    found = summed(board.costs(index) for index in range(board.slots))
    total = sum(cost.seconds for cost in found.values()) or 1.0
    ordered = sorted(
        found.items(), key=lambda pair: (-pair[1].seconds, -pair[1].most, pair[0])
    )
    return [
        {
            "kind": named[0],
            "name": named[1],
            "evaluations": int(cost.count),
            "share": round(cost.seconds / total, 4),
            "mean_us": round(1e6 * cost.seconds / max(1.0, cost.count), 2),
            "mean_steps": round(cost.steps / max(1.0, cost.count), 1),
            "max_us": round(1e6 * cost.most, 2),
        }
        for named, cost in ordered
    ]


def health_app(board: Board) -> Starlette:
    """`/healthz` (the process runs) and `/readyz` (decisions can be taken)."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        status = read_status(board)
        checks = readiness(board, status)
        ready = not any(checks.values())
        code = 200 if ready else 503
        if "verbose" not in request.query_params and ready:
            return PlainTextResponse("ok")
        lines = [
            f"[-]{name} failed: {why}" if why else f"[+]{name} ok"
            for name, why in checks.items()
        ]
        if "verbose" in request.query_params or not ready:
            lines += [awaited_line(entry) for entry in status.get("awaited", ())]
        if "verbose" in request.query_params:
            lines += [source_line(entry) for entry in status.get("sources", ())]
        lines.append("healthz check passed" if ready else "readyz check failed")
        return PlainTextResponse("\n".join(lines) + "\n", code)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])


def read_status(board: Board) -> dict[str, Any]:
    text = board.status()
    status: dict[str, Any] = orjson.loads(text) if text else {}
    return status


def readiness(board: Board, status: dict[str, Any]) -> dict[str, str]:
    """Each check with the reason why it fails; an empty reason passes."""
    generation = board.word(Board.GENERATION)
    return {
        "policies": ""
        if generation
        else str(status.get("waiting") or "the first reading is not finished"),
        "workers": ""
        if status.get("workers") or status.get("subscribers") == 0
        else "no worker is ready to decide",
        "draining": "shutting down" if board.word(Board.DRAINING) else "",
    }


def awaited_line(entry: dict[str, Any]) -> str:
    """A thing that is waited for before the first decision."""
    since = entry.get("since") or ""
    return f"[-]waiting for {entry.get('kind')} since {since}: {entry.get('error')}"


def source_line(entry: dict[str, Any]) -> str:
    """A policy object or file that is not in force as written."""
    where = entry.get("file") or entry.get("object") or entry.get("kind") or ""
    since = entry.get("since") or ""
    return f"[!]{where}: {entry.get('error')} (since {since})"


def serve_status(board: Board, *, health: socket.socket, metrics: socket.socket) -> int:
    """Run both servers until SIGTERM."""

    def server(app: Starlette) -> uvicorn.Server:
        return uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
        )

    async def both() -> None:
        await asyncio.gather(
            server(health_app(board)).serve(sockets=[health]),
            server(metrics_app(board)).serve(sockets=[metrics]),
        )

    asyncio.run(both())
    return 0
