"""Agents' streams and strategies' accounts: whatever is changed of them is named, and a rebuild mends it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from libs.local.stack import LocalStack
from libs.runtime.verification.findings import Kind
from tests.contracts.golden import MESSAGES, message
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.services.strategies.given import history, scope
from tests.stack import Servers

pytestmark = pytest.mark.real

AGENT, ACCOUNT, OTHER = "agent-1", "acme", "elsewhere"


@pytest.fixture(scope="module")
def at_rest(own_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> AtRest:
    """One partition of each; an account with facts of its own, and one without."""
    deployment = Deployment(
        Servers(own_stack.kafka_servers, own_stack.redis_url),
        f"v-{uuid.uuid4().hex[:8]}",
        tmp_path_factory.mktemp("streams-at-rest"),
        partitions=1,
        services=("agents", "strategies"),
    )
    agents = [message("agents", name) for name in MESSAGES["agents"]]
    told = [orjson.dumps(body) for body in (scope(0, "*"), *history(Random(1)))]
    strategies = [message("strategies", name) for name in MESSAGES["strategies"]]

    async def fold() -> None:
        await deployment.create()
        for service in deployment.services:
            deployment.start(service)
        await deployment.push(
            [Push(deployment.topic("agents.in"), body, AGENT.encode()) for body in agents]
            + [Push(deployment.topic("strategies.in"), body, ACCOUNT.encode()) for body in told]
            + [Push(deployment.topic("strategies.in"), body, OTHER.encode()) for body in strategies]
        )
        await deployment.settle()

    try:
        asyncio.run(fold())
    finally:
        statuses = deployment.stop()
    assert statuses == [0, 0]
    return AtRest(deployment)


Tamper = Callable[[Redis, str], Awaitable[object]]


async def an_entry_removed(redis: Redis, prefix: str) -> None:
    await redis.xdel(f"{prefix}agent:{AGENT}:trades", "2-0")


async def an_entry_too_many(redis: Redis, prefix: str) -> None:
    await redis.xadd(f"{prefix}agent:{AGENT}:equity", {"event": "snapshot"}, id="99-0")


async def an_entry_changed(redis: Redis, prefix: str) -> None:
    key = f"{prefix}agent:{AGENT}:equity"
    found: Any = await redis.xrange(key)
    ((entry, fields),) = found
    await redis.delete(key)
    await redis.xadd(key, fields | {b"equity": b"1"}, id=entry)


async def a_stream_removed(redis: Redis, prefix: str) -> None:
    await redis.delete(f"{prefix}agent:{AGENT}:blocks")


async def a_stream_that_is_none(redis: Redis, prefix: str) -> None:
    key = f"{prefix}agent:{AGENT}:journal"
    await redis.delete(key)
    await redis.set(key, "1")


async def a_stream_of_no_agent(redis: Redis, prefix: str) -> None:
    await redis.xadd(f"{prefix}agent:stranger:equity", {"event": "snapshot"}, id="1-0")


async def an_account_field(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}account:{ACCOUNT}", "seq", "1")


async def an_accounts_memory(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}account:{OTHER}", "_memory", "[]")


async def an_account_removed(redis: Redis, prefix: str) -> None:
    await redis.delete(f"{prefix}account:{OTHER}")


async def an_accounts_history(redis: Redis, prefix: str) -> None:
    await redis.rpush(f"{prefix}account:{ACCOUNT}:log", "{}")


async def an_account_too_many(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}account:stranger", "seq", "1")


async def an_account_among_strategies(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}strategy:{ACCOUNT}", "seq", "1")


async def a_strategys_gaps(redis: Redis, prefix: str) -> None:
    await redis.hset(f"{prefix}strategy:{OTHER}:strat_8f2a1b", "gaps", "[]")


@pytest.mark.parametrize(
    ("service", "tamper", "kind"),
    [
        ("agents", an_entry_removed, Kind.REDIS_STREAM),
        ("agents", an_entry_too_many, Kind.REDIS_STREAM),
        ("agents", an_entry_changed, Kind.REDIS_STREAM),
        ("agents", a_stream_removed, Kind.REDIS_STREAM),
        ("agents", a_stream_that_is_none, Kind.REDIS_FIELD),
        ("agents", a_stream_of_no_agent, Kind.REDIS_EXTRA),
        ("strategies", an_account_field, Kind.REDIS_FIELD),
        ("strategies", an_accounts_memory, Kind.REDIS_FIELD),
        ("strategies", an_account_removed, Kind.REDIS_ENTITY),
        ("strategies", an_accounts_history, Kind.REDIS_HISTORY),
        ("strategies", an_account_too_many, Kind.REDIS_EXTRA),
        ("strategies", an_account_among_strategies, Kind.REDIS_EXTRA),
        ("strategies", a_strategys_gaps, Kind.REDIS_FIELD),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_redis(at_rest: AtRest, service: str, tamper: Tamper, kind: Kind) -> None:
    """Exactly what was changed is named, and after a rebuild nothing is."""
    assert not (await at_rest.verify(service)).counts
    deployment = at_rest.deployment
    async with Redis.from_url(deployment.servers.redis) as redis:
        await tamper(redis, deployment.names.partition_prefix(service, 0))
    found = await at_rest.verify(service)
    assert dict(found.counts) == {kind: 1}, found
    await at_rest.rebuild(service)
    assert not (await at_rest.verify(service)).counts
