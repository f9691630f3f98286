"""How many requests a token may make in a minute, counted over all API processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.security.credentials import sha256
from services.api.refusals import Refusal, unavailable

_MINUTE: Final = 60
_KEPT: Final = 2 * _MINUTE  # seconds: clocks of several processes differ a little
_PATIENCE: Final = 5.0  # seconds for Redis


class Rate:
    """Counts requests; a ``limit`` of 0 is none, ``clock`` gives seconds since 1970."""

    def __init__(
        self, redis: Redis, names: Names, limit: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._names = names
        self._limit = limit
        self._clock = clock

    async def count(self, token: str) -> None:
        """Count a request of a token that is known. Raises Refusal: 429 with the seconds to wait, 503."""
        if self._limit == 0:
            return
        now = self._clock()
        key = self._names.key(f"rate:{sha256(token)}:{int(now // _MINUTE)}")
        try:
            async with asyncio.timeout(_PATIENCE), self._redis.pipeline(transaction=True) as both:
                both.incr(key)  # type: ignore[unused-awaitable]  # a pipeline only takes note of it
                both.expire(key, _KEPT)  # type: ignore[unused-awaitable]
                made, _ = await both.execute()
        except (RedisError, OSError, TimeoutError):
            raise unavailable("Redis does not answer") from None
        if made > self._limit:
            wait = _MINUTE - int(now % _MINUTE)
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._limit} requests in this minute",
                headers={"Retry-After": str(wait)},
            )
