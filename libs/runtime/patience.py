"""Waiting for Kafka and Redis: for as long as they are away, but not for a client of ours that is stuck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog
from aiokafka.errors import KafkaConnectionError, KafkaError
from redis.exceptions import RedisError

from libs.telemetry.one_line import one_line

T = TypeVar("T")

_REMIND: Final = 5.0  # seconds between two lines of one reason, however many calls wait for it
_ASK_AGAIN: Final = 2.0  # seconds between two looks for a broker before anything else is done
_FIRST_BACKOFF: Final = 0.1
_LAST_BACKOFF: Final = 5.0

log = structlog.get_logger()


class Stuck(Exception):
    """A client made no headway past its deadline, although a fresh connection to the broker works."""


class Patience:
    """How this process waits; ``deadline`` in seconds of a reachable broker without an answer."""

    def __init__(self, kafka_answers: Callable[[], Awaitable[bool]], deadline: float) -> None:
        self._kafka_answers = kafka_answers
        self._deadline = deadline
        self._reminded: dict[tuple[str, str], float] = {}

    async def kafka_is_there(self, at: str) -> None:
        """Wait until Kafka answers at all; ``at`` says where it is looked for."""
        while not await self._kafka_answers():
            self._remind("waiting for Kafka", "begin", at=at)
            await asyncio.sleep(_ASK_AGAIN)

    async def start(self, start: Callable[[], Awaitable[None]], at: str) -> None:
        """Start a client of Kafka, again where the broker goes away just then. Raises what no waiting mends."""
        while True:
            try:
                return await start()
            except KafkaError as why:
                if not why.retriable:
                    raise
                self._remind("waiting for Kafka", "start", at=at, why=one_line(why))
            await asyncio.sleep(_ASK_AGAIN)
            await self.kafka_is_there(at)

    async def kafka(self, what: str, attempt: Coroutine[Any, Any, T]) -> T:
        """Await a call that retries by itself; raises Stuck, or whatever the call raises."""
        task = asyncio.ensure_future(attempt)
        reachable_since: float | None = None
        try:
            while True:
                await asyncio.wait({task}, timeout=_REMIND)
                if task.cancelled():  # not by us: the client gave up
                    raise KafkaConnectionError(f"{what}: the client cancelled its request")
                if task.done():
                    return task.result()
                if not await self._kafka_answers():
                    reachable_since = None
                    self._remind("waiting for Kafka", what)
                    continue
                now = time.monotonic()
                if reachable_since is None:  # after an outage a client needs a moment, which is no news
                    reachable_since = now
                waited = now - reachable_since
                if waited:
                    self._remind("Kafka answers, but not this client", what, seconds=round(waited))
                if waited >= self._deadline:
                    raise Stuck(f"{what}: no answer for {waited:.0f} s from a broker that is up")
        finally:
            task.cancel()

    async def redis(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Call until Redis answers; raises what is not Redis' failure to answer."""
        backoff = _FIRST_BACKOFF
        while True:
            try:
                return await attempt()
            except (RedisError, OSError, TimeoutError) as why:
                self._remind("waiting for Redis", what, why=one_line(why))
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LAST_BACKOFF)

    def _remind(self, event: str, what: str, **more: Any) -> None:
        now, reason = time.monotonic(), more.get("why", "")
        self._reminded = {told: at for told, at in self._reminded.items() if now - at < _REMIND}
        if (event, reason) not in self._reminded:
            self._reminded[event, reason] = now
            log.warning(event, to=what, **more)
