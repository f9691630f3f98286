"""Kafka as a worker writes it: whole batches to known partitions, acknowledged by all in-sync replicas."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.ledger.records import Outgoing, Routed
from libs.runtime.failpoints import Failpoint
from libs.runtime.together import together

_BULKY: Final = 512 * 1024  # bytes of a record that is compressed, since it came compressed or grew by itself
_FEW: Final = 8  # records that cost no more handed over one by one than in a batch of their own
_AMID: Final = {"log": "amid_log", "events": "amid_events"}


class ProducerBroken(Exception):
    """A batch failed for good. Its sequence numbers are used up, so that this producer can append no more."""


class PlaceUnknown(Exception):
    """All is appended, but the broker had a batch of it already and does not say where; the log itself does."""


@dataclass(slots=True)
class _Pile:
    """Records of several partitions for one place; whoever of them comes first to send it sends it all."""

    parts: list[list[Outgoing]] = field(default_factory=list)
    sent: bool = False

    def withdraw(self, records: list[Outgoing]) -> None:
        """Leave out the records of one who gave up, lest others send them long after."""
        self.parts = [part for part in self.parts if part is not records]


class Journal:
    """Appends the records of one service. Raises ProducerBroken, PlaceUnknown; what was sent may or may not stand."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        names: Names,
        service: str,
        partitions: int,
        failpoint: Failpoint,
        compressing: AIOKafkaProducer | None = None,
    ) -> None:
        self._producer = producer
        self._compressing = compressing or producer
        self._names = names
        self._service = service
        self._partitions = partitions
        self._failpoint = failpoint
        self._piles: dict[tuple[str, int], _Pile] = {}
        self._ways: dict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def append(self, stream: str, partition: int, records: list[Outgoing]) -> int:
        """Append to ``in``, ``log``, ``events``, ``state`` or ``dead`` of a partition.

        The offset of the last record, or -1.
        """
        topic = self._names.topic(f"{self._service}.{stream}")
        amid = _AMID.get(stream, "")
        if self._failpoint.armed(amid) and len(records) > 1:
            half = len(records) // 2
            await self._send(topic, partition, records[:half])
            self._failpoint.passed(amid)
            records = records[half:]
        return await self._send(topic, partition, records)

    async def route(self, routed: Iterable[Routed]) -> None:
        """Append each record to the partition of its routing key, in another service's topic or in ours."""
        places: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        for one in routed:
            topic = self._names.topic(one.topic)
            places[topic, partition_of(one.routing_key, self._partitions)].append(one.record)
        sending = (self._send_to(*place, records) for place, records in places.items())
        await together(*sending, lesser=(PlaceUnknown,))

    async def _send_to(self, topic: str, partition: int, records: list[Outgoing]) -> None:
        """Send in order, with what other partitions have for the same place: of that one batch is ever on its way."""
        if len(records) > _FEW or any(map(_bulky, records)):
            await self._send_together(topic, partition, records)
        else:
            await self._send_few(topic, partition, records)

    async def _send_few(self, topic: str, partition: int, records: list[Outgoing]) -> None:
        """Let the client put them into the batch that it sends next: a pile waits for the one before it."""
        sent = [await self._hand_over(topic, partition, record) for record in records]
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(outcome, KafkaError):
                raise ProducerBroken(f"{topic}/{partition}: {outcome!r}") from outcome
            if isinstance(outcome, BaseException):
                raise outcome

    async def _hand_over(self, topic: str, partition: int, record: Outgoing) -> asyncio.Future[Any]:
        while True:
            try:
                future: asyncio.Future[Any] = await self._producer.send(
                    topic, record.value, key=record.key, partition=partition, headers=record.headers
                )
            except KafkaTimeoutError:
                continue  # as in _enqueue
            return future

    async def _send_together(self, topic: str, partition: int, records: list[Outgoing]) -> None:
        """Send in one batch with what others add while the one before is on its way."""
        place = topic, partition
        pile = self._piles.setdefault(place, _Pile())
        pile.parts.append(records)
        try:
            async with self._ways[place]:
                if not pile.sent:
                    if self._piles.get(place) is pile:
                        del self._piles[place]
                    with suppress(PlaceUnknown):  # all stands, and nobody asks where
                        await self._send(topic, partition, list(chain.from_iterable(pile.parts)))
                    pile.sent = True
        except BaseException:
            pile.withdraw(records)
            raise

    async def _send(self, topic: str, partition: int, records: list[Outgoing]) -> int:
        """Send in order; a bulky record goes alone and compressed, as the limit of a topic counts compressed bytes."""
        lasts: list[int | None] = []
        start = 0
        for at, record in enumerate(records):
            if _bulky(record):
                lasts += await self._send_run(self._producer, topic, partition, records[start:at])
                lasts += await self._send_run(self._compressing, topic, partition, [record])
                start = at + 1
        lasts += await self._send_run(self._producer, topic, partition, records[start:])
        known = [last for last in lasts if last is not None]
        if len(known) < len(lasts):  # only now, when what came behind it stands as well
            raise PlaceUnknown(f"{topic}/{partition}")
        return known[-1] if known else -1

    async def _send_run(
        self, producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]
    ) -> list[int | None]:
        """Send in order over one producer; all batches of a partition go over one connection with sequence numbers.

        The offset of each batch's last record, None where the broker does not say.
        """
        sent: list[tuple[asyncio.Future[Any], int]] = []
        at = 0
        while at < len(records):
            batch = producer.create_batch()
            first = at
            while at < len(records):
                record = records[at]
                if (
                    batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
                    is None
                ):
                    break
                at += 1
            batch.close()
            sent.append((await self._enqueue(producer, batch, topic, partition), at - first))
        outcomes = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        lasts: list[int | None] = []
        for outcome, (_, count) in zip(outcomes, sent, strict=True):
            if isinstance(outcome, KafkaError):
                raise ProducerBroken(f"{topic}/{partition}: {outcome!r}") from outcome
            if isinstance(outcome, BaseException):
                raise outcome
            known = outcome.offset is not None and outcome.offset >= 0
            lasts.append(outcome.offset + count - 1 if known else None)
        return lasts

    @staticmethod
    async def _enqueue(
        producer: AIOKafkaProducer, batch: Any, topic: str, partition: int
    ) -> asyncio.Future[Any]:
        while True:
            try:
                future: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=partition)
            except KafkaTimeoutError:
                continue  # not taken, since the one before is still waiting; whoever awaits us has a deadline
            return future


def _bulky(record: Outgoing) -> bool:
    size = len(record.key or b"") + len(record.value or b"")
    # Of a forwarded record they are its sender's, and as large as he likes.
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size > _BULKY
