"""What changed since the last look, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from services.metrics.changes import Changes

pytestmark = pytest.mark.real

INDEX = ("mode", "PAPER")


class Agents:
    """Agents of one partition, and who follows them."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._names = Names(namespace)
        self._changes = Changes(redis, self._names, "agents", 1, [INDEX], ["equity"])

    async def apply(self, at: int, *ids: str) -> None:
        """As a worker writes it."""
        for one in ids:
            await self._redis.hset(
                self._names.entity("agents", 0, one), mapping={"equity": str(at), "x": "1"}
            )
        await self._redis.zadd(self._names.index("agents", 0, *INDEX), dict.fromkeys(ids, at))

    async def look(self) -> dict[str, str]:
        """What is seen now: the equity of those that changed."""
        return {subject: fields["equity"] for (_, subject), fields in (await self._changes.look()).items()}


@pytest.fixture
async def agents(redis_url: str, namespace: str) -> AsyncIterator[Agents]:
    async with Redis.from_url(redis_url) as redis:
        yield Agents(redis, namespace)


async def test_only_what_changed_is_read_again(agents: Agents) -> None:
    """And what changed last, for more may have come at the same moment."""
    await agents.apply(1_000, "a", "b")
    await agents.apply(2_000, "c")
    assert await agents.look() == {"a": "1000", "b": "1000", "c": "2000"}
    assert await agents.look() == {"c": "2000"}
    await agents.apply(2_000, "d")
    await agents.apply(3_000, "a")
    assert await agents.look() == {"c": "2000", "d": "2000", "a": "3000"}


async def test_all_of_a_fleet_are_seen_though_one_moment_fills_more_than_a_page(agents: Agents) -> None:
    """What was sent together has one time, and must neither be left out nor hide what comes after it."""
    crowd, later = [f"a{n:03}" for n in range(700)], [f"b{n:03}" for n in range(350)]
    await agents.apply(1_000, *crowd)
    for n, one in enumerate(later):
        await agents.apply(2_000 + n, one)
    seen: set[str] = set()
    for _ in range(4):
        seen |= set(await agents.look())
    assert seen == {*crowd, *later}
    assert await agents.look() == {later[-1]: str(2_000 + 349)}
