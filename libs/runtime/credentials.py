"""The compacted topic ``credentials``, the truth about tokens and API keys, and Redis filled from it.

A record is written to the topic and then brought to Redis by reading the topic on from where Redis is. What Redis lost,
also its last second, is brought again in the same way, by whoever looks next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import PartitionReader, let_go
from libs.runtime.topics import CREDENTIALS, create_credentials
from libs.security.credentials import API_KEY, TOKEN, Credential, Damaged, Kind, record, restore
from libs.telemetry.one_line import one_line
from libs.views.credentials import CredentialCache, Forgotten

_LOOK: Final = 1.0  # seconds between two looks at the topic
_PATIENCE: Final = 5.0  # seconds for the topic to answer

log = structlog.get_logger("stratafold.credentials")


class Away(Exception):
    """Kafka or Redis does not answer, so nobody can say whose a credential is; the text says which."""


class Credentials:
    """Looks tokens and API keys up, and follows the topic while `follow` runs.

    A ``replication`` lets `follow` create the topic where it is missing.
    """

    def __init__(
        self, cache: CredentialCache, kafka: KafkaAccess, names: Names, replication: int | None = None
    ) -> None:
        self._cache = cache
        self._kafka = kafka
        self._names = names
        self._replication = replication
        self._topic = names.topic(CREDENTIALS)
        self._turn = asyncio.Lock()
        self._reader: PartitionReader | None = None

    async def find(self, kind: Kind, sha256: str) -> Credential | None:
        """What is kept of a token or API key, by the SHA-256 of it. Raises Away, Damaged."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._find(f"{kind}:{sha256}")
        except (RedisError, OSError, TimeoutError) as why:
            raise Away(f"credentials can't be looked up: {one_line(why)}") from None

    async def _find(self, name: str) -> Credential | None:
        while True:
            try:
                found = await self._cache.get(name)
            except Forgotten:
                await self._refill()
                continue
            return None if found is None else restore(found)

    async def all(self) -> list[Credential]:
        """All that are not revoked, the oldest first; damaged records are left out. Raises RedisError, Forgotten."""
        found = []
        for name, value in (await self._cache.everything()).items():
            try:
                found.append(restore(value))
            except Damaged:
                log.warning("a record of the topic can't be read", record=name)
        return sorted(found, key=lambda one: (one.created_at, one.sha256))

    async def _refill(self) -> None:
        if self._reader is None:
            raise Away("credentials are being read from Kafka, which does not answer yet")
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.refresh(self._reader)
        except (KafkaError, TimeoutError) as why:
            raise Away(f"credentials can't be read from Kafka: {one_line(why)}") from None

    async def refresh(self, reader: PartitionReader) -> None:
        """Bring Redis to the end of the topic. Raises KafkaError, RedisError."""
        async with self._turn:
            while not await self._advance(reader):
                pass

    async def _advance(self, reader: PartitionReader) -> bool:
        since = await self._cache.reached()
        begin, end = await reader.bounds()
        if since is not None and since > end:
            log.warning("the topic is shorter than it was: it counts, and Redis is filled again", end=end)
            await self._cache.forget()
            return False
        if since == end:
            return True
        changes: dict[str, bytes] = {}
        async for chunk in reader.read(max(begin, since or 0), end):
            for one in chunk:
                name = (one.key or b"").decode(errors="replace")
                if name.startswith((f"{TOKEN}:", f"{API_KEY}:")):
                    changes[name] = one.value or b""
        return await self._cache.advance(since, end, changes)

    async def follow(self) -> None:
        """Keep Redis at the end of the topic, until cancelled; wait, saying why, while Kafka or Redis is away.

        Raises WrongTopic.
        """
        told = False
        while True:
            try:
                async with asyncio.timeout(2 * _PATIENCE) as patience, self.open() as reader:
                    if self._replication is not None:
                        await create_credentials(self._kafka, self._names, self._replication)
                    self._reader = reader
                    while True:
                        patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE)
                        await self.refresh(reader)
                        if told:
                            log.info("credentials are followed again")
                        told = False
                        heed_cancellation()
                        await asyncio.sleep(_LOOK)
            except (KafkaError, RedisError, OSError, TimeoutError) as why:
                if not told:
                    log.warning("credentials can't be followed", why=one_line(why))
                told = True
            finally:
                self._reader = None
            await asyncio.sleep(_LOOK)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PartitionReader]:
        """A reader of the topic. Raises KafkaError."""
        consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
            **self._kafka.options(),
            client_id="stratafold-credentials",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            yield PartitionReader(consumer, self._topic, 0)
        finally:
            await let_go(consumer)

    async def keep(self, producer: AIOKafkaProducer, credential: Credential) -> None:
        """Write a credential to the topic. Raises KafkaError."""
        key, value = record(credential)
        await producer.send_and_wait(self._topic, value, key, partition=0)

    async def revoke(self, producer: AIOKafkaProducer, credential: Credential) -> None:
        """Write a credential's tombstone to the topic. Raises KafkaError."""
        await producer.send_and_wait(self._topic, None, credential.name.encode(), partition=0)
