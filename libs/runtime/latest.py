"""The latest records of topics, looked at once in a while; never read from end to end.

Of a partition that ran ahead only the last few are taken, so that a look costs the same however much comes in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.runtime.reader import Record, let_go

Bounds = dict[TopicPartition, tuple[int, int]]
"""Of each partition the first offset that is there, and the one after the last committed record."""

_POLL_MS: Final = 200
_READS: Final = 1.0  # seconds that a look reads, at most
_LETS_GO: Final = 1.0


class Latest:
    """Looks at topics with the same number of partitions; ``take`` is given the records of one of them, in order."""

    def __init__(
        self,
        consumer: Callable[[], AIOKafkaConsumer[Any, Any]],
        partitions: int,
        take: Callable[[TopicPartition, list[Record]], None],
    ) -> None:
        self._make = consumer
        self._partitions = range(partitions)
        self._take = take
        self._consumer: AIOKafkaConsumer[Any, Any] | None = None
        self._positions: dict[TopicPartition, int] = {}

    async def look(self, measured: Sequence[str], followed: Mapping[str, int]) -> Bounds:
        """The bounds of the ``measured`` topics; of the ``followed`` ones as many records as they are given with.

        Topics that are not there yet are left out. Raises KafkaError, OSError; the next look connects anew after
        `close`.
        """
        if self._consumer is None:
            consumer = self._consumer = self._make()
            await consumer.start()
        consumer = self._consumer
        there = await consumer.topics()
        inputs = self._places(topic for topic in measured if topic in there)
        counts = {
            tp: followed[tp.topic] for tp in self._places(topic for topic in followed if topic in there)
        }
        begins = await consumer.beginning_offsets(inputs) if inputs else {}
        ends = await consumer.end_offsets([*inputs, *counts]) if inputs or counts else {}
        await self._read(consumer, {tp: (max(0, ends[tp] - most), ends[tp]) for tp, most in counts.items()})
        return {tp: (begins[tp], ends[tp]) for tp in inputs}

    @property
    def reached(self) -> Mapping[TopicPartition, int]:
        """The offset after the last record taken of each partition."""
        return self._positions

    def go_on(self, reached: Mapping[TopicPartition, int]) -> None:
        """Take nothing from before these offsets, which somebody else got to."""
        self._positions.update(reached)

    async def close(self) -> None:
        """Let the connections go; what was read once is not read again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_LETS_GO):
                    await let_go(consumer)

    def _places(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in topics for number in self._partitions]

    async def _read(
        self, consumer: AIOKafkaConsumer[Any, Any], spans: Mapping[TopicPartition, tuple[int, int]]
    ) -> None:
        behind = [tp for tp, (_, end) in spans.items() if self._positions.get(tp, 0) < end]
        if not behind:
            return
        consumer.assign(behind)
        for tp in behind:
            consumer.seek(tp, max(self._positions.get(tp, 0), spans[tp][0]))
        until = time.monotonic() + _READS
        while behind and time.monotonic() < until:
            chunks = await consumer.getmany(*behind, timeout_ms=_POLL_MS)
            for tp, records in chunks.items():
                self._take(tp, records)
                self._positions[tp] = records[-1].offset + 1
            behind = [tp for tp in behind if self._positions.get(tp, 0) < spans[tp][1]]
        # what lies behind the last record (a transaction's marker) is no record to wait for the next time
        self._positions.update({tp: spans[tp][1] for tp in behind})
        consumer.unsubscribe()  # nothing is fetched in the background until the next look
