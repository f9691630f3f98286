"""One namespace on a Kafka and a Redis: its topics, its workers, and waiting until all that was pushed is folded."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.real.topics import Place, Push, Stored, ends, push, read
from tests.real.workers import WorkerProcess
from tests.stack import Servers

SERVICES = ("executions", "operations")  # in the order in which one feeds the other


class HarnessFailed(Exception):
    """The tests' own clients could not look, so nothing can be said of the program."""


@dataclass
class Deployment:
    """What a test runs; ``folder`` is for the workers' log lines."""

    servers: Servers
    namespace: str
    folder: Path
    partitions: int = 3
    services: tuple[str, ...] = SERVICES
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def names(self) -> Names:
        """The namespace's names."""
        return Names(self.namespace)

    def topic(self, name: str) -> str:
        """Such as ``operations.in``, in the namespace."""
        return self.names.topic(name)

    def environment(self, **more: str) -> dict[str, str]:
        """The settings of a process of this deployment."""
        return {
            "STRATAFOLD_KAFKA": self.servers.kafka,
            "STRATAFOLD_REDIS": self.servers.redis,
            "STRATAFOLD_NAMESPACE": self.namespace,
            "STRATAFOLD_PARTITIONS": str(self.partitions),
            "STRATAFOLD_SERVICES": ",".join(self.services),
            **more,
        }

    async def create(self) -> None:
        """Create the topics."""
        await create_topics(KafkaAccess(self.servers.kafka), self.names, self.services, self.partitions, 1)

    def start(self, service: str, module: str | None = None, **settings: str) -> WorkerProcess:
        """Start a worker."""
        worker = WorkerProcess(
            module or f"services.{service}", self.environment(**settings), self.folder / f"{service}.log"
        )
        self.workers.append(worker)
        return worker

    def stop(self) -> list[int]:
        """Stop every worker that runs; their exit statuses."""
        running = [worker for worker in self.workers if worker.status is None]
        self.workers.clear()
        return [worker.stop() for worker in running]

    async def push(self, records: list[Push]) -> list[Place]:
        """Append input records; where they lie."""
        return await push(self.servers.kafka, records, self.partitions)

    async def read(self, name: str) -> dict[int, list[Stored]]:
        """All of a topic such as ``operations.log``, by partition."""
        return await read(self.servers.kafka, self.topic(name), self.partitions)

    async def logged(self, service: str, subject: str, seconds: float = 30) -> list[dict[str, Any]]:
        """All log records of a subject, once there is one that was folded at home."""
        end = time.monotonic() + seconds
        while True:
            runs = await self.read(f"{service}.log")
            records = [json.loads(one.value or b"") for run in runs.values() for one in run]
            found = [record for record in records if record["subject"] == subject]
            if any(record["verdict"] != "forwarded" for record in found):
                return found
            assert time.monotonic() < end, f"{subject} was never folded: {found}\n{self.last_words()}"
            await asyncio.sleep(0.2)

    async def settle(self, seconds: float = 90, services: tuple[str, ...] | None = None) -> None:
        """Wait until every partition is ready and has no lag.

        Raises AssertionError with the workers' last lines; HarnessFailed where nobody could look in the end.
        """
        end = time.monotonic() + seconds
        async with Redis.from_url(self.servers.redis, socket_timeout=5) as redis:
            lacking = ["nothing was looked at"]
            failed: Exception | None = None
            while lacking:
                said = f"after {seconds} s: {lacking}"
                if failed is not None and time.monotonic() >= end:
                    raise HarnessFailed(f"{said}\n{self.last_words()}") from failed
                assert time.monotonic() < end, f"{said}\n{self.last_words()}"
                await asyncio.sleep(0.2)
                failed = None
                try:
                    # feeders first: once they are done, nothing is added to what they feed
                    for service in services or self.services:
                        lacking = await self._lacking(redis, service)
                        if lacking:
                            break
                except (RedisError, KafkaError) as why:
                    lacking, failed = [repr(why)], why

    async def _lacking(self, redis: Redis, service: str) -> list[str]:
        topic = self.topic(f"{service}.in")
        found = []
        for partition, end in (await ends(self.servers.kafka, topic, self.partitions)).items():
            key = self.names.position(service, partition)
            offset, ready = await redis.hmget(key, "input_offset", "ready")
            if end == 0 and ready == b"1":
                continue
            if offset is None or int(offset) < end - 1 or ready != b"1":
                found.append(f"{key}: at {offset!r} of {end - 1}, ready {ready!r}")
        return found

    def last_words(self) -> str:
        """What the workers said last, and the statuses of those that ended."""
        said = [f"{w.log.stem}: status {w.status}" for w in self.workers]
        for log in sorted({worker.log for worker in self.workers}):
            said += [f"--- {log}", *log.read_text(errors="replace").splitlines()[-12:]]
        return "\n".join(said)
