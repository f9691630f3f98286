"""The group's consumer as FastStream drives it and we steer it: raw batches out, partitions in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from libs.runtime.cancellation import heed_cancellation
from libs.runtime.poller import Poller
from libs.runtime.reader import Record

SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_MS: Final = 1_000
_REBALANCE_TIMEOUT_MS: Final = 20_000  # what a revoked worker has for its last batches
_COMMITS_WITHIN: Final = 5.0  # seconds

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
    broker: KafkaBroker, topic: str, group: str, handle: Handle, listener: Listener, poller: Poller
) -> BatchSubscriber:
    """Declare the one subscriber of a worker: committed records, from offsets that recovery alone decides."""
    subscriber = broker.subscriber(
        topic,
        batch=True,
        group_id=group,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="none",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        fetch_max_bytes=16 * 1024 * 1024,
        max_partition_fetch_bytes=512 * 1024,
        rebalance_timeout_ms=_REBALANCE_TIMEOUT_MS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        listener=listener,
        parser=_keep_raw,
        decoder=_give_raw,
        no_reply=True,  # a stranger's reply_to header must not make us publish
    )
    subscriber(handle)
    assert isinstance(subscriber, BatchSubscriber)
    subscriber.get_msg = poller  # type: ignore[method-assign]
    return subscriber


async def start_subscriber(subscriber: BatchSubscriber, start: Callable[[], Awaitable[None]]) -> None:
    """FastStream's ``start``; where that fails nothing of it is left, so that it can be called again."""
    try:
        await start()
    except BaseException:
        await subscriber.stop()
        raise


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

    def __init__(self, consumer: AIOKafkaConsumer[Any, Any], tp: TopicPartition, state: str) -> None:
        self._consumer = consumer
        self._tp = tp
        self._state = state

    def hold(self) -> None:
        """Fetch nothing yet; the offset stands in until recovery knows better, lest there be none."""
        self._consumer.pause(self._tp)
        self._consumer.seek(self._tp, 0)

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
                async with asyncio.timeout(_COMMITS_WITHIN):
                    await self._consumer.commit({self._tp: offset})
            except (IllegalStateError, TimeoutError):
                return  # lost between the question and the commit, or the broker is busy: it is a hint
            except asyncio.CancelledError:
                heed_cancellation()
                return  # it was the client that gave up, and nobody cancelled us

    async def state_end(self) -> int:
        """The offset after the last record of the partition's ``.state``. Raises KafkaError."""
        state = TopicPartition(self._state, self._tp.partition)
        end: int = (await self._consumer.end_offsets([state]))[state]
        return end

    def _ours(self) -> bool:
        return self._tp in self._consumer.assignment()


def by_partition(records: tuple[Record, ...]) -> Iterable[tuple[int, list[Record]]]:
    """A poll's records, partition by partition in order, as the consumer chains them."""
    for partition, run in groupby(records, key=attrgetter("partition")):
        yield partition, list(run)
