"""One partition's keys as Redis has them, always together with the position they belong to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.contracts.names import Names
from libs.runtime.verification.projection import number

_PAGE: Final = 1_000


class WrongType(Exception):
    """A key holds something else than it should."""


class Position(NamedTuple):
    """The position's fields, and its offsets; None where they are missing or no numbers."""

    fields: dict[bytes, bytes]
    input_offset: int | None
    log_offset: int | None

    @property
    def reached(self) -> int:
        """The input offset that Redis says it was written up to, -1 where it says nothing."""
        return -1 if self.input_offset is None else self.input_offset

    def being_rebuilt(self) -> bool:
        """Whether a rebuild holds the partition (by this machine's clock: good enough to wait by)."""
        until = number(self.fields.get(b"_rebuild_until"))
        return until is not None and until > time.time() * 1000


class Taken(NamedTuple):
    """Answers of one moment, one a key; an exception where a key is of the wrong type."""

    position: Position
    answers: list[Any]


class Snapshot:
    """Reads one partition. Raises RedisError."""

    def __init__(self, redis: Redis, names: Names, service: str, partition: int) -> None:
        self._redis = redis
        self._names = names
        self._service = service
        self._partition = partition
        self._position = names.position(service, partition)
        self.prefix = names.partition_prefix(service, partition)

    async def position(self) -> Position:
        """How far Redis says it is."""
        return (await self._together([])).position

    async def counters(self) -> Taken:
        """The hash of counters."""
        return await self._together([("HGETALL", self._names.counters(self._service, self._partition))])

    async def entities(self, subjects: Sequence[str]) -> Taken:
        """Hash and history of each entity, and what is kept of it if it was deleted, one after the other."""
        commands: list[tuple[Any, ...]] = []
        for subject in subjects:
            key = self._names.entity(self._service, self._partition, subject)
            deleted = self._names.deleted(self._service, self._partition, subject)
            commands += [("HGETALL", key), ("LRANGE", key + ":log", 0, -1), ("HGETALL", deleted)]
        return await self._together(commands)

    async def streams(self, places: Sequence[tuple[str, str]]) -> Taken:
        """Each stream whole, by entity and name."""
        return await self._together(
            [
                ("XRANGE", self._names.stream(self._service, self._partition, *place), "-", "+")
                for place in places
            ]
        )

    async def tables(self, places: Sequence[tuple[str, str]]) -> Taken:
        """Each hash beside an entity's own, by entity and name."""
        return await self._together(
            [("HGETALL", self._names.table(self._service, self._partition, *place)) for place in places]
        )

    async def indexes(self, indexes: Sequence[str]) -> Taken:
        """Sorted sets by name, such as ``status:settled``."""
        return await self._together(
            [("ZRANGE", f"{self.prefix}by:{name}", 0, -1, "WITHSCORES") for name in indexes]
        )

    async def known_count(self) -> Taken:
        """How many ids there ever were."""
        return await self._together([("SCARD", self._names.known(self._service, self._partition))])

    async def known(self, subjects: Sequence[str]) -> Taken:
        """Of each of these ids whether it is among them, in one answer."""
        key = self._names.known(self._service, self._partition)
        return await self._together([("SMISMEMBER", key, *subjects)])

    async def existing(self, keys: Sequence[bytes]) -> Taken:
        """Whether each key is there."""
        return await self._together([("EXISTS", key) for key in keys])

    async def keys(self) -> AsyncIterator[bytes]:
        """All keys of the partition; one may come twice, and one that comes into being meanwhile may be left out."""
        async for key in self._redis.scan_iter(match=self.prefix + "*", count=_PAGE):
            yield key

    async def _together(self, commands: Sequence[tuple[Any, ...]]) -> Taken:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HGETALL", self._position)
            for command in commands:
                pipe.execute_command(*command)
            fields, *answers = await pipe.execute(raise_on_error=False)
        if isinstance(fields, ResponseError):
            raise WrongType(f"{self._position}: {fields}")
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
                raise answer
        position = Position(fields, number(fields.get(b"input_offset")), number(fields.get(b"log_offset")))
        return Taken(position, answers)
