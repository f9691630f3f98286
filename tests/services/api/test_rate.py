"""How often a token may ask: so many requests in each minute, over all processes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from services.api.rate import Rate
from services.api.refusals import Refusal

pytestmark = pytest.mark.real

MINUTE = 1_761_739_200.0  # the beginning of one


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


async def test_a_token_has_its_requests_of_a_minute_in_all_processes_together(
    redis: Redis, namespace: str
) -> None:
    now = MINUTE + 12.5
    both = [Rate(redis, Names(namespace), 4, clock=lambda: now) for _ in range(2)]
    for number in range(4):
        await both[number % 2].count("token")
    for one in both:
        with pytest.raises(Refusal) as refusal:
            await one.count("token")
        assert (refusal.value.status, refusal.value.headers) == (429, {"Retry-After": "48"})
    await both[0].count("another")
    now = MINUTE + 60
    await both[0].count("token")
    keys = [key async for key in redis.scan_iter(f"{namespace}:rate:*")]
    assert len(keys) == 3
    for key in keys:
        assert b"token" not in key
        assert 0 < await redis.ttl(key) <= 120


async def test_without_a_limit_nothing_is_counted(redis: Redis, namespace: str) -> None:
    for _ in range(50):
        await Rate(redis, Names(namespace), 0).count("token")
    assert [key async for key in redis.scan_iter(f"{namespace}:*")] == []


async def test_where_redis_is_away_the_client_may_come_again() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    with pytest.raises(Refusal) as refusal:
        await Rate(away, Names(), 5).count("token")
    assert refusal.value.status == 503
