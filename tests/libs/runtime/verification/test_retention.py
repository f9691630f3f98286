"""Topics that no longer keep their beginning: what can't be compared is counted, what can be still is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from redis.asyncio import Redis

from libs.runtime.verification.findings import Kind
from tests.faults.traffic import traffic
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import ends
from tests.stack import Servers

pytestmark = pytest.mark.real


@pytest.fixture
async def aged(shared_servers: Servers, namespace: str, tmp_path: Path) -> AsyncIterator[AtRest]:
    """Executions of which input, events and dead letters have lost about half, each its own."""
    deployment = Deployment(shared_servers, namespace, tmp_path, partitions=1)
    await deployment.create()
    deployment.start("executions")
    await deployment.push(traffic(deployment, 9, 400))
    await deployment.settle(services=("executions",))
    assert deployment.stop() == [0]
    admin = AIOKafkaAdminClient(bootstrap_servers=shared_servers.kafka)
    await admin.start()
    try:
        for stream, share in (("in", 2), ("events", 3), ("dead", 2)):
            topic = deployment.topic(f"executions.{stream}")
            end = (await ends(shared_servers.kafka, topic, 1))[0]
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(end // share)})
        yield AtRest(deployment)
    finally:
        await admin.close()


async def test_what_is_gone_is_counted_and_the_rest_compared(aged: AtRest) -> None:
    """The log tells what the input can't; Redis and state are compared in full."""
    found = await aged.verify()
    assert not found.counts, found
    assert not found.unchecked
    assert found.excused["input"] > 0
    assert found.excused["events"] > 0
    assert found.excused["dead"] > 0
    assert found.checked["input"] + found.excused["input"] == found.checked["log"]
    deployment = aged.deployment
    prefix = deployment.names.partition_prefix("executions", 0)
    async with Redis.from_url(deployment.servers.redis) as redis:
        first = (await redis.zrange(f"{prefix}by:status:settled", 0, 0))[0]
        assert isinstance(first, bytes)
        await redis.hset(f"{prefix}execution:{first.decode()}", "participant_code", "other")
    assert dict((await aged.verify()).counts) == {Kind.REDIS_FIELD: 1}
