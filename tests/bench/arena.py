"""The Kafka and the Redis of a benchmark run, in a temporary folder: topics, keys, and where they stand."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import redis as sync_redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from libs.contracts.names import Names
from libs.local.ports import free_port
from libs.local.stack import LocalStack
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.bench.workload import PARTITIONS

# The broker's clock on what a subject writes as on what it reads: one clock tells when a record came to be.
_BY_THE_BROKER = {"message.timestamp.type": "LogAppendTime"}


class Arena:
    """A running stack; what is measured has a namespace of its own on it, and nothing of the one before is left."""

    def __init__(self, stack: LocalStack, folder: Path, admin: Any, reader: Any) -> None:
        self.folder = folder
        self.kafka = stack.kafka_servers
        self.redis = sync_redis.Redis.from_url(stack.redis_url)
        self.redis_url = stack.redis_url
        self._stack = stack
        self._admin = admin
        self._reader = reader

    @property
    def processes(self) -> dict[str, psutil.Process]:
        """The servers' processes."""
        servers = {"broker": self._stack.kafka, "redis": self._stack.redis}
        return {role: psutil.Process(server.pid) for role, server in servers.items()}

    def environment(self, namespace: str) -> dict[str, str]:
        """The settings of a program that is measured."""
        return {
            "STRATAFOLD_KAFKA": self.kafka,
            "STRATAFOLD_REDIS": self._stack.redis_url,
            "STRATAFOLD_NAMESPACE": namespace,
            "STRATAFOLD_PARTITIONS": str(PARTITIONS),
        }

    async def prepare(self, names: Names, outputs: Iterable[str]) -> None:
        """Empty Kafka and Redis of earlier namespaces, and create the topics of this one."""
        if old := [topic for topic in await self._admin.list_topics() if not topic.startswith("_")]:
            await self._admin.delete_topics(old)
        self.redis.flushall()
        await self._rewrite_file()
        topics = [
            NewTopic(names.topic(name), PARTITIONS, 1, topic_configs=_BY_THE_BROKER) for name in outputs
        ]
        await self._admin.create_topics(topics)
        await create_topics(KafkaAccess(self.kafka), names, ("executions", "operations"), PARTITIONS, 1)

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last record of each partition."""
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        ends = await self._reader.end_offsets(places)
        return {place.partition: end for place, end in ends.items()}

    async def last_append(self, topic: str) -> float:
        """When the last record came (epoch, s), by the broker's clock; the topic has the broker's times."""
        ends = await self.ends(topic)
        starts = {number: end - 1 for number, end in ends.items() if end}
        return max([at async for _, _, at, _ in self.records(topic, starts)]) / 1000

    async def records(
        self, topic: str, starts: dict[int, int]
    ) -> AsyncIterator[tuple[int, int, int, dict[str, bytes]]]:
        """Partition, offset, time in ms and headers of all records from the given offsets to the present end."""
        ends = await self.ends(topic)
        open_ = {TopicPartition(topic, n): start for n, start in starts.items() if start < ends[n]}
        self._reader.assign(list(open_))
        for place, start in open_.items():
            self._reader.seek(place, start)
        waiting = set(open_)
        while waiting:
            for place, records in (await self._reader.getmany(timeout_ms=500)).items():
                for r in records:
                    yield r.partition, r.offset, r.timestamp, dict(r.headers)
                if await self._reader.position(place) >= ends[place.partition]:
                    waiting.discard(place)
        # Else it would ask the broker for these topics without a pause once they are deleted.
        self._reader.unsubscribe()

    async def _rewrite_file(self) -> None:
        """Have Redis forget what its append-only file still holds of earlier rounds."""
        self.redis.bgrewriteaof()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            told = self.redis.info("persistence")
            if not (told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"]):
                return


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """A stack of its own on free ports, gone with its data at the end."""
    with tempfile.TemporaryDirectory(prefix="stratafold-bench-") as folder:
        kafka_port = free_port()
        stack = LocalStack(Path(folder) / "stack", kafka_port, free_port(kafka_port))
        stack.up()
        try:
            admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_servers)
            reader: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
                bootstrap_servers=stack.kafka_servers,
                group_id=None,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            await admin.start()
            await reader.start()
            try:
                yield Arena(stack, Path(folder), admin, reader)
            finally:
                await reader.stop()
                await admin.close()
        finally:
            stack.down()
