"""Versions with their rows, their strategies and what was deleted: whatever is changed is named, a rebuild mends it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence

import orjson
import pytest
from redis.asyncio import Redis

from libs.local.stack import LocalStack
from libs.runtime.verification.findings import Kind
from tests.contracts.golden import messages
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.stack import Servers

pytestmark = pytest.mark.real

_TOLD = [orjson.loads(one) for one in messages("versions")]
STRATEGY = _TOLD[0]["strategy_id"]
EXECUTED, DELETED = _TOLD[2]["data"]["version_id"], _TOLD[4]["data"]["version_id"]


@pytest.fixture(scope="module")
def at_rest(own_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AtRest:
    """One partition, whose last state is a tombstone."""
    deployment = Deployment(
        Servers(own_stack.kafka_servers, own_stack.redis_url),
        f"v-{uuid.uuid4().hex[:8]}",
        tmp_path_factory.mktemp("versions-at-rest"),
        partitions=1,
        services=("versions",),
    )
    topic = deployment.topic("versions.in")

    async def fold() -> None:
        await deployment.create()
        deployment.start("versions")
        for body in messages("versions"):
            await deployment.push([Push(topic, body, STRATEGY.encode())])
            await deployment.settle()

    try:
        asyncio.run(fold())
    finally:
        statuses = deployment.stop()
    assert statuses == [0]
    return AtRest(deployment)


Tamper = Callable[[Redis, str], Awaitable[object]]


async def a_row_changed(redis: Redis, prefix: str) -> None:
    key = f"{prefix}version:{EXECUTED}:orders"
    await redis.hset(key, _row(await redis.hkeys(key)), "{}")


async def a_row_removed(redis: Redis, prefix: str) -> None:
    key = f"{prefix}version:{EXECUTED}:positions"
    await redis.hdel(key, _row(await redis.hkeys(key)))


async def a_row_too_many(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}version:{EXECUTED}:orders", "stranger", "{}")


async def rows_of_no_version(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}version:{STRATEGY}:orders", "x", "{}")


async def a_table_of_another_name(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}version:{EXECUTED}:fills", "x", "{}")


async def a_strategys_holdings(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}strategy:{STRATEGY}", "positions", "[]")


async def a_deleted_version_back(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}version:{DELETED}", "id", DELETED)


async def a_deleted_versions_history(redis: Redis, prefix: str) -> None:
    await redis.rpush(f"{prefix}version:{DELETED}:log", "{}")


async def what_is_kept_of_it_changed(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}deleted:{DELETED}", "_facts", "")


async def what_is_kept_of_it_removed(redis: Redis, prefix: str) -> None:
    await redis.delete(f"{prefix}deleted:{DELETED}")


async def a_version_that_was_never_deleted(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}deleted:{EXECUTED}", "id", EXECUTED)


def _row(names: Sequence[bytes | str]) -> bytes:
    return min(name for name in names if isinstance(name, bytes))


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (a_row_changed, Kind.REDIS_FIELD),
        (a_row_removed, Kind.REDIS_FIELD),
        (a_row_too_many, Kind.REDIS_FIELD),
        (rows_of_no_version, Kind.REDIS_EXTRA),
        (a_table_of_another_name, Kind.REDIS_EXTRA),
        (a_strategys_holdings, Kind.REDIS_FIELD),
        (a_deleted_version_back, Kind.REDIS_EXTRA),
        (a_deleted_versions_history, Kind.REDIS_EXTRA),
        (what_is_kept_of_it_changed, Kind.REDIS_FIELD),
        (what_is_kept_of_it_removed, Kind.REDIS_ENTITY),
        (a_version_that_was_never_deleted, Kind.REDIS_EXTRA),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_redis(at_rest: AtRest, tamper: Tamper, kind: Kind) -> None:
    """Exactly what was changed is named, and after a rebuild nothing is."""
    assert not (await at_rest.verify("versions")).counts
    deployment = at_rest.deployment
    async with Redis.from_url(deployment.servers.redis) as redis:
        await tamper(redis, deployment.names.partition_prefix("versions", 0))
    found = await at_rest.verify("versions")
    assert dict(found.counts) == {kind: 1}, found
    await at_rest.rebuild("versions")
    assert not (await at_rest.verify("versions")).counts


async def test_a_tombstone_is_published_as_much_as_a_document(at_rest: AtRest) -> None:
    """A rebuild of a Redis that lost everything goes to the log's end, though the last state is none."""
    deployment = at_rest.deployment
    async with Redis.from_url(deployment.servers.redis) as redis:
        keys = [
            key async for key in redis.scan_iter(match=deployment.names.partition_prefix("versions", 0) + "*")
        ]
        await redis.delete(*keys)
        await at_rest.rebuild("versions")
        assert await redis.exists(deployment.names.deleted("versions", 0, DELETED))
    assert not (await at_rest.verify("versions")).counts
