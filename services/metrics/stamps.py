"""The broker's times of single records: of the oldest one that is not folded, of the oldest dead letter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.runtime.reader import Record, let_go

_POLL_MS: Final = 100
_READS: Final = 0.5  # seconds that a look reads, at most


class Stamps:
    """Asks for a record's time once; the next ones of a partition are asked for as it moves on."""

    def __init__(self, consumer: Callable[[], AIOKafkaConsumer[Any, Any]]) -> None:
        self._make = consumer
        self._consumer: AIOKafkaConsumer[Any, Any] | None = None
        self._known: dict[TopicPartition, tuple[int, int]] = {}

    async def look(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The time in ms of the first record from each offset on, of those that could be read in time.

        One batch of records a partition is fetched at most, however much waits there. Raises KafkaError, OSError.
        """
        wanted = {tp: offset for tp, offset in offsets.items() if self._known.get(tp, (-1, 0))[0] != offset}
        if wanted:
            if self._consumer is None:
                consumer = self._consumer = self._make()
                await consumer.start()
            await self._read(self._consumer, wanted)
        return {
            tp: self._known[tp][1]
            for tp, offset in offsets.items()
            if tp in self._known and self._known[tp][0] == offset
        }

    async def _read(self, consumer: AIOKafkaConsumer[Any, Any], wanted: Mapping[TopicPartition, int]) -> None:
        left = dict(wanted)
        consumer.assign(list(left))
        for tp, offset in left.items():
            consumer.seek(tp, offset)
        until = time.monotonic() + _READS
        while left and time.monotonic() < until:
            chunks: Mapping[TopicPartition, list[Record]] = await consumer.getmany(
                *left, timeout_ms=_POLL_MS, max_records=len(left)
            )
            for tp, records in chunks.items():
                self._known[tp] = (left.pop(tp), records[0].timestamp)
                consumer.pause(tp)
        consumer.unsubscribe()

    async def close(self) -> None:
        """Let the connection go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await let_go(consumer)
