"""Agents and strategies by the thousand, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis

from libs.contracts.names import Names
from services.metrics.commands import Command
from services.metrics.fleet import Rows
from services.metrics.lease import Lease, Lost
from tests.services.metrics.crowds import Crowd, clear

pytestmark = pytest.mark.real

SECONDS = 0.2


class Shown:
    """A crowd, and who shows it under a lease."""

    def __init__(self, redis: Redis, namespace: str, partitions: int, seconds: float = SECONDS) -> None:
        self.crowd = Crowd(redis, namespace, partitions)
        self._lease = Lease(redis, Names(namespace))
        self.rows = Rows(redis, Names(namespace), partitions, 10_000, seconds, self._lease.write)

    async def look(self) -> tuple[int, int]:
        """One look, under a lease that is ours when it begins; how many agents and strategies are shown then."""
        assert await self._lease.acquire()
        await self.rows.look(self.crowd.applied)
        return await self.crowd.shown()


@pytest.fixture
async def redis(redis_url: str, namespace: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client
        await clear(client, namespace)


async def test_a_crowd_of_20_000_is_shown_some_at_a_time(redis: Redis, namespace: str) -> None:
    """All of one moment, seen when half of them were there; no look does it all, and none outlasts the lease."""
    shown = Shown(redis, namespace, 1)
    ids = [f"agent-{number:05}" for number in range(20_000)]
    await shown.crowd.agents(ids[::2])
    agents, _ = await shown.look()
    assert 0 < agents < 10_000
    await shown.crowd.agents(ids[1::2])
    while agents < 20_000:
        before = agents
        agents, _ = await shown.look()
        assert agents > before
    assert (await shown.rows.fleet()).drawdown == 0.01
    while await shown.crowd.copied(ids) < 20_000:
        await shown.look()


async def test_10_800_strategies_of_twelve_partitions_are_shown(redis: Redis, namespace: str) -> None:
    """A page of each status and partition is more than one command of a script can take."""
    shown = Shown(redis, namespace, 12, seconds=10.0)
    await shown.crowd.strategies(300)
    await shown.look()
    assert await shown.look() == (0, 12 * 900)


async def test_what_could_not_be_written_is_written_later(redis: Redis, namespace: str) -> None:
    """A term that ends amid a look leaves what waits, and what is done is not done again."""
    crowd = Crowd(redis, namespace, 1)
    ids = [f"agent-{number:04}" for number in range(1_000)]
    written: list[str] = []
    faults = iter([False, True, True])

    async def write(commands: Sequence[Command]) -> None:
        if next(faults, False):
            raise Lost
        written.extend(one for name, _, *names in commands if name == "SADD" for one in names)

    rows = Rows(redis, crowd.names, 1, 10, SECONDS, write)
    await crowd.agents(ids)
    for _ in range(2):
        with pytest.raises(Lost):
            await rows.look(crowd.applied)
    while len(written) < len(ids):
        await rows.look(crowd.applied)
    assert sorted(written) == ids
