"""How long a strategy's event takes to the frames of its subscribers, and what a subscriber costs in memory.

The time is from just before an input is sent to Kafka until a client has the bytes of its frame, both on this
machine's clock. Every client counts what it gets; some read the time out of every frame.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from dataclasses import dataclass
from typing import Final, cast

from aiokafka import AIOKafkaProducer
from websockets.frames import Frame, Opcode

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.local.ports import free_port
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.bench.arena import Arena
from tests.bench.figures import percentile
from tests.bench.process import BenchFailed, Meter, Program, resident_mb
from tests.bench.workload import PARTITIONS
from tests.real.topics import read
from tests.services.api.streams.clients import signed

RATE: Final = 1_000  # events a second, over all accounts
CLIENTS: Final = 500
SHAPES: Final = (50, 1)  # accounts, each with as many of the clients
_SECONDS: Final = 10
_WARM: Final = 3  # seconds that don't count
_TICK: Final = 0.005  # seconds between two sends
_TIMED: Final = 20  # clients that read the times
_AT_ONCE: Final = 50  # clients that connect together
_SETTLE: Final = 10.0  # seconds for the last frames

SERVERS: Final = {
    "this server": ("tests.services.api.streams.server", "following", 2),
    "written plainly": ("tests.bench.subjects.plain_streams", "first read", 1),
}
_SENT: Final = re.compile(rb'"sent": ?([0-9]+)')


@dataclass(frozen=True)
class Streamed:
    """One server and shape: p50 and p99 in ms of the frames that came, from the input and from its log record; ``due``
    and ``came`` are frames over all clients, ``cpu`` µs of the server a frame, ``others`` as in Throughput."""

    server: str
    accounts: int
    p50: float
    p99: float
    log_p50: float
    log_p99: float
    due: int
    came: int
    client_kb: float
    cpu: float
    others: float


class _Client(asyncio.Protocol):
    """A subscriber to everything of its account; it only counts, and where it is to, reads times."""

    def __init__(self, url: str, times: list[tuple[int, float]] | None) -> None:
        self._path = url.partition("//")[2].partition("/")[2]
        self._times = times
        self._open = False
        self._rest = b""
        self.subscribed = asyncio.get_running_loop().create_future()
        self.frames = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        head = (
            f"GET /{self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self._transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        """The answer to the upgrade, the acknowledgement, frames."""
        if not self._open:
            if not data.startswith(b"HTTP/1.1 101"):
                self.subscribed.set_exception(BenchFailed(f"a client was not let in: {data[:200]!r}"))
                return
            self._open = True
            said = b'{"op":"subscribe","channel":"strategy.status","id":"*"}'
            self._transport.write(Frame(Opcode.TEXT, said).serialize(mask=True))
        elif not self.subscribed.done():
            self.subscribed.set_result(None)
        else:
            # a number may come in two parts: what is behind the last whole one is looked at again
            data = self._rest + data
            end = data.rfind(b"}") + 1
            data, self._rest = data[:end], data[end:]
            self.frames += data.count(b'"sent":')
            if self._times is not None:
                now = time.time()
                self._times += [(int(sent), now) for sent in _SENT.findall(data)]

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def measure(arena: Arena, namespace: str, server: str, accounts: int) -> Streamed:
    """Clients subscribe, then events come at a steady rate."""
    names = Names(namespace)
    await arena.prepare(names, ["executions.events"])
    await create_topics(KafkaAccess(arena.kafka), names, ("strategies", "agents"), PARTITIONS, 1)
    port = free_port()
    module, ready, lines = SERVERS[server]
    environment = {**arena.environment(namespace), "STRATAFOLD_API_PORT": str(port)}
    worker = Program(
        (sys.executable, "-m", "services.strategies"), environment, arena.folder / f"{namespace}.worker"
    )
    serving = Program((sys.executable, "-m", module), environment, arena.folder / f"{namespace}.server")
    clients: list[_Client] = []
    try:
        await worker.wait_for("ready", PARTITIONS)
        await serving.wait_for(ready, lines)
        times: list[tuple[int, float]] = []
        before = resident_mb(serving.process)
        clients = await _connect(port, accounts, times)
        client_kb = (resident_mb(serving.process) - before) * 1000 / CLIENTS
        meter = Meter({"server": serving.process, "worker": worker.process, **arena.processes})
        begun = time.time()
        due = await _push(arena.kafka, names.topic("strategies.in"), accounts) * CLIENTS // accounts
        end = time.monotonic() + _SETTLE
        while sum(client.frames for client in clients) < due and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        used = meter.used()
        serving.check()
        worker.check()
    finally:
        for client in clients:
            client.close()
        serving.stop()
        worker.stop()
    came = sum(client.frames for client in clients)
    if not times:
        raise BenchFailed(f"{server}: no frame came:\n{serving.tail()}\n{worker.tail()}")
    # a server may be so slow that none of the frames that count ever came
    warm = [one for one in times if one[0] / 1e6 >= begun + _WARM] or times
    counted = [at * 1000 - sent / 1000 for sent, at in warm]
    logged = await _logged(arena.kafka, names.topic("strategies.log"))
    from_log = [at * 1000 - logged[sent] for sent, at in warm]
    return Streamed(
        server,
        accounts,
        percentile(counted, 50),
        percentile(counted, 99),
        percentile(from_log, 50),
        percentile(from_log, 99),
        due,
        came,
        client_kb,
        used.roles["server"] * 1e6 / max(came, 1),
        used.others / used.wall,
    )


async def _connect(port: int, accounts: int, times: list[tuple[int, float]]) -> list[_Client]:
    loop, clients = asyncio.get_running_loop(), []
    for first in range(0, CLIENTS, _AT_ONCE):
        some = []
        for number in range(first, first + _AT_ONCE):
            timed = times if number % (CLIENTS // _TIMED) == 0 else None
            client = _Client(signed(port, f"account{number % accounts}"), timed)
            await loop.create_connection(lambda one=client: one, "127.0.0.1", port)  # type: ignore[misc]
            some.append(client)
        async with asyncio.timeout(30):
            await asyncio.gather(*(client.subscribed for client in some))
        clients += some
    return clients


async def _push(servers: str, topic: str, accounts: int) -> int:
    """Send events at the rate, one by one as an upstream does; how many."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    total = RATE * (_SECONDS + _WARM)
    try:
        begun = time.monotonic()
        for count in range(total):
            ahead = begun + count / RATE - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(max(ahead, _TICK))
            account = f"account{count % accounts}"
            await producer.send(
                topic,
                _event(count // accounts + 1),
                key=account.encode(),
                partition=partition_of(account, PARTITIONS),
            )
        await producer.flush()
    finally:
        await producer.stop()
    return total


async def _logged(servers: str, topic: str) -> dict[int, int]:
    """When (ms) the log record was written of the event that was sent at a moment (µs)."""
    runs = await read(servers, topic, PARTITIONS)
    found = {}
    for one in (record for run in runs.values() for record in run):
        if sent := _SENT.search(one.value or b""):
            found[int(sent[1])] = one.at
    return found


def _event(seq: int) -> bytes:
    """A fill of 004, with the moment (µs) at which it is sent; orders of two fills, so that projections stay small."""
    order, part = divmod(seq, 2)
    at = time.gmtime(1_777_464_000 + seq)
    return (
        b'{"channel": "strategy.status", "event": "order_filled", "strategy_id": "strat_%d", "seq": %d,'
        b' "ts": "%s.000Z", "data": {"order_id": "ord_%d", "position_id": "pos_4ab9c0", "symbol": "BTCUSDT",'
        b' "side": "buy", "type": "limit", "price": "67234.50", "quantity": "0.0150", "filled_quantity": "%s",'
        b' "fee": "0.5039", "fee_currency": "USDT", "sent": %d}}'
        % (
            order % 10,
            seq,
            time.strftime("%Y-%m-%dT%H:%M:%S", at).encode(),
            order,
            b"0.0150" if part else b"0.0050",
            time.time_ns() // 1000,
        )
    )
