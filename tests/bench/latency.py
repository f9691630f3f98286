"""How long a record takes at a steady rate, seen from outside.

Both topics have the broker's append times, so the time to the derived event is a difference on one clock. Redis is
seen by reading the partitions' positions every few milliseconds: an input counts as written when the read that shows
it has come back, so what is reported is a little more than the truth.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from tests.bench.arena import Arena
from tests.bench.figures import percentile
from tests.bench.process import BenchFailed, Meter, Program
from tests.bench.subject import WORKER
from tests.bench.throughput import applied
from tests.bench.workload import PARTITIONS, key_of, webhooks

RATE = 2_000  # inputs a second
SECONDS = 25
_WARM = 5  # seconds that don't count
_TICK = 0.005  # seconds between two sends
_LOOK = 0.002  # seconds between two reads of Redis


@dataclass(frozen=True)
class Latency:
    """p50 and p99 in ms from the input's append: to its last event, to Redis, to the later of both; ``others`` as in
    Throughput, ``rate`` inputs a second as they came."""

    inputs: int
    rate: float
    event: tuple[float, float]
    redis: tuple[float, float]
    both: tuple[float, float]
    others: float


async def measure(arena: Arena, namespace: str) -> Latency:
    """Push at a steady rate to a worker that is ready, and compare times afterwards."""
    names = Names(namespace)
    await arena.prepare(names, ["executions.events"])
    program = Program(WORKER.argv, arena.environment(namespace), arena.folder / f"{namespace}.log")
    try:
        await program.wait_for("ready", PARTITIONS)
        total = RATE * (SECONDS + _WARM)
        meter = Meter({"worker": program.process, **arena.processes})
        done = asyncio.Event()
        watch = asyncio.create_task(_watch(arena, names, done))
        await _push(arena.kafka, names.topic("executions.in"), webhooks(total // 2))
        others = (used := meter.used()).others / used.wall
        program.check()
        await applied(arena, names, total)
        await asyncio.sleep(10 * _LOOK)
        done.set()
        seen = await watch
    finally:
        program.stop()
    return await _compare(arena, names, seen, total, others)


async def _push(servers: str, topic: str, bodies: Iterable[bytes]) -> None:
    """Send each by itself, as an upstream does, a few every tick."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    try:
        begun = time.monotonic()
        for count, body in enumerate(bodies):
            ahead = begun + count / RATE - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(max(ahead, _TICK))
            key = key_of(body)
            await producer.send(topic, body, key=key, partition=partition_of(key.decode(), PARTITIONS))
        await producer.flush()
    finally:
        await producer.stop()


async def _watch(arena: Arena, names: Names, done: asyncio.Event) -> dict[tuple[int, int], float]:
    """When (epoch, ms) Redis was first seen to have an input, by partition and offset."""
    seen: dict[tuple[int, int], float] = {}
    at = [-1] * PARTITIONS
    async with Redis.from_url(arena.redis_url) as redis:
        pipe: Any = redis.pipeline(transaction=False)
        while not done.is_set():
            for number in range(PARTITIONS):
                pipe.hget(names.position("executions", number), "input_offset")
            found = await pipe.execute()
            now = time.time() * 1000
            for number, offset in enumerate(found):
                reached = int(offset or -1)
                for folded in range(at[number] + 1, reached + 1):
                    seen[number, folded] = now
                at[number] = max(at[number], reached)
            await asyncio.sleep(_LOOK)
    return seen


async def _compare(
    arena: Arena, names: Names, redis: dict[tuple[int, int], float], total: int, others: float
) -> Latency:
    everything = dict.fromkeys(range(PARTITIONS), 0)
    inputs = {
        (p, offset): at async for p, offset, at, _ in arena.records(names.topic("executions.in"), everything)
    }
    events: dict[tuple[int, int], int] = {}
    async for p, _, at, headers in arena.records(names.topic("executions.events"), everything):
        events[p, int(headers["inputoffset"])] = at
    if len(inputs) != total or events.keys() != inputs.keys() or not redis.keys() >= inputs.keys():
        raise BenchFailed(f"of {total} inputs {len(events)} had events and {len(redis)} came to Redis")
    begun, ended = min(inputs.values()), max(inputs.values())
    counted = [place for place, at in inputs.items() if at >= begun + _WARM * 1000]
    to_event = [events[place] - inputs[place] for place in counted]
    to_redis = [redis[place] - inputs[place] for place in counted]
    to_both = [max(pair) for pair in zip(to_event, to_redis, strict=True)]
    of = [(percentile(times, 50), percentile(times, 99)) for times in (to_event, to_redis, to_both)]
    return Latency(len(counted), total / (ended - begun) * 1000, of[0], of[1], of[2], others)
