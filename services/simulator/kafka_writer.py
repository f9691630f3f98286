"""Kafka as a made-up broker and a portfolio manager write it: one record at a time, on all in-sync replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.producer import make_producer, stop_producer
from libs.runtime.topics import CREDENTIALS, WrongTopic, create_credentials, create_topics
from libs.security.credentials import Credential, record
from libs.settings import Settings, SettingsError

SERVICE: Final = "versions"
_FLUSH: Final = 2.0  # seconds for what is under way when the producer is stopped

log = structlog.get_logger("stratafold.simulator")


class KafkaWriter:
    """Appends records to topics of one namespace."""

    def __init__(self, producer: AIOKafkaProducer, names: Names, partitions: int) -> None:
        self._producer = producer
        self._names = names
        self._partitions = partitions

    async def send(self, topic: str, key: str, value: bytes) -> None:
        """Append a record and return once Kafka has it, however long that takes. Raises KafkaError."""
        place = partition_of(key, self._partitions)
        await self._producer.send_and_wait(self._names.topic(topic), value, key.encode(), place)

    async def keep(self, credential: Credential) -> None:
        """Make a credential known to every API. Raises KafkaError."""
        key, value = record(credential)
        await self._producer.send_and_wait(self._names.topic(CREDENTIALS), value, key, partition=0)


@asynccontextmanager
async def open_writer(settings: Settings, client_id: str) -> AsyncIterator[KafkaWriter]:
    """A writer to topics that are there: where they may be made, the missing ones are.

    Raises SettingsError, KafkaError.
    """
    names, access = Names(settings.namespace), KafkaAccess.of(settings)
    if settings.create_topics:
        try:
            await create_topics(access, names, (SERVICE,), settings.partitions, settings.replication)
            await create_credentials(access, names, settings.replication)
        except WrongTopic as wrong:
            raise SettingsError(str(wrong)) from None
    producer = make_producer(access, client_id)
    try:
        await producer.start()
        yield KafkaWriter(producer, names, settings.partitions)
    finally:
        await stop_producer(producer, _FLUSH)
        heed_cancellation()
