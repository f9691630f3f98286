"""Agents and strategies by the thousand, on a real Redis; each test is named for the rule that it guards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from libs.contracts.statuses import STATUSES
from services.metrics.commands import Command, append_of
from services.metrics.fleet import Rows
from services.metrics.lease import Lease, Lost

pytestmark = pytest.mark.real

SECONDS = 0.2
AT = 1_795_300_000_000
SNAPSHOT = {
    "event": "snapshot",
    "ts": "2026-11-22T00:00:00Z",
    "equity": "1",
    "phase": "LIVE",
    "drawdown": "0.01",
    "daily_drawdown_used": "0.1",
}


class Fleet:
    """What workers wrote of many, and a lease under which it is shown."""

    def __init__(self, redis: Redis, namespace: str, partitions: int) -> None:
        self.redis = redis
        self.names = Names(namespace)
        self.partitions = partitions
        self.lease = Lease(redis, self.names)
        self.applied = {"agents": [0] * partitions, "strategies": [0] * partitions}

    def rows(self, seconds: float = SECONDS) -> Rows:
        """Who shows them."""
        return Rows(self.redis, self.names, self.partitions, 10_000, seconds, self.lease.write)

    async def look(self, rows: Rows) -> None:
        """One look, under a lease that is ours when it begins."""
        assert await self.lease.acquire()
        await rows.look(self.applied)

    async def agents(self, ids: Sequence[str], at: int = AT) -> None:
        """Each with a snapshot more."""
        projection: Any = {**SNAPSHOT, "mode": "LIVE"}
        pipe = self.redis.pipeline(transaction=False)
        for number, one in enumerate(ids):
            partition = number % self.partitions
            self.applied["agents"][partition] += 1
            pipe.hset(self.names.entity("agents", partition, one), mapping=projection)  # type: ignore[unused-awaitable]
            pipe.zadd(self.names.index("agents", partition, "mode", "LIVE"), {one: at})  # type: ignore[unused-awaitable]
            snapshots = self.names.stream("agents", partition, one, "equity")
            pipe.execute_command(
                *append_of(snapshots, f"{self.applied['agents'][partition]}-0", SNAPSHOT, 10_000)
            )
        await pipe.execute()

    async def strategies(self, each: int) -> None:
        """So many in each status and partition, all of different times."""
        pipe = self.redis.pipeline(transaction=False)
        for partition in range(self.partitions):
            for status in STATUSES["strategies"]:
                ids = [f"acc:{partition}_{status}_{number}" for number in range(each)]
                for one in ids:
                    pipe.hset(self.names.entity("strategies", partition, one), mapping={"status": status})  # type: ignore[unused-awaitable]
                index = self.names.index("strategies", partition, "status", status)
                pipe.zadd(index, {one: AT + number for number, one in enumerate(ids)})  # type: ignore[unused-awaitable]
                self.applied["strategies"][partition] += each
        await pipe.execute()

    async def shown(self) -> tuple[int, int]:
        """How many agents and strategies."""
        agents = await self.redis.scard(self.names.key(monitoring.AGENTS))
        return agents, await self.redis.scard(self.names.key(monitoring.STRATEGIES))


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


async def test_a_crowd_of_20_000_is_shown_some_at_a_time(redis: Redis, namespace: str) -> None:
    """All of one moment, seen when half of them were there; every look ends long before the lease does."""
    fleet = Fleet(redis, namespace, 1)
    crowd = [f"agent-{number:05}" for number in range(20_000)]
    rows = fleet.rows()
    await fleet.agents(crowd[::2])
    await fleet.look(rows)
    shown, _ = await fleet.shown()
    assert 0 < shown < 10_000
    await fleet.agents(crowd[1::2])
    for _ in range(200):
        if (await fleet.shown())[0] == 20_000:
            break
        await fleet.look(rows)
    assert await fleet.shown() == (20_000, 0)
    assert (await rows.fleet()).drawdown == 0.01
    while await _copied(fleet, crowd) < 20_000:
        await fleet.look(rows)


async def _copied(fleet: Fleet, ids: Sequence[str]) -> int:
    pipe = fleet.redis.pipeline(transaction=False)
    for one in ids:
        pipe.xlen(fleet.names.key(monitoring.equity(one)))  # type: ignore[unused-awaitable]
    return sum(await pipe.execute())


async def test_10_800_strategies_of_twelve_partitions_are_shown(redis: Redis, namespace: str) -> None:
    """A page of each status and partition is more than one script can pass on in one command."""
    fleet = Fleet(redis, namespace, 12)
    rows = fleet.rows(seconds=10.0)
    await fleet.strategies(300)
    for _ in range(2):
        await fleet.look(rows)
    assert await fleet.shown() == (0, 12 * 900)


async def test_what_could_not_be_written_is_written_later(redis: Redis, namespace: str) -> None:
    """A term that ends amid a look leaves what waits, and what is done is not done again."""
    fleet = Fleet(redis, namespace, 1)
    ids = [f"agent-{number:04}" for number in range(1_000)]
    written: list[str] = []
    faults = iter([False, True, True])

    async def write(commands: Sequence[Command]) -> None:
        if next(faults, False):
            raise Lost
        written.extend(one for name, _, *names in commands if name == "SADD" for one in names)

    rows = Rows(redis, fleet.names, 1, 10, SECONDS, write)
    await fleet.agents(ids)
    for _ in range(2):
        with pytest.raises(Lost):
            await rows.look(fleet.applied)
    while len(written) < len(ids):
        await rows.look(fleet.applied)
    assert sorted(written) == ids
