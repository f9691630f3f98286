"""Kafka as an upstream producer and a downstream consumer in another program would use it: plain aiokafka."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Push:
    """A record to be pushed; without a partition it goes where Kafka's default partitioner puts its key."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as a committed reader finds it; ``at`` is its timestamp in ms."""

    partition: int
    offset: int
    at: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = field(default=())


def partition_for(key: bytes, partitions: int) -> int:
    """Where Kafka's default partitioner puts a key, by aiokafka's murmur2 and not by ours."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pushed record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Feeder:
    """An upstream producer that stays: idempotent, so that a broker's death makes it double nothing."""

    def __init__(self, servers: str, partitions: int) -> None:
        self._servers, self._partitions = servers, partitions

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            enable_idempotence=True,
            max_request_size=4 * 1024 * 1024,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Let go; harmless where it never started."""
        if hasattr(self, "_producer"):
            await self._producer.stop()

    async def push(self, records: Iterable[Push]) -> list[Place]:
        """Append records, in order where they share a partition; their places, once the broker has them all."""
        runs: dict[tuple[str, int], list[tuple[int, Push]]] = defaultdict(list)
        for index, record in enumerate(records):
            partition = record.partition
            if partition is None:
                partition = partition_for(record.key or b"", self._partitions)
            runs[record.topic, partition].append((index, record))
        places: dict[int, Place] = {}
        for (topic, partition), run in runs.items():
            offsets = await append(self._producer, topic, partition, [record for _, record in run])
            for (index, _), offset in zip(run, offsets, strict=True):
                places[index] = Place(topic, partition, offset)
        return [places[index] for index in range(len(places))]


async def push(servers: str, records: Iterable[Push], partitions: int) -> list[Place]:
    """Append records with a producer that lives only for them."""
    feeder = Feeder(servers, partitions)
    await feeder.start()
    try:
        return await feeder.push(records)
    finally:
        await feeder.stop()


async def append(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Push]
) -> list[int]:
    """Append records to one partition; their offsets."""
    offsets: list[int] = []
    while rest := records[len(offsets) :]:
        batch = producer.create_batch()
        count = 0
        for one in rest:
            said = batch.append(timestamp=None, key=one.key, value=one.value, headers=list(one.headers))
            if said is None and count:
                break
            count += 1
        batch.close()
        sent = await (await producer.send_batch(batch, topic, partition=partition))
        offsets += range(sent.offset, sent.offset + count)
    return offsets


async def read(servers: str, topic: str, partitions: int) -> dict[int, list[Stored]]:
    """All committed records of a topic by partition, in order."""
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=8 * 1024 * 1024,
        fetch_max_bytes=64 * 1024 * 1024,
    )
    try:
        await consumer.start()
        places = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: dict[int, list[Stored]] = {place.partition: [] for place in places}
        waiting = set(places)
        while waiting := {p for p in waiting if await consumer.position(p) < ends[p]}:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found[place.partition] += [
                    Stored(r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
                    for r in records
                    if r.offset < ends[place]
                ]
        return found
    finally:
        await consumer.stop()


async def ends(servers: str, topic: str, partitions: int) -> dict[int, int]:
    """The offset after the last committed record of each partition of a topic."""
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=None, isolation_level="read_committed"
    )
    try:
        await consumer.start()
        places = [TopicPartition(topic, number) for number in range(partitions)]
        return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}
    finally:
        await consumer.stop()
