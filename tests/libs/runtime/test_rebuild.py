"""A rebuild makes Redis equal to the log whatever Redis held, publishes nothing, and leaves the worker to go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.rebuild import Rebuild
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.service_check import opened
from libs.views.ownership import BeingRebuilt, NotOurs
from libs.views.redis_access import RedisAccess
from libs.views.store import PartitionStore
from services.executions import AGGREGATE
from tests.faults.traffic import traffic
from tests.real.deployment import Deployment
from tests.real.topics import Push, ends
from tests.services.cli.command import run
from tests.stack import Servers

pytestmark = pytest.mark.real

HISTORY = 10_000
SERVICE = ("executions",)


@pytest.fixture
def deployment(shared_servers: Servers, namespace: str, tmp_path: Path) -> Iterator[Deployment]:
    """A namespace with two partitions, whose workers are stopped at the end."""
    made = Deployment(shared_servers, namespace, tmp_path, partitions=2)
    yield made
    made.stop()


@pytest.fixture
async def redis(deployment: Deployment) -> AsyncIterator[Redis]:
    """Redis."""
    async with Redis.from_url(deployment.servers.redis) as client:
        yield client


async def feed(deployment: Deployment, seed: int, count: int) -> None:
    """Push so many deliveries of both services; executions are the ones to be folded."""
    await deployment.push(traffic(deployment, seed, count))


async def folded(deployment: Deployment, seed: int = 3, count: int = 400) -> None:
    """Fold some, and stop the worker."""
    await deployment.create()
    deployment.start("executions")
    await feed(deployment, seed, count)
    await deployment.settle(services=SERVICE)
    assert deployment.stop() == [0]


def rebuilding(deployment: Deployment, redis: Redis) -> Rebuild[object]:
    """A rebuild of executions."""
    names = deployment.names
    return Rebuild(AGGREGATE, names, KafkaAccess(deployment.servers.kafka), redis, HISTORY, lambda _: None)  # type: ignore[arg-type]


async def verify(deployment: Deployment) -> Findings:
    """What the oracle finds."""

    class Unseen:
        def expect(self, count: int) -> None: ...
        def done(self, count: int) -> None: ...

    d = deployment
    kafka, redis = KafkaAccess(d.servers.kafka), RedisAccess(d.servers.redis)
    async with opened(kafka, redis, d.names, d.partitions, HISTORY) as oracle:
        return await oracle.check(AGGREGATE, 30.0, Unseen())


async def lengths(deployment: Deployment) -> dict[str, dict[int, int]]:
    """How long every topic is."""
    return {
        stream: await ends(
            deployment.servers.kafka, deployment.topic(f"executions.{stream}"), deployment.partitions
        )
        for stream in ("in", "log", "events", "state", "dead")
    }


async def test_without_a_worker(deployment: Deployment, redis: Redis) -> None:
    """From nothing, and over what was changed: the same Redis, not ready, and nothing published."""
    await folded(deployment)
    prefix = deployment.names.partition_prefix("executions", 0)
    before = {key: await redis.dump(key) async for key in redis.scan_iter(f"{prefix}*")}
    published = await lengths(deployment)
    await redis.unlink(*before)
    await redis.set(f"{prefix}stranger", "1")
    await redis.hset(f"{prefix}position", "stranger", "1")
    rebuilt = await rebuilding(deployment, redis).run(deployment.partitions)
    position = deployment.names.position("executions", 0)
    assert [one.partition for one in rebuilt] == [0, 1]
    assert await redis.hget(position, "ready") == b"0"
    after = {key: await redis.dump(key) async for key in redis.scan_iter(f"{prefix}*")}
    assert after.keys() == before.keys()
    assert {k: v for k, v in after.items() if k != position.encode()} == {
        k: v for k, v in before.items() if k != position.encode()
    }
    assert await lengths(deployment) == published
    assert not (await verify(deployment)).counts


async def test_beside_a_worker_under_load(deployment: Deployment, redis: Redis) -> None:
    """The worker is kept out, goes on by itself, and all that came meanwhile is folded."""
    await folded(deployment)
    worker = deployment.start("executions")
    await deployment.settle(services=SERVICE)
    feeding = asyncio.create_task(feed(deployment, 4, 1_500))
    for _ in range(2):
        await rebuilding(deployment, redis).run(deployment.partitions)
    await feeding
    await deployment.settle(services=SERVICE)
    found = await verify(deployment)
    assert not found.counts, found
    assert not found.unchecked
    assert worker.status is None


async def test_where_a_worker_was_killed_before_it_published(deployment: Deployment, redis: Redis) -> None:
    """It says where it stands and ends with status 1; a worker does the rest."""
    await folded(deployment, count=40)
    before = [
        int(await redis.hget(deployment.names.position("executions", number), "input_offset") or -1)
        for number in range(deployment.partitions)
    ]
    killed = deployment.start("executions", STRATAFOLD_FAILPOINT="after_log")
    await feed(deployment, 4, 40)
    await asyncio.to_thread(killed.wait, 30)
    shown = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions", "--json")
    assert shown.status == 1, shown.err
    short = [one for one in shown.json["partitions"] if not one["complete"]]
    for one in short:
        assert one["input_offset"] >= before[one["partition"]]
    told = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions")
    assert told.status == 1, told.err
    lines = told.out.decode().splitlines()
    for one in short:
        assert (
            f"partition {one['partition']}: up to input offset {one['input_offset']};"
            " a worker has to publish the rest" in lines
        )
    assert "Redis is as the log says" not in lines[-1]
    deployment.start("executions")
    await deployment.settle(services=SERVICE)
    done = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions")
    assert (done.status, done.out.count(b"Redis is as the log says")) == (0, 1), done.out
    found = await verify(deployment)
    assert not found.counts, found


async def test_a_worker_that_comes_meanwhile_is_waited_for(deployment: Deployment) -> None:
    """As one does from which the partition was taken amid a batch."""
    await folded(deployment, count=40)
    killed = deployment.start("executions", STRATAFOLD_FAILPOINT="after_log")
    await feed(deployment, 4, 40)
    await asyncio.to_thread(killed.wait, 30)
    deployment.start("executions")
    shown = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions", "--json")
    assert shown.status == 0, shown.out
    assert all(one["complete"] for one in shown.json["partitions"])
    await deployment.settle(services=SERVICE)
    assert not (await verify(deployment)).counts


async def test_two_at_once(deployment: Deployment, redis: Redis) -> None:
    """One waits for the other, partition by partition."""
    await folded(deployment)
    first, second = rebuilding(deployment, redis), rebuilding(deployment, redis)
    await asyncio.gather(first.run(deployment.partitions), second.run(deployment.partitions))
    assert not (await verify(deployment)).counts


async def test_killed_half_way(deployment: Deployment, redis: Redis) -> None:
    """Once its lease is over a worker comes in and mends what the rebuild left; until then it stays out."""
    await folded(deployment)
    store = PartitionStore(redis, deployment.names, "executions", 0, HISTORY)
    own = await store.take("rebuild-killed", lease_ms=2_500)
    await store.clear(own)
    with pytest.raises(BeingRebuilt):
        await store.take("worker")
    deployment.start("executions")
    await deployment.settle(services=SERVICE)
    found = await verify(deployment)
    assert not found.counts, found


async def test_one_that_was_paused_removes_nothing(deployment: Deployment, redis: Redis) -> None:
    """Who lost the partition meanwhile must not clear what its new owner wrote."""
    await folded(deployment)
    store = PartitionStore(redis, deployment.names, "executions", 0, HISTORY)
    paused = await store.take("rebuild-paused", lease_ms=1)
    await asyncio.sleep(0.01)
    await store.take("worker")
    with pytest.raises(NotOurs):
        await store.clear(paused)
    with pytest.raises(NotOurs):
        await store.hold(paused, 1_000)
    assert not (await verify(deployment)).counts


async def test_a_log_that_is_shorter_than_redis_says(deployment: Deployment, redis: Redis) -> None:
    """The worker stands still and says so; a rebuild is the way out, and the worker goes on without a restart."""
    await folded(deployment)
    await redis.hset(deployment.names.position("executions", 0), "log_offset", 1_000_000)
    worker = deployment.start("executions")
    for _ in range(100):
        await asyncio.sleep(0.2)
        if "stratafold rebuild executions" in worker.log.read_text():
            break
    assert Kind.REDIS_POSITION in (await verify(deployment)).counts
    await rebuilding(deployment, redis).run(deployment.partitions)
    await feed(deployment, 4, 50)
    await deployment.settle(services=SERVICE)
    assert not (await verify(deployment)).counts


@pytest.mark.parametrize("damaged", [[0], [0, 2]])
async def test_a_partition_that_fails_keeps_no_other_from_its_end(
    shared_servers: Servers, namespace: str, tmp_path: Path, redis: Redis, damaged: list[int]
) -> None:
    """It is told once the others are as the log says and workers are let in; of several the first, and how many."""
    deployment = Deployment(shared_servers, namespace, tmp_path, partitions=4)
    await folded(deployment)
    names, others = deployment.names, [number for number in range(4) if number not in damaged]
    before = {
        number: await _projection(redis, names.partition_prefix("executions", number)) for number in others
    }
    for number in damaged:
        await redis.delete(names.position("executions", number))
        await redis.set(names.position("executions", number), "of another type")
    ended = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions")
    assert ended.status == 2
    assert names.position("executions", 0) in ended.line
    assert ended.line.endswith("; 2 of 4 partitions failed\n") == (len(damaged) == 2)
    for number, held in before.items():
        store = PartitionStore(redis, names, "executions", number, HISTORY)
        assert (await store.take("worker")).owner == "worker"
        assert await _projection(redis, names.partition_prefix("executions", number)) == held


async def _projection(redis: Redis, prefix: str) -> dict[bytes, Any]:
    """What Redis has of a partition, but for where it stands; of a set, whose order is its own, the members."""
    keys = [key async for key in redis.scan_iter(f"{prefix}*") if not key.endswith(b":position")]
    return {key: await (redis.smembers(key) if key.endswith(b":known") else redis.dump(key)) for key in keys}


async def test_a_log_with_a_stranger_s_record_is_named(deployment: Deployment) -> None:
    """In one line with status 2, as where a server is away."""
    await folded(deployment, count=50)
    await deployment.push([Push(deployment.topic("executions.log"), b'{"not":"ours"}', partition=0)])
    ended = await asyncio.to_thread(run, deployment.environment(), "rebuild", "executions")
    assert ended.status == 2
    assert "executions partition 0: the log record at offset" in ended.line
