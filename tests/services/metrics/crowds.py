"""Many agents and strategies in Redis, as workers leave them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from libs.contracts.statuses import STATUSES
from services.metrics.commands import append_of

AT: Final = 1_795_300_000_000
SNAPSHOT: Final = {
    "event": "snapshot",
    "ts": "2026-11-22T00:00:00Z",
    "equity": "1",
    "phase": "LIVE",
    "drawdown": "0.01",
    "daily_drawdown_used": "0.1",
}


class Crowd:
    """Of one namespace; ``applied`` is what its partitions count, by service."""

    def __init__(self, redis: Redis, namespace: str, partitions: int) -> None:
        self.redis = redis
        self.names = Names(namespace)
        self.partitions = partitions
        self.applied = {"agents": [0] * partitions, "strategies": [0] * partitions}

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
        await self._count("agents")

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
        await self._count("strategies")

    async def shown(self) -> tuple[int, int]:
        """How many agents and strategies."""
        agents = await self.redis.scard(self.names.key(monitoring.AGENTS))
        return agents, await self.redis.scard(self.names.key(monitoring.STRATEGIES))

    async def copied(self, ids: Sequence[str]) -> int:
        """How many snapshots of these agents."""
        pipe = self.redis.pipeline(transaction=False)
        for one in ids:
            pipe.xlen(self.names.key(monitoring.equity(one)))  # type: ignore[unused-awaitable]
        return sum(await pipe.execute())

    async def _count(self, service: str) -> None:
        for partition, applied in enumerate(self.applied[service]):
            await self.redis.hset(
                self.names.counters(service, partition), mapping={"applied_total": str(applied)}
            )


async def clear(redis: Redis, namespace: str) -> None:
    """Leave nothing of it: Redis is shared by all tests, and a crowd is large."""
    keys = [key async for key in redis.scan_iter(Names(namespace).key("*"), count=1_000)]
    for first in range(0, len(keys), 1_000):
        await redis.unlink(*keys[first : first + 1_000])
