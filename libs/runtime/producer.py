"""Producers as every process has them: idempotent, acknowledged by all in-sync replicas, and stopped for good."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import WrongTopic
from libs.telemetry.one_line import one_line

_BATCH_BYTES: Final = (
    1_900 * 1024
)  # just below what `in` takes: the fewer batches, the less a broker has to do
_LARGEST_REQUEST: Final = 4 * 1024 * 1024

log = structlog.get_logger("stratafold.producer")


def make_producer(kafka: KafkaAccess, client_id: str, compression: str | None = None) -> AIOKafkaProducer:
    """An idempotent producer; its retries never expire, so every caller sets a deadline of its own."""
    return AIOKafkaProducer(
        **kafka.options(),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
        max_request_size=_LARGEST_REQUEST,
        linger_ms=0,
        compression_type=compression,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
    )


async def learn_topics(producer: AIOKafkaProducer, topics: Iterable[str], partitions: int) -> None:
    """Have a started producer know its topics. Raises KafkaError where one is missing, WrongTopic where it is another.

    All topics are asked for at once: asking for one that isn't there could make the broker create it, its own way.
    """
    known = await producer.client.fetch_all_metadata()
    for topic in topics:
        found = known.partitions_for_topic(topic)
        if found is None:
            raise KafkaError(f"topic {topic} does not exist")
        if len(found) != partitions:
            raise WrongTopic(
                f"topic {topic} has {len(found)} partitions, but STRATAFOLD_PARTITIONS is {partitions}"
            )
        await producer.partitions_for(topic)


async def stop_producer(producer: Any, seconds: float) -> None:
    """Send what is under way for so long, then let go of the connections whatever has become of it."""
    try:
        async with asyncio.timeout(seconds):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError) as why:
        log.warning("a producer was stopped with records under way", why=one_line(why))
        # nothing public ends a sender that can't flush, and it would retry for ever
        sender = producer._sender.sender_task  # noqa: SLF001
        if sender is not None:
            sender.cancel()
        with contextlib.suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(seconds):
                await producer.client.close()
