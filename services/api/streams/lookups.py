"""What the streams ask Redis: where an account stands, and which agents there are."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.views.reading import Views

_WITHIN: Final = 3.0  # seconds
_AGAIN: Final = 0.2
_PAGE: Final = 1_000
_GLOB: Final = re.compile(r"([*?\[\]\\^])")


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
    """The agents that anything is known of."""

    def __init__(self, redis: Redis, names: Names, partitions: int) -> None:
        self._redis, self._names, self._partitions = redis, names, partitions

    async def ids(self) -> set[str]:
        """All of them. Raises RedisError, OSError."""
        begins = [
            self._names.entity("agents", partition, "").encode() for partition in range(self._partitions)
        ]
        pattern = _GLOB.sub(r"\\\1", self._names.key("{agents.")) + "*}:agent:*"
        found = set()
        async for key in self._redis.scan_iter(pattern, count=_PAGE, _type="hash"):
            for begin in begins:
                if key.startswith(begin):
                    found.add(key[len(begin) :].decode())
        return found
