"""The life of a metrics process: wait for the lease, write once a second as long as it is ours, and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.settings import Settings
from libs.views.redis_access import RedisAccess
from services.metrics.lease import Lease, Lost
from services.metrics.term import Term

_REST: Final = 0.25  # seconds between two tries to get the lease
_SECOND: Final = 1.0
_REDIS_SECONDS: Final = 2.0
_CLOSING: Final = 2.0

log = structlog.get_logger("stratafold.metrics")


class Writer:
    """Writes whenever it may; ``wrote`` is told the seconds that each look took."""

    def __init__(self, settings: Settings, wrote: Callable[[float], None] = lambda _: None) -> None:
        self._settings = settings
        self._wrote = wrote
        self._redis = RedisAccess.of(settings).client(
            socket_timeout=_REDIS_SECONDS,
            socket_connect_timeout=_REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a write whose answer was lost must not be made a second time
        )
        self._lease = Lease(self._redis, Names(settings.namespace))
        self.writing = False
        self.obstacle: str | None = "Redis has not answered yet"

    async def run(self) -> None:
        """Until cancelled; then the lease is let go, so that another goes on at once."""
        told = False
        try:
            while True:
                try:
                    acquired = await self._lease.acquire()
                    self.obstacle, told = None, False
                    if acquired:
                        await self._write_on()
                except Lost:
                    log.warning("another process writes now, or Redis forgot that this one does")
                except (RedisError, OSError) as why:
                    if not told:
                        log.warning("waiting for Redis", why=type(why).__name__)
                    self.obstacle, told = f"Redis does not answer: {type(why).__name__}", True
                await asyncio.sleep(_REST)
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self._lease.release()
            await self._redis.aclose()

    async def _write_on(self) -> None:
        term = Term(self._settings, self._redis, self._lease)
        log.info("this process writes")
        await term.begin()
        self.writing = True
        try:
            while True:
                began = time.monotonic()
                at = await term.look()
                self._wrote(time.monotonic() - began)
                await asyncio.sleep(await self._until_after(at))
        finally:
            self.writing = False
            await term.end()

    async def _until_after(self, at: int) -> float:
        """Seconds until the next whole second begins, by Redis' clock."""
        seconds, micros = await self._redis.time()
        now = int(seconds) + int(micros) / 1_000_000
        return min(_SECOND, max(0.0, at / 1_000 + _SECOND - now))
