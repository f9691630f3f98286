"""Kafka and Redis for commands that ask once: who does not answer in a few seconds is said to be away, in one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from libs.runtime.journal import ProducerBroken
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.producer import make_producer
from libs.runtime.reader import let_go
from libs.settings import Settings
from libs.telemetry.one_line import one_line
from libs.telemetry.redaction import redact_text
from libs.views.redis_access import RedisAccess
from services.cli.failures import Failure

T = TypeVar("T")

CLIENT: Final = "stratafold-cli"
KAFKA_FAILURES: Final = (TimeoutError, KafkaError, ProducerBroken)
_REDIS_SECONDS: Final = 4.0
_SETTLE_SECONDS: Final = 10.0
_FETCH_BYTES: Final = 4 * 1024 * 1024


def run(command: Coroutine[Any, Any, T], settings: Settings) -> T:
    """Run a command to its end. Raises Failure where Kafka or Redis fails it."""
    # what the client says of its retries is said by the one line, too
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(command)
    except RedisError as why:
        raise _redis_away(settings, why) from None
    except KAFKA_FAILURES as why:
        raise Failure(kafka_failed(settings, why)) from None


def kafka_failed(settings: Settings, why: Exception) -> str:
    """One of KAFKA_FAILURES, told."""
    kafka = f"Kafka at {settings.kafka_servers}"
    return (
        f"{kafka} does not answer in time"
        if isinstance(why, TimeoutError)
        else f"{kafka} failed: {_said(why)}"
    )


def _redis_away(settings: Settings, why: Exception) -> Failure:
    at = "STRATAFOLD_REDIS" if settings.redis is not None else f"127.0.0.1:{settings.local_redis_port}"
    return Failure(f"Redis ({at}) does not answer as it should: {_said(why)}")


def _said(why: BaseException) -> str:
    return redact_text(one_line(why))


def make_redis(settings: Settings, seconds: float = _REDIS_SECONDS) -> Redis:
    """A client that tries once, for some seconds."""
    return RedisAccess.of(settings).client(
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[Redis]:
    """A Redis that answered. Raises Failure where it does not."""
    redis = make_redis(settings)
    try:
        try:
            await redis.ping()
        except (RedisError, OSError, TimeoutError) as why:
            raise _redis_away(settings, why) from None
        yield redis
    finally:
        await redis.aclose()


async def check_kafka(settings: Settings) -> None:
    """See whether a broker answers. Raises Failure where none does."""
    if not await kafka_answers(KafkaAccess.of(settings)):
        raise Failure(f"Kafka at {settings.kafka_servers} does not answer")


def make_consumer(settings: Settings, **options: Any) -> AIOKafkaConsumer[Any, Any]:
    """A consumer without a group, for partitions that are assigned by hand; reads committed records only."""
    return AIOKafkaConsumer(
        **KafkaAccess.of(settings).options(),
        client_id=CLIENT,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        **options,
    )


@asynccontextmanager
async def open_consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer[Any, Any]]:
    """A consumer of a Kafka that answered. Raises Failure where it does not."""
    await check_kafka(settings)
    consumer = make_consumer(settings, max_partition_fetch_bytes=_FETCH_BYTES)
    try:
        await _in_time(consumer.start())
        yield consumer
    finally:
        await let_go(consumer)


@asynccontextmanager
async def open_producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer to a Kafka that answered. Raises Failure where it does not."""
    await check_kafka(settings)
    producer = make_producer(KafkaAccess.of(settings), CLIENT, "zstd")
    try:
        await _in_time(producer.start())
        yield producer
    finally:
        with suppress(TimeoutError, KafkaError):  # the process ends, and whatever hangs with it
            async with asyncio.timeout(_SETTLE_SECONDS):
                await producer.stop()


async def _in_time(starting: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(_SETTLE_SECONDS):
        await starting


async def bounds(
    consumer: AIOKafkaConsumer[Any, Any], tps: list[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """Of each partition the first offset that is there and the one after the last committed record.

    Raises KafkaError, TimeoutError.
    """
    async with asyncio.timeout(_SETTLE_SECONDS):
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    return {tp: (begins[tp], ends[tp]) for tp in tps}


async def partition_counts(settings: Settings, topics: list[str]) -> dict[str, int]:
    """The number of partitions of those topics that exist, of a Kafka that answers. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**KafkaAccess.of(settings).options(), client_id=CLIENT)
    async with asyncio.timeout(_SETTLE_SECONDS):
        await admin.start()
        try:
            existing = set(await admin.list_topics())
            described = await admin.describe_topics([topic for topic in topics if topic in existing] or None)
        finally:
            await admin.close()
    return {one["topic"]: len(one["partitions"]) for one in described if one["topic"] in topics}
