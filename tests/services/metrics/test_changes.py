"""What changed since the last look, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from services.metrics.changes import Changes

pytestmark = pytest.mark.real

MODES = ("PAPER", "LIVE")


class Agents:
    """Agents of one partition, and who follows them."""

    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._names = Names(namespace)
        self._changes = Changes(redis, self._names, "agents", 1, [("mode", mode) for mode in MODES])
        self._applied = 0

    async def apply(self, at: int, *ids: str, mode: str = "PAPER") -> None:
        """As a worker writes it."""
        self._applied += len(ids)
        await self._redis.zadd(self._names.index("agents", 0, "mode", mode), dict.fromkeys(ids, at))

    def count(self, applied: int) -> None:
        """What the partition counts goes on, or back, by so many."""
        self._applied += applied

    async def look(self) -> list[str]:
        """Those that changed, as it is seen now."""
        return sorted(subject for _, subject in await self._changes.look([self._applied]))


@pytest.fixture
async def agents(redis_url: str, namespace: str) -> AsyncIterator[Agents]:
    async with Redis.from_url(redis_url) as redis:
        yield Agents(redis, namespace)


async def test_only_what_changed_is_seen_again(agents: Agents) -> None:
    """And what changed last, where anything did, for more may have come at the same moment."""
    await agents.apply(1_000, "a", "b")
    await agents.apply(2_000, "c")
    assert await agents.look() == ["a", "b", "c"]
    assert await agents.look() == []
    await agents.apply(2_000, "d")
    await agents.apply(3_000, "a")
    assert await agents.look() == ["a", "c", "d"]


async def test_what_was_applied_to_again_at_the_same_moment_is_seen_again(agents: Agents) -> None:
    """Its time tells nothing of that."""
    await agents.apply(1_000, "a")
    assert await agents.look() == ["a"]
    await agents.apply(1_000, "a")
    assert await agents.look() == ["a"]


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
    assert await agents.look() == []


async def test_a_crowd_that_comes_in_two_parts_is_seen_whole(agents: Agents) -> None:
    """A producer's batch has one time, however many batches the worker makes of it, and whenever we look."""
    crowd = [f"a{n:04}" for n in range(1_000)]
    await agents.apply(1_000, *crowd[::2])
    seen = set(await agents.look())
    await agents.apply(1_000, *crowd[1::2])
    seen |= set(await agents.look())
    assert seen == set(crowd)


async def test_a_crowd_behind_which_others_came_is_left(agents: Agents) -> None:
    """In whichever index: the partition is past that moment, and the crowd costs nothing more."""
    crowd = [f"a{n:03}" for n in range(700)]
    await agents.apply(1_000, *crowd)
    assert await agents.look() == crowd
    await agents.apply(2_000, "live", mode="LIVE")
    await agents.look()
    await agents.apply(3_000, "live", mode="LIVE")
    assert await agents.look() == ["live"]


async def test_a_partition_that_was_made_anew_is_seen_anew(agents: Agents) -> None:
    """Its counters begin again, and what they stand for may be another."""
    await agents.apply(1_000, "a", "b")
    await agents.apply(2_000, "c")
    await agents.look()
    agents.count(-1)
    assert await agents.look() == ["a", "b", "c"]
