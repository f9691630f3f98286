"""Kafka as the gateway writes it: the one place with aiokafka.

A producer is kept up for as long as the process runs: made anew after any delivery that failed for good (an idempotent
producer has a hole in its sequence numbers then, and the broker would refuse that partition for ever), waited for while
Kafka is away. Only a client that stays stuck although a fresh connection to the same brokers works ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.producer import learn_topics, stop_producer
from libs.runtime.topics import create_topics
from libs.telemetry.one_line import one_line
from services.gateway.intake import WEBHOOKS, Accepted
from services.gateway.ports import Unavailable
from services.gateway.probe import writable

SERVICES: Final = tuple(webhook.service for webhook in WEBHOOKS)
_BATCH_BYTES: Final = 128 * 1024
_LARGEST_REQUEST: Final = 1024 * 1024
_TELL_AGAIN: Final = 10.0

log = structlog.get_logger("stratafold.gateway")


class Stuck(Exception):
    """The client gets nothing acknowledged although the brokers answer others: the process should end."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to write, and what the topics have to look like."""

    kafka: KafkaAccess
    names: Names
    partitions: int
    replication: int = 1
    create_topics: bool = True


@dataclass(frozen=True, slots=True)
class Deadlines:
    """All in seconds."""

    answer: float = 5.0
    """For one append: past it, its sender gets 503."""
    connect: float = 10.0
    """For one attempt to connect."""
    look: float = 3.0
    """For Kafka to answer when it is asked whether it is there."""
    pause: float = 1.0
    """Between two looks or attempts."""
    stuck: float = 15.0
    """Without an answer, before a fresh connection is tried beside the old one."""
    patience: float = 10.0
    """For which fresh connections have to work, and the old one not, before it is given up."""
    flush: float = 3.0
    """For what is under way when a producer is stopped."""


class KafkaProducer:
    """The gateway's port to Kafka. `run` has to be running for `append` to succeed."""

    def __init__(self, cluster: Cluster, deadlines: Deadlines | None = None) -> None:
        self._cluster = cluster
        self._deadlines = deadlines or Deadlines()
        self._topics = {service: cluster.names.topic(f"{service}.in") for service in SERVICES}
        self._producer: Any = None
        self._broken = asyncio.Event()
        self._waiting: dict[asyncio.Future[Any], float] = {}
        self._why: str | None = "not connected yet"
        self._told = 0.0

    def obstacle(self) -> str | None:
        """Why Kafka does not answer, as of the last look a second or so ago."""
        return self._why

    async def append(self, accepted: Accepted) -> None:
        """Return once all in-sync replicas have the record. Raises Unavailable."""
        producer = self._producer
        if producer is None:
            raise Unavailable(self._why or "connecting anew")
        try:
            async with asyncio.timeout(self._deadlines.answer):
                delivery = await producer.send(
                    self._topics[accepted.service],
                    accepted.value,
                    accepted.key.encode(),
                    partition_of(accepted.key, self._cluster.partitions),
                    headers=list(accepted.headers),
                )
                self._waiting[delivery] = time.monotonic()
                delivery.add_done_callback(self._settled)
                # Shielded: past the deadline the delivery goes on, and how it ends says how Kafka is.
                await asyncio.shield(delivery)
        except TimeoutError:
            raise Unavailable(f"no acknowledgement within {self._deadlines.answer:g} s") from None
        except (KafkaError, AssertionError) as error:  # aiokafka asserts that a topic has the partition
            self._break(error)
            raise Unavailable(one_line(error)) from error

    async def run(self) -> None:
        """Keep a producer up until cancelled, then send what is under way. Raises WrongTopic, Stuck."""
        while True:
            producer = await self._connect()
            self._waiting.clear()
            self._broken.clear()
            self._producer = producer
            self._tell(None)
            try:
                await self._watch(producer)
            finally:
                self._producer = None
                await stop_producer(producer, self._deadlines.flush)

    async def _connect(self) -> Any:
        while True:
            try:
                async with asyncio.timeout(self._deadlines.connect):
                    return await self._start()
            except TimeoutError:
                self._tell(
                    f"no answer from {self._cluster.kafka.servers} within {self._deadlines.connect:g} s"
                )
            except (KafkaError, OSError) as error:
                self._tell(one_line(error))
            await asyncio.sleep(self._deadlines.pause)

    async def _start(self) -> Any:
        cluster = self._cluster
        if cluster.create_topics:
            await create_topics(
                cluster.kafka, cluster.names, SERVICES, cluster.partitions, cluster.replication
            )
        producer = AIOKafkaProducer(
            **cluster.kafka.options(),
            client_id="stratafold-gateway",
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_LARGEST_REQUEST,
            linger_ms=1,
            request_timeout_ms=10_000,
            retry_backoff_ms=200,
        )
        try:
            await producer.start()
            await learn_topics(producer, self._topics.values(), cluster.partitions)
        except BaseException:
            await stop_producer(producer, self._deadlines.flush)
            raise
        return producer

    async def _watch(self, producer: Any) -> None:
        """Return when the producer is broken. Raises Stuck."""
        answered = time.monotonic()
        fresh_since: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._broken.wait(), self._deadlines.pause)
            if self._broken.is_set():
                return
            why = await self._look(producer)
            self._tell(why)
            now = time.monotonic()
            if why is None:
                answered, fresh_since = now, None
            elif now - answered > self._deadlines.stuck:
                if not await writable(self._cluster.kafka, list(self._topics.values()), self._deadlines.look):
                    fresh_since = None
                elif fresh_since is None:
                    fresh_since = now
                elif now - fresh_since > self._deadlines.patience:
                    raise Stuck(f"{why}, for {now - answered:.0f} s, while a fresh connection works")

    async def _look(self, producer: Any) -> str | None:
        """Why Kafka does not answer, as this producer sees it."""
        try:
            async with asyncio.timeout(self._deadlines.look):
                if not await producer.client.force_metadata_update():
                    return f"no broker answers at {self._cluster.kafka.servers}"
        except TimeoutError:
            return f"no answer from {self._cluster.kafka.servers} within {self._deadlines.look:g} s"
        oldest = next(iter(self._waiting.values()), None)
        if oldest is not None and time.monotonic() - oldest > self._deadlines.answer:
            return f"no acknowledgement within {self._deadlines.answer:g} s"
        return None

    def _settled(self, delivery: asyncio.Future[Any]) -> None:
        if self._waiting.pop(delivery, None) is None or delivery.cancelled():
            return
        error = delivery.exception()
        if error is not None:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        if not self._broken.is_set():
            log.warning("a delivery failed, the producer is made anew", why=one_line(error))
            self._broken.set()

    def _tell(self, why: str | None) -> None:
        """Note how Kafka is; say so when that changes, and again once in a while as long as it is away."""
        now = time.monotonic()
        before, self._why = self._why, why
        if why is None:
            if before is not None:
                log.info("kafka answers", servers=self._cluster.kafka.servers)
            self._told = 0.0
        elif now - self._told > _TELL_AGAIN:
            log.warning(
                "kafka does not answer, webhooks get 503", why=why, servers=self._cluster.kafka.servers
            )
            self._told = now
