"""What the partitions left in Redis, as far as figures are made of it. Raises RedisError, OSError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.contracts.statuses import STATUSES
from libs.views.reading import PartitionView, Views

MODES: Final = ("PAPER", "LIVE")

Entries = list[tuple[str, dict[str, str]]]


class Sources:
    """Reads the keys of one namespace; the cost goes by the partitions, not by what they hold."""

    def __init__(self, redis: Redis, names: Names, partitions: int) -> None:
        self._redis = redis
        self._names = names
        self._partitions = partitions
        self._views = Views(redis, names)

    async def now_ms(self) -> int:
        """Redis' clock, the one that all writers have in common."""
        seconds, micros = await self._redis.time()
        return int(seconds) * 1_000 + int(micros) // 1_000

    async def views(self, services: Iterable[str]) -> dict[str, list[PartitionView]]:
        """Positions and counters."""
        return {
            service: await self._views.partitions(service, range(self._partitions)) for service in services
        }

    async def statuses(self, services: Iterable[str]) -> dict[str, Counter[str]]:
        """How many entities are in each status."""
        wanted = {service: ("status", STATUSES[service]) for service in services if service in STATUSES}
        return await self._counted(wanted)

    async def modes(self) -> Counter[str]:
        """How many agents are in each mode."""
        return (await self._counted({"agents": ("mode", MODES)}))["agents"]

    async def _counted(self, wanted: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, Counter[str]]:
        places = [
            (service, value, self._names.index(service, partition, field, value))
            for service, (field, values) in wanted.items()
            for value in values
            for partition in range(self._partitions)
        ]
        async with self._redis.pipeline(transaction=False) as several:
            for _, _, key in places:
                several.zcard(key)  # type: ignore[unused-awaitable]
            sizes = await several.execute()
        found: dict[str, Counter[str]] = {service: Counter() for service in wanted}
        for (service, value, _), size in zip(places, sizes, strict=True):
            found[service][value] += size
        return found

    async def entries(self, key: str, first: str, last: str) -> Entries:
        """Entries of a stream, the oldest first."""
        return _text(await self._redis.xrange(key, first, last))

    async def latest(self, key: str, most: int = 1, until: str = "+") -> Entries:
        """Entries of a stream, the newest first."""
        return _text(await self._redis.xrevrange(key, until, "-", most))

    async def several_from(self, wanted: Sequence[tuple[str, str]], most: int) -> list[Entries]:
        """Of each stream the first entries from an id on."""
        async with self._redis.pipeline(transaction=False) as several:
            for key, first in wanted:
                several.xrange(key, first, "+", most)  # type: ignore[unused-awaitable]
            return [_text(answer) for answer in await several.execute()]

    async def latest_of(self, keys: Sequence[str]) -> list[Entries]:
        """The newest entry of each stream, none of one that is not there."""
        async with self._redis.pipeline(transaction=False) as several:
            for key in keys:
                several.xrevrange(key, "+", "-", 1)  # type: ignore[unused-awaitable]
            return [_text(answer) for answer in await several.execute()]

    async def projections(self, keys: Sequence[str], fields: Sequence[str]) -> list[dict[str, str]]:
        """Those fields of each hash that there are."""
        async with self._redis.pipeline(transaction=False) as several:
            for key in keys:
                several.hmget(key, list(fields))  # type: ignore[unused-awaitable]
            found = await several.execute()
        return [
            {name: value.decode() for name, value in zip(fields, row, strict=True) if value is not None}
            for row in found
        ]

    async def table(self, key: str) -> dict[str, str]:
        """A hash."""
        answer: Any = await self._redis.hgetall(key)
        return {name.decode(): value.decode() for name, value in answer.items()}

    async def has_time_series(self) -> bool:
        """Whether this Redis has the TimeSeries module: whether it knows the command."""
        answer: Any = await self._redis.execute_command(  # type: ignore[no-untyped-call]
            "COMMAND LIST", "FILTERBY", "PATTERN", "ts.add"
        )
        return bool(answer)


def _text(answer: Any) -> Entries:
    return [
        (entry_id.decode(), {name.decode(): value.decode() for name, value in fields.items()})
        for entry_id, fields in answer
    ]
