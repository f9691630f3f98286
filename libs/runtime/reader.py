"""Kafka as recovery, verification and rebuild read it: a partition from an offset to its end, without a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess

_CHUNK: Final = 1_000
_POLL_MS: Final = 200
# What is read is there already; a fetch at the end that waits for more holds up every other question.
_FETCH_WAIT_MS: Final = 10
_LOOK: Final = 1_000  # offsets, of the first look back for a record
_WIDEST: Final = 64_000
STALLED: Final = 30.0
"""Seconds without a record, after which a reader is given up, and made anew by whoever waits for Kafka."""


class Record(Protocol):
    """A consumed record, as aiokafka's untyped ConsumerRecord has it; ``timestamp`` in ms."""

    offset: int
    partition: int
    topic: str
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class PartitionReader:
    """Reads one partition of one topic. Raises KafkaError."""

    def __init__(self, consumer: AIOKafkaConsumer[Any, Any], topic: str, partition: int) -> None:
        self._consumer = consumer
        self._tp = TopicPartition(topic, partition)

    async def bounds(self) -> tuple[int, int]:
        """The first offset that is there, and the one after the last committed record, or after the last at all."""
        begin = (await self._consumer.beginning_offsets([self._tp]))[self._tp]
        end = (await self._consumer.end_offsets([self._tp]))[self._tp]
        return begin, end

    async def read(self, start: int, end: int) -> AsyncIterator[list[Record]]:
        """Chunks of the records from ``start`` up to but without ``end``, both offsets."""
        if start >= end:
            return
        self._consumer.assign([self._tp])
        self._consumer.seek(self._tp, start)
        moved = time.monotonic()
        while (position := await self._consumer.position(self._tp)) < end:
            chunk = await self._consumer.getmany(self._tp, timeout_ms=_POLL_MS, max_records=_CHUNK)
            records = [record for record in chunk.get(self._tp, []) if record.offset < end]
            if records:
                yield records
            if await self._consumer.position(self._tp) != position:
                moved = time.monotonic()
            elif time.monotonic() - moved > STALLED:
                raise KafkaTimeoutError(
                    f"{self._tp.topic}/{self._tp.partition}: nothing came from {position} on"
                )

    async def tail(self, count: int) -> list[Record]:
        """The records among the last ``count`` offsets: none where those are markers and aborted records alone."""
        begin, end = await self.bounds()
        return [record async for chunk in self.read(max(begin, end - count), end) for record in chunk]

    async def last(self) -> Record | None:
        """The last record, None where there is none. Markers and aborted records may follow it, however many."""
        begin, end = await self.bounds()
        width = _LOOK
        while begin < end:
            start = max(begin, end - width)
            found = [chunk[-1] async for chunk in self.read(start, end)]
            if found:
                return found[-1]
            end, width = start, min(2 * width, _WIDEST)
        return None

    async def one(self, offset: int) -> Record | None:
        """The record at an offset, None where it is no longer kept."""
        begin, end = await self.bounds()
        if not begin <= offset < end:
            return None
        async for chunk in self.read(offset, offset + 1):
            return chunk[0]
        return None


@asynccontextmanager
async def partition_reader(
    kafka: KafkaAccess, topic: str, partition: int, uncommitted: bool = False
) -> AsyncIterator[PartitionReader]:
    """A reader of one partition, with a connection of its own; of what is ``uncommitted`` too, where that is wanted."""
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        **kafka.options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_uncommitted" if uncommitted else "read_committed",
        max_partition_fetch_bytes=1024 * 1024,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        request_timeout_ms=15_000,
    )
    try:
        await consumer.start()
        # The client takes 100 ms more to ask for the bounds of what is not assigned; paused, it fetches nothing yet.
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        consumer.pause(tp)
        yield PartitionReader(consumer, topic, partition)
    finally:
        await let_go(consumer)


async def let_go(
    consumer: AIOKafkaConsumer[Any, Any], stop: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Stop a consumer, by ``stop`` where its own leads here. Raises CancelledError where it was us who were cancelled.

    The client cancels its fetches in flight and awaits them, and one that was resting after a lost connection, or had
    not begun, hands its cancellation on to whoever stops the client, who would pass for cancelled himself.
    """
    try:
        await (stop or consumer.stop)()
    except asyncio.CancelledError:
        heed_cancellation()
        await consumer._client.close()  # noqa: SLF001  # what stop() would have done next
    heed_cancellation()
