"""Who runs a Redis that drops keys is told so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from libs.runtime.eviction import warn_of_eviction
from libs.runtime.patience import Patience

pytestmark = pytest.mark.real


async def _yes() -> bool:
    return True


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """The shared one, with room for all that tests put there whatever it is told of eviction."""
    client = Redis.from_url(redis_url)
    before = await client.config_get("maxmemory*")
    yield client
    for name in ("maxmemory-policy", "maxmemory"):
        await client.config_set(name, str(before[name]))
    await client.aclose()


async def _said(redis: Redis) -> list[object]:
    with capture_logs() as lines:
        await warn_of_eviction(redis, Patience(_yes, 60))
    return [(line["log_level"], line["maxmemory_policy"]) for line in lines]


@pytest.mark.parametrize(
    ("limit", "policy", "said"),
    [
        ("100gb", "allkeys-lru", [("warning", "allkeys-lru")]),
        ("100gb", "volatile-lru", []),
        ("100gb", "noeviction", []),
        ("0", "allkeys-lru", []),
    ],
)
async def test_a_redis_that_may_drop_keys_is_told_of(
    redis: Redis, limit: str, policy: str, said: list[object]
) -> None:
    """Without a limit it drops nothing, by a policy of expiring keys none of ours."""
    await redis.config_set("maxmemory", limit)
    await redis.config_set("maxmemory-policy", policy)
    assert await _said(redis) == said


async def test_who_may_not_ask_is_told_nothing(redis: Redis, redis_url: str, namespace: str) -> None:
    """And does not wait for an answer for ever."""
    await redis.acl_setuser(namespace, enabled=True, passwords=["+secret"], categories=["+@connection"])
    try:
        limited = Redis.from_url(redis_url, username=namespace, password="secret")
        assert await _said(limited) == []
        await limited.aclose()
    finally:
        await redis.acl_deluser(namespace)
