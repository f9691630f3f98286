"""A key of another type than a worker writes, or one that vanished alone, is damage: it is made anew from the log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from libs.views.ownership import Damaged, PositionDamaged
from libs.views.reading import Views
from libs.views.store import PartitionStore
from tests.e2e.examples import OPERATION_PRICING, OPERATION_SETTLED
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.verify import verify
from tests.stack import Servers

pytestmark = pytest.mark.real

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
SERVICE = ("operations",)


@pytest.fixture
async def redis(shared_servers: Servers) -> AsyncIterator[Redis]:
    """Redis."""
    async with Redis.from_url(shared_servers.redis) as client:
        yield client


@pytest.fixture
async def deployment(shared_servers: Servers, namespace: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A worker of operations that folded one of them, in the one partition."""
    made = Deployment(shared_servers, namespace, tmp_path, partitions=1)
    await made.create()
    made.start("operations")
    await made.push([Push(made.topic("operations.in"), OPERATION_PRICING, ID.encode())])
    await made.settle(services=SERVICE)
    yield made
    made.stop()


async def _said(deployment: Deployment, text: str, seconds: float = 30) -> str:
    """The worker's first line that holds the text."""
    end = time.monotonic() + seconds
    while True:
        lines = deployment.workers[0].log.read_text().splitlines()
        if found := [line for line in lines if text in line]:
            return found[0]
        assert time.monotonic() < end, f"nobody said {text!r}\n{deployment.last_words()}"
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "key", ["operation:{id}", "operation:{id}:log", "by:status:settled", "counters", "known"]
)
async def test_a_projection_of_another_type_is_made_anew_from_the_log(
    deployment: Deployment, redis: Redis, key: str
) -> None:
    """Whichever of the partition's keys it is: once the worker meets it, everything is cleared and folded again."""
    assert deployment.stop() == [0]
    damaged = deployment.names.partition_prefix("operations", 0) + key.format(id=ID)
    await redis.unlink(damaged)
    await redis.set(damaged, "not ours")
    deployment.start("operations")
    await deployment.push([Push(deployment.topic("operations.in"), OPERATION_SETTLED, ID.encode())])
    await deployment.settle(30, services=SERVICE)
    assert await redis.type(damaged) != b"string"
    status, said = await asyncio.to_thread(verify, deployment)
    assert "operations" in said
    assert status == 0, said


@pytest.mark.parametrize(
    "gone",
    [
        ("operation:{id}",),
        ("operation:{id}:log",),
        ("operation:{id}", "operation:{id}:log"),
        ("known",),
        ("operation:{id}", "operation:{id}:log", "known", "by:status:pricing"),
    ],
)
async def test_an_entity_that_vanished_does_not_begin_anew(
    deployment: Deployment, redis: Redis, gone: tuple[str, ...]
) -> None:
    """As where Redis evicts keys, or somebody removed some: the next fact would have taken sequence 1 again."""
    assert deployment.stop() == [0]
    entity = deployment.names.entity("operations", 0, ID)
    prefix = deployment.names.partition_prefix("operations", 0)
    assert await redis.unlink(*(prefix + key.format(id=ID) for key in gone)) == len(gone)
    deployment.start("operations")
    await deployment.push([Push(deployment.topic("operations.in"), OPERATION_SETTLED, ID.encode())])
    await deployment.settle(30, services=SERVICE)
    assert await redis.hget(entity, "sequence") == b"2"
    assert "removed, evicted or cut short" in await _said(deployment, "starting again")
    status, said = await asyncio.to_thread(verify, deployment)
    assert status == 0, said


@pytest.mark.parametrize("keys", [("counters",), ("position",), ("position", "counters")])
async def test_what_vanished_beside_the_entities_does_not_begin_anew(
    deployment: Deployment, redis: Redis, keys: tuple[str, ...]
) -> None:
    assert deployment.stop() == [0]
    prefix = deployment.names.partition_prefix("operations", 0)
    assert await redis.unlink(*(prefix + key for key in keys)) == len(keys)
    await _made_anew(deployment, redis)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("counters", "in_total"),
        ("position", "input_offset"),
        ("position", "log_offset"),
        ("position", "_state_end"),
        ("position", "_rebuild_until"),
    ],
)
@pytest.mark.parametrize("value", ["not ours", "1" * 5_000])
async def test_a_value_that_is_no_number_of_ours_ends_no_worker(
    deployment: Deployment, redis: Redis, key: str, field: str, value: str
) -> None:
    if field == "_rebuild_until" and value.isdigit():
        pytest.skip("a rebuild that holds the partition for long is waited for")
    assert deployment.stop() == [0]
    await redis.hset(deployment.names.partition_prefix("operations", 0) + key, field, value)
    await _made_anew(deployment, redis)


