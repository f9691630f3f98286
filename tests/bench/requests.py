"""How long requests on versions take, at this API (through Kafka and the worker) and at a plain handler.

Some clients each wait for an answer before they ask again, first POST (execute), each of a strategy that nobody asked
for before, then GET of what was executed, with orders and positions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.bench import portfolios
from tests.bench.arena import Arena
from tests.bench.figures import percentile
from tests.bench.process import BenchFailed, Meter
from tests.bench.servers import SERVERS
from tests.bench.workload import PARTITIONS

CLIENTS: Final = 8
WARM: Final = 40  # requests of each kind that don't count
_PATIENCE: Final = 30.0  # seconds until the API knows the prices
_EXPECTED: Final = {"GET": HTTPStatus.OK, "POST": HTTPStatus.ACCEPTED}


class Timed(NamedTuple):
    """Of the requests that count: p50 and p99 in ms, how many a second over all clients."""

    p50: float
    p99: float
    rate: float


@dataclass(frozen=True)
class Asked:
    """One server, and portfolios of so many positions; ``others`` as in Throughput."""

    server: str
    positions: int
    requests: int
    post: Timed
    get: Timed
    others: float


class _Answer(NamedTuple):
    status: int
    location: str
    body: bytes


class _Connection:
    """One connection that is kept, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def ask(self, method: str, path: str, body: bytes = b"") -> _Answer:
        """The answer, once all of it is there."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        content = await self._reader.readexactly(int(headers["content-length"]))
        return _Answer(int(first.split(" ")[1]), headers.get("location", ""), content)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def measure(arena: Arena, namespace: str, server: str, positions: int, requests: int) -> Asked:
    """Ask so many times of each kind. Raises BenchFailed where anything but what was asked for is answered."""
    names = Names(namespace)
    total = requests + WARM
    await arena.prepare(names, ["versions.events"])
    await create_topics(KafkaAccess(arena.kafka), names, ("versions",), PARTITIONS, 1)
    async with SERVERS[server](arena, names, total + 1) as (port, token, processes):
        connections = [
            _Connection(*await asyncio.open_connection("127.0.0.1", port), token) for _ in range(CLIENTS)
        ]
        try:
            body = orjson.dumps(portfolios.body(positions))
            await _first(connections[0], _execute(total), body)
            meter = Meter({**processes, **arena.processes})
            paths = [_execute(number) for number in range(total)]
            post, accepted = await _all(connections, "POST", paths, body)
            get, _ = await _all(connections, "GET", [one.location for one in accepted])
            used = meter.used()
        finally:
            for connection in connections:
                connection.close()
    for one in accepted:
        if len(orjson.loads(one.body)["data"]["orders"]) != positions:
            raise BenchFailed(f"{server}: there should be {positions} orders: {one.body[:300]!r}")
    return Asked(server, positions, requests, post, get, used.others / used.wall)


def _execute(number: int) -> str:
    return f"/api/v1/strategies/{portfolios.strategy_id(number)}/versions/execute"


async def _first(connection: _Connection, path: str, body: bytes) -> None:
    """Ask until it is executed: until the API has read the prices it answers 503."""
    end = time.monotonic() + _PATIENCE
    while (answer := await connection.ask("POST", path, body)).status != HTTPStatus.ACCEPTED:
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > end:
            raise BenchFailed(f"POST {path}: {answer.status} {answer.body[:300]!r}")
        await asyncio.sleep(0.2)


async def _all(
    connections: Sequence[_Connection], method: str, paths: Sequence[str], body: bytes = b""
) -> tuple[Timed, list[_Answer]]:
    """Ask for each of the paths, at most one at a time on a connection."""
    rest, answers, seconds = iter(paths), [], []
    begun = 0.0

    async def client(connection: _Connection) -> None:
        nonlocal begun
        for path in rest:
            asked_at = time.perf_counter()
            answer = await connection.ask(method, path, body)
            seconds.append(time.perf_counter() - asked_at)
            if answer.status != _EXPECTED[method]:
                raise BenchFailed(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
            answers.append(answer)
            if len(answers) == WARM:
                begun = time.perf_counter()

    async with asyncio.TaskGroup() as clients:
        for connection in connections:
            clients.create_task(client(connection))
    ended = time.perf_counter()
    counted = [1000 * one for one in seconds[WARM:]]
    rate = len(counted) / (ended - begun)
    return Timed(percentile(counted, 50), percentile(counted, 99), rate), answers
