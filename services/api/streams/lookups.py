"""What the streams ask Redis: where an account stands, and which agents there are."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.agents import LIVE, PAPER
from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.views.reading import Views

_WITHIN: Final = 3.0  # seconds
_AGAIN: Final = 0.2


class RedisNumbers:
    """The number of an account's last frame, as the worker of its partition wrote it."""

    def __init__(self, redis: Redis, names: Names, partitions: int) -> None:
        self._views = Views(redis, names)
        self._partitions = partitions

    async def last(self, account: str) -> int | None:
        """0 for an account without frames; None where its partition is not ready for seconds."""
        partition = partition_of(account, self._partitions)
        try:
            async with asyncio.timeout(_WITHIN):
                while True:
                    found = await self._views.projection("strategies", partition, account)
                    if found.ready:
                        return int(found.fields.get("seq", 0))
                    await asyncio.sleep(_AGAIN)
        except (RedisError, OSError, TimeoutError):
            return None


class RedisAgents:
    """The agents that anything is known of: each is in one of two indexes, by its mode."""

    def __init__(self, redis: Redis, names: Names, partitions: int) -> None:
        self._redis, self._names, self._partitions = redis, names, partitions

    async def ids(self) -> set[str]:
        """All of them. Raises RedisError, OSError."""
        found: set[str] = set()
        for partition in range(self._partitions):
            for mode in (PAPER, LIVE):
                index = self._names.index("agents", partition, "mode", mode)
                found |= {name.decode() for name in await self._redis.zrange(index, 0, -1)}  # type: ignore[union-attr]
        return found