@pytest.mark.parametrize("value", ["-1", "-7"])
async def test_an_offset_that_can_not_be_ends_no_worker(
    deployment: Deployment, redis: Redis, value: str
) -> None:
    assert deployment.stop() == [0]
    await redis.hset(deployment.names.position("operations", 0), "log_offset", value)
    await _made_anew(deployment, redis)


async def test_a_clearing_that_was_interrupted_is_known_by_the_next(
    deployment: Deployment, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there were no counters, by whose absence it was begun."""
    assert deployment.stop() == [0]
    await redis.unlink(deployment.names.counters("operations", 0))
    store = PartitionStore(redis, deployment.names, "operations", 0, 100)
    own = await store.take("me")

    async def interrupted(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as now:
        now.setattr(store, "_remove", interrupted)
        with pytest.raises(ConnectionError):
            await store.clear(own)
    assert await store.holds_anything()
    await store.clear(own)
    assert not await store.holds_anything()
    assert await store.reached() == (-1, -1)


async def _made_anew(deployment: Deployment, redis: Redis) -> None:
    ready = '"event":"ready"'
    worker = deployment.start("operations")
    before = worker.log.read_text().count(ready)
    async with asyncio.timeout(60):
        while worker.log.read_text().count(ready) == before:  # noqa: ASYNC110  # nothing tells of a line in a file
            await asyncio.sleep(0.2)
    await deployment.push([Push(deployment.topic("operations.in"), OPERATION_SETTLED, ID.encode())])
    await deployment.settle(30, services=SERVICE)
    assert await redis.hget(deployment.names.counters("operations", 0), "in_total") == b"2"
    status, said = await asyncio.to_thread(verify, deployment)
    assert status == 0, said
    assert worker.status is None


async def test_a_position_of_another_type_is_named_and_the_worker_goes_on_once_it_is_removed(
    deployment: Deployment, redis: Redis
) -> None:
    """It says whose the partition is, so the worker stands still rather than mend it, also where it is overwritten."""
    position = deployment.names.position("operations", 0)
    await redis.unlink(position)
    await redis.set(position, "not ours")
    line = json.loads(await _said(deployment, "halted"))
    assert line["level"] == "error"
    assert position in line["why"]
    assert "string" in line["why"]
    await redis.unlink(position)
    await deployment.push([Push(deployment.topic("operations.in"), OPERATION_SETTLED, ID.encode())])
    await deployment.settle(45, services=SERVICE)
    assert (await asyncio.to_thread(verify, deployment))[0] == 0


async def test_the_store_tells_which_of_its_keys_it_is(redis: Redis, deployment: Deployment) -> None:
    assert deployment.stop() == [0]
    store = PartitionStore(redis, deployment.names, "operations", 0, 100)
    own = await store.take("me")
    await redis.set(deployment.names.partition_prefix("operations", 0) + "operation:x", "1")
    with pytest.raises(Damaged):
        await store.load(own, ["x"])
    await redis.set(deployment.names.position("operations", 0), "1")
    for attempt in (store.take("me"), store.say(own, {}), store.load(own, ["x"]), store.clear(own)):
        with pytest.raises(PositionDamaged, match="position"):
            await attempt


@pytest.mark.parametrize("key", ["position", "counters"])
async def test_a_damaged_partition_is_named_and_hides_no_other(
    redis: Redis, deployment: Deployment, key: str
) -> None:
    assert deployment.stop() == [0]
    store = PartitionStore(redis, deployment.names, "operations", 1, 100)
    await store.take("me")
    damaged = deployment.names.partition_prefix("operations", 0) + key
    await redis.unlink(damaged)
    await redis.set(damaged, "not ours")
    first, second = await Views(redis, deployment.names).partitions("operations", range(2))
    assert first.damaged is not None
    assert damaged in first.damaged
    assert (second.damaged, second.position.owner) == (None, "me")
