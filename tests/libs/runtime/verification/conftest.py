"""Both services' work over the sources' examples and some hundred records, then at rest; and the oracle to ask."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from libs.local.stack import LocalStack
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.rebuild import Rebuild
from libs.runtime.verification.findings import Findings
from libs.runtime.verification.service_check import opened
from libs.views.redis_access import RedisAccess
from tests.contracts.golden import AGGREGATES
from tests.e2e import examples
from tests.faults.traffic import traffic
from tests.real.deployment import SERVICES, Deployment
from tests.real.topics import Push
from tests.stack import Servers

HISTORY = 10_000


class Unseen:
    """Where nobody looks."""

    def expect(self, count: int) -> None:
        """Nothing."""

    def done(self, count: int) -> None:
        """Nothing."""


@dataclass
class AtRest:
    """A deployment whose workers have stopped."""

    deployment: Deployment

    async def verify(self, service: str = "executions", wait: float = 5.0) -> Findings:
        """What the oracle finds."""
        d = self.deployment
        kafka, redis = KafkaAccess(d.servers.kafka), RedisAccess(d.servers.redis)
        async with opened(kafka, redis, d.names, d.partitions, HISTORY) as oracle:
            assert await oracle.has_topics(service)
            return await oracle.check(AGGREGATES[service], wait, Unseen())

    async def rebuild(self, service: str = "executions") -> None:
        """Make Redis anew."""
        d = self.deployment
        kafka = KafkaAccess(d.servers.kafka)
        async with Redis.from_url(d.servers.redis) as redis:
            rebuild = Rebuild(AGGREGATES[service], d.names, kafka, redis, HISTORY, lambda _: None)
            await rebuild.run(d.partitions)


def example_records(deployment: Deployment) -> list[Push]:
    """Every example of 000 and 003."""
    return [
        Push(deployment.topic(f"{name.partition('_')[0].lower()}s.in"), body, b"any key")
        for name, body in vars(examples).items()
        if name.startswith(("OPERATION_", "EXECUTION_")) and isinstance(body, bytes)
    ]


@pytest.fixture(scope="module")
def at_rest(own_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AtRest:
    """The examples and 600 records folded, some of them forwarded and quarantined; a Redis that may be flushed."""
    deployment = Deployment(
        Servers(own_stack.kafka_servers, own_stack.redis_url),
        f"v-{uuid.uuid4().hex[:8]}",
        tmp_path_factory.mktemp("at-rest"),
        partitions=2,
    )

    async def fold() -> None:
        await deployment.create()
        for service in SERVICES:
            deployment.start(service)
        await deployment.push([*example_records(deployment), *traffic(deployment, 5, 600)])
        await deployment.settle()

    try:
        asyncio.run(fold())
    finally:
        statuses = deployment.stop()
    assert statuses == [0, 0]
    return AtRest(deployment)
