"""The life of a metrics process: wait for the lease, write once a second as long as it is ours, and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from libs.contracts.names import Names
from libs.settings import Settings
from libs.views.redis_access import RedisAccess
from services.metrics.fleet import Rows
from services.metrics.lease import Lease, Lost
from services.metrics.readiness import Readiness
from services.metrics.term import Term

_REST: Final = 0.25  # seconds between two tries to get the lease
_SECOND: Final = 1.0
_REDIS_SECONDS: Final = 2.0
_CLOSING: Final = 2.0
_FOR_ROWS: Final = 0.3  # seconds of a look that agents and strategies get

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
        self._rows = self._all_rows()
        self._readiness = Readiness()
        self._told: str | None = None
        self.writing = False

    def obstacle(self) -> str | None:
        """Why this process is not ready, None where it is."""
        return self._readiness.obstacle()

    async def run(self) -> None:
        """Until cancelled; then the lease is let go, so that another goes on at once."""
        try:
            while True:
                try:
                    if await self._lease.acquire():
                        await self._write_on()
                    else:
                        self._stand_by()
                except Lost as why:
                    log.warning("this process writes no more", why=str(why))
                except ResponseError as why:
                    self._fail("Redis refused a look", str(why))
                except (RedisError, OSError) as why:
                    self._fail("waiting for Redis", type(why).__name__)
                await asyncio.sleep(_REST)
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self._lease.release()
            await self._redis.aclose()

    async def _write_on(self) -> NoReturn:
        self._readiness.begins()
        if not await self._lease.undisturbed():
            self._rows = self._all_rows()
        term = Term(self._settings, self._redis, self._lease, self._rows)
        log.info("this process writes")
        await term.begin()
        self.writing = True
        try:
            while True:
                began = time.monotonic()
                at, refused = await term.look()
                self._wrote(time.monotonic() - began)
                if refused:
                    self._readiness.failed(f"Redis refused {refused[0]}")
                else:
                    self._readiness.wrote()
                    self._told = None
                await asyncio.sleep(await self._until_after(at))
        finally:
            self.writing = False
            await term.end()

    def _all_rows(self) -> Rows:
        settings, names = self._settings, Names(self._settings.namespace)
        return Rows(self._redis, names, settings.partitions, settings.history, _FOR_ROWS, self._lease.write)

    def _stand_by(self) -> None:
        self._readiness.stands_by()
        self._told = None

    def _fail(self, what: str, why: str) -> None:
        """Not ready, and a line in the log where that is news."""
        self._readiness.failed(f"{what}: {why}")
        if self._told != why:
            log.warning(what, why=why)
        self._told = why

    async def _until_after(self, at: int) -> float:
        """Seconds until the next whole second begins, by Redis' clock."""
        seconds, micros = await self._redis.time()
        now = int(seconds) + int(micros) / 1_000_000
        return min(_SECOND, max(0.0, at / 1_000 + _SECOND - now))
