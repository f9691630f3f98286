"""How often a token may ask: so many requests in each minute, over all processes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.security.credentials import SCOPES
from services.api.rate import Rate
from services.api.refusals import Refusal
from tests.services.api.process import ELSEWHERE
from tests.services.api.route_table import OPEN, TABLE, Route, path_of, world

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


async def test_over_rest_it_is_429_on_every_route_with_the_seconds_to_wait(
    redis: Redis, namespace: str
) -> None:
    """For that token alone; what is not let in is not counted, what lacks a scope is."""
    now = MINUTE + 12.5
    one = world(Rate(redis, Names(namespace), 3, clock=lambda: now))
    token, unscoped = one.token(*SCOPES), one.token("strategies:read")

    async def status(route: Route, headers: dict[str, str]) -> int:
        answer = await one.client.request(route[0], path_of(route), headers={**ELSEWHERE, **headers})
        if answer.status_code == 429:
            assert (answer.headers["retry-after"], answer.json()["status"]) == ("48", 429)
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code

    asked = ("GET", "/api/v1/operations")
    assert [await status(asked, {"Authorization": "Bearer x"}) for _ in range(5)] == [401] * 5
    assert [await status(asked, token) for _ in range(4)] == [200, 200, 200, 429]
    assert [await status(asked, unscoped) for _ in range(4)] == [403, 403, 403, 429]
    for route in TABLE:
        assert await status(route, token) == 429, route
    assert {await status(route, {}) for route in OPEN} == {200}
    now += 48
    assert await status(asked, token) == 200


async def test_without_a_limit_nothing_is_counted(redis: Redis, namespace: str) -> None:
    for _ in range(50):
        await Rate(redis, Names(namespace), 0).count("token")
    assert [key async for key in redis.scan_iter(f"{namespace}:*")] == []


async def test_where_redis_is_away_the_client_may_come_again() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    with pytest.raises(Refusal) as refusal:
        await Rate(away, Names(), 5).count("token")
    assert refusal.value.status == 503
