"""Waiting until a service has folded an input: what a request led to is answered, not what it might lead to."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.exceptions import RedisError

from services.api.backend import Backend
from services.api.refusals import unavailable

PATIENCE: Final = 5.0  # seconds for a worker; past them the client comes again
_LOOK: Final = 0.004  # seconds between two looks, however many wait
_AWAY: Final = 0.2  # seconds between two looks while Redis does not answer


class Folding:
    """Looks at the partitions of one service, at those only that somebody waits for, and once for all who wait."""

    def __init__(self, backend: Backend, service: str) -> None:
        self._backend = backend
        self._service = service
        self._waiting: dict[int, dict[asyncio.Future[None], int]] = {}
        self._looking: dict[int, asyncio.Task[None]] = {}

    async def reached(self, partition: int, offset: int) -> None:
        """Return once Redis shows an input of a partition, by its offset. Raises Refusal (503)."""
        passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(partition, {})
        waiting[passed] = offset
        if partition not in self._looking:
            self._looking[partition] = asyncio.create_task(self._look(partition, waiting))
        try:
            async with asyncio.timeout(PATIENCE):
                await passed
        except TimeoutError:
            raise unavailable(
                f"the command was taken, but partition {partition} of {self._service} has not come to it yet",
                {"partitions": {self._service: [partition]}},
            ) from None
        finally:
            waiting.pop(passed, None)

    async def _look(self, partition: int, waiting: dict[asyncio.Future[None], int]) -> None:
        try:
            while waiting:
                pause = _LOOK
                try:
                    at = await self._backend.views.position(self._service, partition)
                except (RedisError, OSError, ValueError):
                    pause = _AWAY
                else:
                    for passed, offset in waiting.items():
                        if offset <= at.input_offset and not passed.done():
                            passed.set_result(None)
                await asyncio.sleep(pause)
        finally:
            del self._looking[partition]
