"""Topics that no longer keep their beginning: what can't be compared is counted, what can be still is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from redis.asyncio import Redis

from libs.runtime.verification.findings import Kind
from tests.e2e.examples import EXECUTION_AWAITING
from tests.faults.traffic import traffic
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import Push, ends
from tests.real.verify import verify
from tests.stack import Servers

pytestmark = pytest.mark.real


@pytest.fixture
async def folded(shared_servers: Servers, namespace: str, tmp_path: Path) -> AtRest:
    """Executions of one partition, of which everything is kept."""
    deployment = Deployment(shared_servers, namespace, tmp_path, partitions=1)
    await deployment.create()
    deployment.start("executions")
    await deployment.push(traffic(deployment, 9, 400))
    await deployment.settle(services=("executions",))
    assert deployment.stop() == [0]
    return AtRest(deployment)


async def remove(deployment: Deployment, shares: Mapping[str, float]) -> None:
    """Remove the beginnings of topics, as retention does: of each a share of its offsets."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.servers.kafka)
    await admin.start()
    try:
        for name, share in shares.items():
            topic = deployment.topic(name)
            end = (await ends(deployment.servers.kafka, topic, 1))[0]
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(round(end * share))})
    finally:
        await admin.close()


@pytest.fixture
async def aged(folded: AtRest) -> AtRest:
    """Executions of which input, events and dead letters have lost about half, each its own."""
    await remove(
        folded.deployment, {"executions.in": 1 / 2, "executions.events": 1 / 3, "executions.dead": 1 / 2}
    )
    return folded


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


async def test_redis_must_be_where_the_log_is_though_no_input_is_kept(folded: AtRest) -> None:
    """An idle partition's input goes by its age; a Redis that is empty then is told all the same."""
    deployment = folded.deployment
    await remove(deployment, {"executions.in": 1})
    found = await folded.verify()
    assert not found.counts, found
    assert not found.unchecked
    prefix = deployment.names.partition_prefix("executions", 0)
    async with Redis.from_url(deployment.servers.redis) as redis:
        await redis.delete(*[key async for key in redis.scan_iter(match=prefix + "*")])
    assert (await folded.verify()).counts.keys() >= {Kind.REDIS_POSITION, Kind.REDIS_ENTITY}


async def test_input_that_was_removed_before_it_was_folded_is_named(folded: AtRest) -> None:
    """The worker goes on behind it, and the log passes over it for ever: nothing differs, but not all is known."""
    deployment = folded.deployment
    topic = deployment.topic("executions.in")
    folded_last = (await ends(deployment.servers.kafka, topic, 1))[0] - 1
    await deployment.push([Push(topic, b"never folded", b"k")] * 5)
    await remove(deployment, {"executions.in": 1})
    lost = folded_last + 1, folded_last + 5
    said = f"passes over 5 input offsets from {lost[0]} to {lost[1]}"
    for behind in ("the log's end", "its last record"):
        if behind == "its last record":
            deployment.start("executions")
            await deployment.push([Push(topic, EXECUTION_AWAITING, b"k")])
            await deployment.settle(services=("executions",))
            assert deployment.stop() == [0]
        status, text = verify(deployment, "executions")
        assert status == 0, text
        assert said in text
        assert "All that can be checked agrees." in text
        status, text = verify(deployment, "executions", "--json")
        assert status == 0, text
        assert json.loads(text)["services"]["executions"]["skipped"] == [
            {
                "partition": 0,
                "offsets": 5,
                "runs": 1,
                "first": lost[0],
                "last": lost[1],
                "longest": list(lost),
            }
        ]


async def test_of_what_an_input_no_longer_keeps_only_the_old_is_excused(folded: AtRest) -> None:
    """Notices of a minute ago were removed by hand, or never sent: as nobody can tell, it is no agreement."""
    assert not (await folded.verify()).unchecked
    await remove(folded.deployment, {"operations.in": 1})
    found = await folded.verify()
    assert not found.counts, found
    (unchecked,) = found.unchecked
    assert "notices owed to operations.in partition 0" in unchecked
