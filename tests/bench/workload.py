"""The webhooks that are measured with, and putting them into a topic."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer

from libs.contracts.partitions import partition_of
from services.simulator.load import bench_executions

PARTITIONS = 6
EVENTS_AN_EXECUTION = 4  # created, two instructions executed, settled
_SEED = 3
_BATCH_BYTES = 512 * 1024
_CHUNK = 20_000


def webhooks(executions: int) -> Iterator[bytes]:
    """Two an execution; the same ones each time."""
    return bench_executions(executions, _SEED)


def key_of(body: bytes) -> bytes:
    """The routing key: the execution's id."""
    return body[7:43]


async def load(
    servers: str, topic: str, bodies: Iterable[bytes], key_of: Callable[[bytes], bytes] = key_of
) -> None:
    """Append bodies to the partitions of their keys, in order, as fast as it goes."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", max_batch_size=_BATCH_BYTES, max_request_size=4 * _BATCH_BYTES
    )
    await producer.start()
    try:
        rest = iter(bodies)
        while chunk := list(islice(rest, _CHUNK)):
            await append(producer, topic, chunk, key_of)
    finally:
        await producer.stop()


async def append(
    producer: Any, topic: str, bodies: Iterable[bytes], key_of: Callable[[bytes], bytes] = key_of
) -> None:
    """Append bodies in batches, and wait until the broker has them."""
    batches: dict[int, Any] = defaultdict(producer.create_batch)
    sent: list[asyncio.Future[Any]] = []

    async def send(partition: int) -> None:
        sent.append(await producer.send_batch(batches.pop(partition), topic, partition=partition))

    for body in bodies:
        key = key_of(body)
        partition = partition_of(key.decode(), PARTITIONS)
        while batches[partition].append(timestamp=None, key=key, value=body) is None:
            await send(partition)
    for partition in list(batches):
        await send(partition)
    await asyncio.gather(*sent)
