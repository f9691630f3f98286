"""Kafka as connectors write and remember it: the one place with aiokafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.contracts.traceparent import record_headers
from libs.ledger.records import Headers
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.patience import Patience
from libs.runtime.producer import learn_topics, make_producer, stop_producer
from libs.runtime.reader import partition_reader
from libs.runtime.topics import create_topics
from libs.settings import Settings
from libs.telemetry.one_line import one_line
from libs.telemetry.traces import Kind
from services.connectors.metrics import ConnectorMetrics

if TYPE_CHECKING:
    from libs.telemetry.spans import Span, Traces

STUCK_AFTER: Final = 60.0  # seconds without an answer from a broker that answers others
_OPENS_WITHIN: Final = 15.0
_FLUSHES_WITHIN: Final = 3.0
_PAUSE: Final = 1.0
_SILENT: Final = 3.0
_FIRST_LOOK: Final = 1_000  # records
_FURTHER: Final = 8  # times as many with each look

log = structlog.get_logger("stratafold.connector")


class Outlet:
    """A service's input topic; what is appended under one key stays in order."""

    def __init__(self, settings: Settings, service: str, traces: Traces | None = None) -> None:
        self._settings = settings
        self._kafka = KafkaAccess.of(settings)
        self._service = service
        self._topic = Names(settings.namespace).topic(f"{service}.in")
        self._patience = Patience(lambda: kafka_answers(self._kafka), STUCK_AFTER)
        self._producer: Any = None
        self._traces = traces
        self.metrics = ConnectorMetrics(service)

    def obstacle(self) -> str | None:
        """Why nothing can be appended now."""
        return "not connected to Kafka" if self._producer is None else None

    async def open(self) -> None:
        """Connect, for as long as that takes. Raises WrongTopic."""
        told, tell_at = False, time.monotonic() + _SILENT
        while True:
            try:
                async with asyncio.timeout(_OPENS_WITHIN):
                    await self._start()
            except (KafkaError, OSError, TimeoutError) as why:
                if not told and time.monotonic() < tell_at:
                    # topics that were made a moment ago take a while to be known
                    await asyncio.sleep(_PAUSE)
                    continue
                if not told:
                    log.warning("waiting for kafka", servers=self._kafka.servers, why=one_line(why))
                told = True
                await asyncio.sleep(_PAUSE)
            else:
                if told:
                    log.info("kafka answers", servers=self._kafka.servers)
                return

    async def append(self, key: str, values: Sequence[bytes]) -> None:
        """Return once all in-sync replicas have the records; after a failure they are appended again, in full.

        Who reads them drops what is equal. Raises Stuck, WrongTopic.
        """
        began = time.monotonic()
        spans = self._begin_traces(key, len(values))
        headers = [record_headers(span.traceparent) for span in spans] or [[]] * len(values)
        while True:
            try:
                await self._patience.kafka(f"append to {self._topic}", self._append(key, values, headers))
            except KafkaError as why:
                # an idempotent producer has a hole in its numbers then: it can't be used any more
                log.warning("appending failed, the producer is made anew", why=one_line(why))
                await self.close()
                await asyncio.sleep(_PAUSE)
                await self.open()
            else:
                self.metrics.appended(len(values), time.monotonic() - began)
                for span in spans:
                    span.end()
                return

    async def tail(
        self, key: str, enough: Callable[[list[bytes | None]], bool], most: int
    ) -> list[bytes | None]:
        """The values under a key among the last records of its partition, in order.

        Looks further back until they are enough, ``most`` records were read, or there are no more. Raises Stuck.
        """
        while True:
            try:
                return await self._patience.kafka(
                    f"read the tail of {self._topic}", self._tail(key, enough, most)
                )
            except (KafkaError, OSError) as why:
                log.warning("reading from kafka failed, trying again", why=one_line(why))
                await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """Send what is under way, for some seconds, and let go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer, _FLUSHES_WITHIN)

    async def _start(self) -> None:
        settings = self._settings
        if settings.create_topics:
            await create_topics(
                self._kafka,
                Names(settings.namespace),
                [self._service],
                settings.partitions,
                settings.replication,
            )
        producer = make_producer(self._kafka, "stratafold-connector")
        try:
            await producer.start()
            await learn_topics(producer, [self._topic], settings.partitions)
        except BaseException:
            await stop_producer(producer, _FLUSHES_WITHIN)
            raise
        self._producer = producer

    def _begin_traces(self, key: str, count: int) -> list[Span]:
        """A span a value, the first of its trace, for a frame brings none along; none where there are no traces."""
        if self._traces is None:
            return []
        about = {"messaging.system": "kafka", "messaging.destination.name": self._topic}
        about["messaging.kafka.message.key"] = key
        return [self._traces.span(f"send {self._topic}", Kind.PRODUCER, about=about) for _ in range(count)]

    async def _append(self, key: str, values: Sequence[bytes], headers: Sequence[Headers]) -> None:
        place = partition_of(key, self._settings.partitions)
        sent = [
            await self._producer.send(self._topic, one, key.encode(), place, headers=its_own)
            for one, its_own in zip(values, headers, strict=True)
        ]
        # all are awaited, also after one failed: none is left whose failure nobody looks at
        for done in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done

    async def _tail(
        self, key: str, enough: Callable[[list[bytes | None]], bool], most: int
    ) -> list[bytes | None]:
        place = partition_of(key, self._settings.partitions)
        count = _FIRST_LOOK
        async with partition_reader(self._kafka, self._topic, place) as reader:
            while True:
                begin, end = await reader.bounds()
                found = [one.value for one in await reader.tail(count) if one.key == key.encode()]
                if count >= min(end - begin, most) or enough(found):
                    return found
                count *= _FURTHER
