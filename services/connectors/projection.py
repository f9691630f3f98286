"""Which strategies of an account our own projection has: read from Redis, and waited for while that is away."""

from __future__ import annotations

import asyncio
from typing import Final

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.patience import Patience
from libs.settings import Settings
from libs.views.redis_access import RedisAccess

_SECONDS: Final = 4.0
_READY_WITHIN: Final = (
    30.0  # seconds that a worker gets to recover its partition, before its view is taken as it is
)
_PAUSE: Final = 0.5


class Projection:
    """Reads Redis; connects when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._names = Names(settings.namespace)
        self._partitions = settings.partitions
        kafka = KafkaAccess.of(settings)
        self._patience = Patience(lambda: kafka_answers(kafka), _SECONDS)
        self._redis = RedisAccess.of(settings).client(
            socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        )

    async def strategies(self, account: str) -> list[str]:
        """The ids, ``<account>:<strategy_id>``, once the account's partition is ready or that took too long."""
        end = asyncio.get_running_loop().time() + _READY_WITHIN
        while True:
            ready, ids = await self._patience.redis("read strategies", lambda: self._read(account))
            if ready or asyncio.get_running_loop().time() > end:
                return ids
            await asyncio.sleep(_PAUSE)

    async def _read(self, account: str) -> tuple[bool, list[str]]:
        place = partition_of(account, self._partitions)
        ready = await self._redis.hget(self._names.position("strategies", place), "ready")
        index = self._names.index("strategies", place, "account", account)
        ids = await self._redis.zrange(index, 0, -1)
        # a partition that nobody ever took has nothing to wait for
        return ready in (None, b"1"), [one.decode() for one in ids if isinstance(one, bytes)]

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.aclose()
