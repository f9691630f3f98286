"""Kafka as the streams read it: all partitions of one log, from a while ago and then for ever, without a group."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import Record, let_go
from libs.telemetry.one_line import one_line

_FETCH_WAIT_MS: Final = 20  # a fetch under way holds up the partitions that are not in it
_POLL_MS: Final = 200
_CHUNK: Final = 5_000
_BACK: Final = 2_000  # records before those that are asked for, to be sure where the chain is
_ANSWER: Final = 10.0  # seconds for one question to Kafka
_LOOK_EVERY: Final = 10.0
_AGAIN: Final = 0.5  # seconds before connecting anew
_REMIND: Final = 10.0
_REST: Final = 0.5  # seconds of rest for a second of sending, so that frames gather
_LONGEST_REST: Final = 0.02

log = structlog.get_logger("stratafold.api.streams")


class Reader(Protocol):
    """What is done with the records."""

    def take(self, partition: int, records: list[Record]) -> None:
        """Records in the order of the partition."""

    def settle(self, partition: int) -> None:
        """All that was there at the start was taken."""

    def flush(self) -> None:
        """Send what was taken."""


class _Stalled(Exception):
    """The client gives no records although there are some."""


class Tail:
    """One topic's records for a reader; ``seconds`` says from how long ago at the start."""

    def __init__(
        self, kafka: KafkaAccess, topic: str, partitions: int, seconds: float, reader: Reader
    ) -> None:
        self._kafka, self._topic = kafka, topic
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._seconds, self._reader = seconds, reader
        self._next: dict[TopicPartition, int] = {}
        self._unsettled: dict[TopicPartition, int] = {}
        self._consumer: Any = None
        self.ready = asyncio.Event()
        self._reminded = float("-inf")

    async def run(self) -> None:
        """Read until cancelled, connecting anew whenever that is what it takes."""
        while True:
            consumer = self._made()
            try:
                async with asyncio.timeout(_ANSWER):
                    await self._connect(consumer)
                self._consumer = consumer
                await self._read(consumer)
            except (KafkaError, OSError, TimeoutError, _Stalled) as why:
                self._remind(why)
            finally:
                self._consumer = None
                await _stop(consumer)
            await asyncio.sleep(_AGAIN)

    async def caught_up(self, partition: int, within: float) -> bool:
        """Wait until all that Kafka has now was sent; False where that can't be had in time."""
        place = self._places[partition]
        try:
            async with asyncio.timeout(within):
                while (consumer := self._consumer) is None:  # noqa: ASYNC110 - a rare wait, of milliseconds
                    await asyncio.sleep(_AGAIN / 10)
                end = (await consumer.end_offsets([place]))[place]
                while self._next.get(place, -1) < end:  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(_FETCH_WAIT_MS / 4000)
        except (KafkaError, OSError, TimeoutError):
            return False
        return True

    def _made(self) -> Any:
        return AIOKafkaConsumer(
            **self._kafka.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            request_timeout_ms=15_000,
            metadata_max_age_ms=60_000,
        )

    async def _connect(self, consumer: Any) -> None:
        await consumer.start()
        there = (await consumer._client.fetch_all_metadata()).partitions_for_topic(self._topic)  # noqa: SLF001
        if not there or len(there) < len(self._places):
            raise KafkaError(f"topic {self._topic} is not there yet")
        if not self._next:
            await self._begin(consumer)
        consumer.assign(self._places)
        for place, offset in self._next.items():
            consumer.seek(place, offset)

    async def _begin(self, consumer: Any) -> None:
        since = int((time.time() - self._seconds) * 1000)
        begins = await consumer.beginning_offsets(self._places)
        ends = await consumer.end_offsets(self._places)
        found = await consumer.offsets_for_times(dict.fromkeys(self._places, since))
        for place in self._places:
            wanted = ends[place] if found[place] is None else found[place].offset
            self._next[place] = max(begins[place], wanted - _BACK)
        self._unsettled = dict(ends)

    async def _read(self, consumer: Any) -> None:
        looked, moved = time.monotonic(), time.monotonic()
        self._settle()
        while True:
            chunk = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_CHUNK)
            now = time.monotonic()
            for place, records in chunk.items():
                self._reader.take(place.partition, records)
            if chunk:
                self._reader.flush()
                for place, records in chunk.items():
                    self._next[place] = records[-1].offset + 1
                self._settle()
                moved = time.monotonic()
                # what comes meanwhile goes out together; nothing waits where sending takes no time
                await asyncio.sleep(min((moved - now) * _REST, _LONGEST_REST))
            elif now - looked > _LOOK_EVERY:
                looked = now
                async with asyncio.timeout(_ANSWER):
                    ends = await consumer.end_offsets(self._places)
                behind = any(self._next[place] < end for place, end in ends.items())
                if not behind:
                    moved = now
                elif now - moved > 2 * _LOOK_EVERY:
                    raise _Stalled("no records come, although there are some")

    def _settle(self) -> None:
        for place, end in list(self._unsettled.items()):
            if self._next[place] >= end:
                del self._unsettled[place]
                self._reader.settle(place.partition)
        if not self._unsettled and not self.ready.is_set():
            self.ready.set()
            log.info("following", topic=self._topic)

    def _remind(self, why: Exception) -> None:
        if time.monotonic() - self._reminded >= _REMIND:
            self._reminded = time.monotonic()
            log.warning("waiting for Kafka", topic=self._topic, why=one_line(why))


async def _stop(consumer: Any) -> None:
    try:
        async with asyncio.timeout(_ANSWER):
            await let_go(consumer)
    except (KafkaError, OSError, TimeoutError) as why:
        log.warning("a consumer could not be stopped in order", why=one_line(why))
