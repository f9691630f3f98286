"""Commands as the API writes them: appended to ``<service>.in`` on all in-sync replicas, or said to be uncertain.

A producer is kept up while `run` runs. After any delivery that failed or took too long it is made anew: an idempotent
one may have a hole in its sequence numbers then, and the broker would refuse that partition for ever.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.contracts.traceparent import record_headers
from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.producer import make_producer, stop_producer
from libs.runtime.topics import create_topics, missing_topics
from libs.telemetry.one_line import one_line

_ANSWER: Final = 5.0  # seconds for one append
_CONNECT: Final = 10.0  # seconds for one attempt
_PAUSE: Final = 1.0  # seconds between two attempts
_FLUSH: Final = 3.0  # seconds for what is under way when a producer is stopped
_TELL_AGAIN: Final = 10.0

log = structlog.get_logger("stratafold.api")


class Unavailable(Exception):
    """Kafka did not acknowledge in time, or can't be asked; the text says why. The record may stand nevertheless."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command lies in its topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where to write; without a ``replication`` a topic that is missing is waited for."""

    kafka: KafkaAccess
    names: Names
    partitions: int
    replication: int | None = None


class Commands:
    """Writes to the input topic of one service."""

    def __init__(self, cluster: Cluster, service: str, answer: float = _ANSWER) -> None:
        self._cluster = cluster
        self._service = service
        self._topic = cluster.names.topic(f"{service}.in")
        self._answer = answer
        self.connected = asyncio.Event()
        """Set once the topics are known to be there."""
        self._producer: Any = None
        self._broken = asyncio.Event()
        self._why = "not connected yet"
        self._told = 0.0

    async def append(self, routing_key: str, value: bytes, traceparent: str | None = None) -> Place:
        """Where a command lies once all in-sync replicas have it; ``traceparent`` goes with it. Raises Unavailable."""
        producer = self._producer
        if producer is None:
            raise Unavailable(self._why)
        partition = partition_of(routing_key, self._cluster.partitions)
        try:
            async with asyncio.timeout(self._answer):
                headers = record_headers(traceparent)
                delivery = await producer.send(
                    self._topic, value, routing_key.encode(), partition, headers=headers
                )
                # shielded: who goes away must not take along what others wait for in the same batch
                told = await asyncio.shield(delivery)
        except TimeoutError:
            self._broken.set()
            raise Unavailable(f"no acknowledgement within {self._answer:g} s") from None
        except (KafkaError, AssertionError) as error:  # aiokafka asserts that a topic has the partition
            self._broken.set()
            raise Unavailable(one_line(error)) from error
        if told.offset is None or told.offset < 0:  # the broker had it already and does not say where
            raise Unavailable("the broker does not say where the command lies")
        return Place(partition, told.offset)

    async def run(self) -> None:
        """Keep a producer up until cancelled, then send what is under way. Raises WrongTopic."""
        while True:
            producer = await self._connect()
            self._broken.clear()
            self._producer = producer
            self.connected.set()
            try:
                await self._broken.wait()
                log.warning("a command was not acknowledged, the producer is made anew")
                self._why = "connecting anew"
            finally:
                self._producer = None
                await stop_producer(producer, _FLUSH)

    async def _connect(self) -> Any:
        while True:
            try:
                async with asyncio.timeout(_CONNECT):
                    return await self._start()
            except TimeoutError:
                self._tell(f"no answer from {self._cluster.kafka.servers} within {_CONNECT:g} s")
            except (KafkaError, OSError) as error:
                self._tell(one_line(error))
            heed_cancellation()
            await asyncio.sleep(_PAUSE)

    async def _start(self) -> Any:
        cluster, services = self._cluster, (self._service,)
        if cluster.replication is not None:
            await create_topics(
                cluster.kafka, cluster.names, services, cluster.partitions, cluster.replication
            )
        elif self._topic in await missing_topics(cluster.kafka, cluster.names, services, cluster.partitions):
            raise KafkaError(f"topic {self._topic} does not exist")
        producer = make_producer(cluster.kafka, "stratafold-api")
        try:
            await producer.start()
            await producer.partitions_for(self._topic)
        except BaseException:
            await stop_producer(producer, _FLUSH)
            raise
        return producer

    def _tell(self, why: str) -> None:
        """Note why Kafka can't be written to, and say so once in a while."""
        self._why = why
        if time.monotonic() - self._told > _TELL_AGAIN:
            log.warning(
                "kafka does not answer, commands get 503", why=why, servers=self._cluster.kafka.servers
            )
            self._told = time.monotonic()
