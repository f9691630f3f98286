"""The group's consumer as FastStream drives it and we steer it: raw batches out, partitions in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from libs.runtime.reader import Record

SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_MS: Final = 1_000
_POLL_MS: Final = 10  # an empty poll sleeps this long once more: what an idle partition adds to latency
_POLLED: Final = 2_000  # records; what is handed over waits in the inboxes, which pause the consumer

Handle = Callable[
    [Any], Awaitable[None]
]  # takes what _give_raw gives; FastStream builds a model of a narrower type
Change = Callable[[Iterable[TopicPartition]], Awaitable[None]]


async def _keep_raw(message: tuple[Record, ...]) -> KafkaMessage:
    """Take the records as they are: FastStream's parser fails on header values that are null or not UTF-8."""
    first, last = message[0], message[-1]
    return KafkaMessage(
        raw_message=message,
        body=b"",
        message_id=f"{first.topic}/{first.partition}/{first.offset}-{last.offset}",
        consumer=None,  # type: ignore[arg-type]  # only acknowledging would use it, and offsets are ours
    )


async def _give_raw(message: KafkaMessage) -> Any:
    return message.raw_message


def subscribe(
    broker: KafkaBroker, topic: str, group: str, handle: Handle, listener: Listener
) -> BatchSubscriber:
    """Declare the one subscriber of a worker: manual offsets, committed records, from the beginning if unknown."""
    subscriber = broker.subscriber(
        topic,
        batch=True,
        group_id=group,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_records=_POLLED,
        batch_timeout_ms=_POLL_MS,
        fetch_max_wait_ms=100,
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=2 * 1024 * 1024,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        listener=listener,
        parser=_keep_raw,
        decoder=_give_raw,
    )
    subscriber(handle)
    assert isinstance(subscriber, BatchSubscriber)
    return subscriber


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Passes on what the group decides."""

    def __init__(self, assigned: Change, revoked: Change) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take up partitions; fetching starts once this returns."""
        await self._assigned(assigned)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let partitions go; the group waits until this returns."""
        await self._revoked(revoked)


class Source:
    """One partition's share of the consumer; what is no longer assigned is left alone."""

    def __init__(self, consumer: AIOKafkaConsumer[Any, Any], tp: TopicPartition) -> None:
        self._consumer = consumer
        self._tp = tp

    def pause(self) -> None:
        """Fetch nothing of this partition until ``resume``."""
        if self._ours():
            self._consumer.pause(self._tp)

    def resume(self) -> None:
        """Fetch again."""
        if self._ours():
            self._consumer.resume(self._tp)

    def seek(self, offset: int) -> None:
        """Fetch from an input offset on."""
        if self._ours():
            self._consumer.seek(self._tp, offset)

    async def commit(self, offset: int) -> None:
        """Tell the group the input offset to come next. Raises KafkaError."""
        if self._ours():
            try:
                await self._consumer.commit({self._tp: offset})
            except IllegalStateError:
                return  # lost between the question and the commit

    def _ours(self) -> bool:
        return self._tp in self._consumer.assignment()


def by_partition(records: tuple[Record, ...]) -> Iterable[tuple[int, list[Record]]]:
    """A poll's records, partition by partition in order, as the consumer chains them."""
    for partition, run in groupby(records, key=attrgetter("partition")):
        yield partition, list(run)
