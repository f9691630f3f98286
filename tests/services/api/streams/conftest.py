"""A strategies worker, an agents worker and servers of the streams, on the run's Kafka and Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from libs.local.ports import free_port
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import WorkerProcess
from tests.services.api.streams.clients import signed
from tests.stack import Servers

SERVICES = ("strategies", "agents")


@dataclass
class Served:
    """What a test runs."""

    deployment: Deployment
    servers: dict[int, WorkerProcess] = field(default_factory=dict)

    async def serve(self, port: int | None = None, **settings: str) -> int:
        """Start a server; its port, once it lets clients in."""
        port = port or free_port()
        started = self.deployment.start(
            "streams", "tests.services.api.streams.server", STRATAFOLD_API_PORT=str(port), **settings
        )
        self.servers[port] = started
        end = time.monotonic() + 40
        while True:
            try:
                async with connect(signed(port, "nobody")):
                    return port
            except (OSError, WebSocketException) as why:
                if time.monotonic() > end or started.status is not None:
                    raise AssertionError(f"{why!r}\n{self.deployment.last_words()}") from why
                await asyncio.sleep(0.1)

    async def push(self, account: str, *values: bytes, service: str = "strategies") -> None:
        """Append inputs under a key."""
        topic = self.deployment.topic(f"{service}.in")
        await self.deployment.push([Push(topic, value, account.encode()) for value in values])

    async def settle(self) -> None:
        """Wait until all is folded."""
        await self.deployment.settle(services=SERVICES)


@pytest.fixture
async def served(shared_servers: Servers, namespace: str, tmp_path: Path) -> AsyncIterator[Served]:
    """Workers that run; servers are for the test to start."""
    deployment = Deployment(shared_servers, namespace, tmp_path)
    await create_topics(
        KafkaAccess(shared_servers.kafka), deployment.names, SERVICES, deployment.partitions, 1
    )
    for service in SERVICES:
        deployment.start(service, STRATAFOLD_SERVICES=",".join(SERVICES))
    yield Served(deployment)
    deployment.stop()
