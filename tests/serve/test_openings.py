"""Requests whose head was seen before are taken as the parser takes them."""

from __future__ import annotations

import asyncio
import random
import re
from concurrent.futures import Executor, Future
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gatewright.telemetry.board import Board
from gatewright.telemetry.log import Log
from gatewright.webhook.app import admission_app
from gatewright.webhook.decisions import Answer
from gatewright.webhook.desk import Desk, RequestLimits, Traffic
from gatewright.webhook.fastpath import fast_protocol
from gatewright.webhook.openings import Openings
from gatewright.webhook.protocol import ConnectionLimits

LIMIT = 300
HEADS = [
    (
        b"POST /v1/admit?timeout=3s HTTP/1.1\r\nHost: a\r\n"
        b"Content-Length: %d\r\nContent-Type: application/json\r\n\r\n"
    ),
    b"POST /v1/admit HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length:%d\r\n\r\n",
    b"PUT /v1/admit HTTP/1.1\r\nContent-Length: %d\r\n\r\n",
    b"HEAD /v1/admit HTTP/1.1\r\nContent-Length: %d\r\n\r\n",
    b"POST /v1/%%61dmit HTTP/1.1\r\nContent-Length: %d\r\n\r\n",
    b"POST /nowhere HTTP/1.1\r\nContent-Length: %d\r\n\r\n",
    b"POST /v1/admit HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
    b"POST /v1/admit HTTP/1.1\r\nContent-Length: 0%d\r\nX: y\r\n\r\n",
    b"\r\nPOST /v1/admit HTTP/1.1\r\nContent-Length: %d\r\nX: y\r\n\r\n",
]
LAST = [
    b"POST /v1/admit HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
    b"POST /v1/admit HTTP/1.0\r\nContent-Length: %d\r\n\r\n",
    b"POST /v1/admit HTTP/1.1\r\nContent-Length: %d\r\nContent-Length: 5\r\n\r\n",
    b"POST /v1/admit HTTP/1.1\r\nHost : a\r\nContent-Length: %d\r\n\r\n",
]
#: What is learned, and so known when it comes again.
ORDINARY = re.compile(
    rb"POST /v1/admit\S* HTTP/1.1\r\n([HC].*\r\n)*content-length: ?[1-9]\d*\r\n"
    rb"(C.*\r\n)?\r\n",
    re.IGNORECASE,
)


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


class AtOnce(Executor):
    """Does what it is given before it returns, so that nothing depends on time."""

    def submit(self, call: Any, /, *args: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(call(*args, **options))
        return done


class Echo:
    """A decision that says what it was given; a body with an `s` takes a while."""

    generation = 1

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.turns = 2 if b"s" in said else 0

    def advance(self, steps: int) -> bool:  # noqa: ARG002 - nothing to count
        self.turns -= 1
        return self.turns < 0

    def answer(self) -> Answer:
        return Answer(self.said, "allow")

    def close(self) -> None:
        return


class Echoes:
    def start(self, endpoint: str, body: bytes, content_type: str | None) -> Echo:
        return Echo(f"{endpoint} {content_type} ".encode() + body)

    def too_large(self) -> Answer:
        return Answer(b"too large")


class NoOpenings(Openings):
    """Remembers nothing."""

    def learn(self, *_args: Any, **_options: Any) -> None:
        return


class Eager(Openings):
    """Learns every head that it may, and counts those that it knew."""

    __slots__ = ("hits",)

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0

    def find(self, data: bytes) -> Any:
        self._after = 0.0
        found = super().find(data)
        self.hits += found is not None
        return found


class Side:
    """A worker's protocol; `openings` is what it remembers heads in."""

    def __init__(self, openings: Openings) -> None:
        slot = Board(1).slot(0)
        self.traffic = Traffic()
        desk = Desk(
            "admit",
            decider=Echoes(),
            limits=RequestLimits(
                in_flight=100,
                in_flight_bytes=1 << 20,
                body=LIMIT,
                deadline=10.0,
                margin=0.0,
                slice_steps=1,
            ),
            traffic=self.traffic,
            slot=slot,
            pool=AtOnce(),
            log=Log("test"),
        )
        limits = ConnectionLimits(
            headers=4096,
            header_time=10.0,
            body_time=10.0,
            handshake_time=10.0,
            connection_age=1000.0,
            connections=10,
        )
        self.kind = fast_protocol(limits, slot, {"admit": desk})
        self.kind.openings = openings
        self.config = uvicorn.Config(
            admission_app({"admit": desk}),
            http=self.kind,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
        )
        self.config.load()

    async def feed(self, chunks: list[bytes]) -> tuple[bytes, bool, int, int]:
        """What a connection is answered, whether it ends, and what stays in flight."""
        loop = asyncio.get_running_loop()
        protocol = self.kind(self.config, ServerState(), {}, loop)
        wire = Wire()
        protocol.connection_made(wire)
        for chunk in chunks:
            protocol.data_received(chunk)
            await asyncio.sleep(0)
        for _ in range(100):
            cycle = protocol.cycle
            if wire.closed or (
                not protocol.pipeline
                and (cycle is None or cycle.response_complete)
                and not protocol.tasks
            ):
                break
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        while protocol.tasks:  # what is being decided gives back itself
            await asyncio.sleep(0)
        traffic = self.traffic
        return b"".join(wire.sent), wire.closed, traffic.requests, traffic.bytes


def conversation(chance: random.Random) -> bytes:
    """Requests of which many begin alike, perhaps an odd one at the end."""
    heads = [chance.choice(HEADS) for _ in range(3)]
    out = b""
    for _ in range(chance.randint(1, 12)):
        size = chance.choice([0, 1, 5, 17, 120, LIMIT - 1])
        body = bytes(chance.choice(b"abcs\r\n") for _ in range(size))
        out += chance.choice(heads) % size + body
    if chance.random() < 0.4:
        last = chance.choice([*LAST, HEADS[0] % LIMIT, HEADS[0] % (5 * LIMIT), b"\x00"])
        body = b"z" * chance.choice([5, 5 * LIMIT])
        out += (last % 5 if b"%d" in last else last) + body
    return out


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """In pieces, as reads may find it; now and then at the end of a head."""
    places = {chance.randrange(len(data)) for _ in range(chance.randint(0, 6))}
    if chance.random() < 0.7:
        places |= {
            n for n in range(len(data)) if data[n : n + 5] in (b"POST ", b"HEAD ")
        }
    ends = [*sorted(places - {0}), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("seed", range(150))
def test_the_parser_says_the_same(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  only the same each time is asked
    data = conversation(chance)
    chunks = cut(data, chance)

    async def both() -> tuple[list[Any], int]:
        eager = Eager()
        plain, quick = Side(NoOpenings()), Side(eager)
        return [await one.feed(chunks) for one in (plain, quick, quick)], eager.hits

    (parsed, learning, known), hits = asyncio.run(both())

    assert parsed == learning == known, chunks
    assert parsed[2:] == (0, 0)
    assert hits or not ORDINARY.match(chunks[0])
