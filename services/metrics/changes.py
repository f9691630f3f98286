"""Which entities changed since the last look, by the sorted sets that they are in: the others cost nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from libs.contracts.names import Names

_AT_ONCE: Final = 300  # of a sorted set; what is left comes with the next look

Index = tuple[str, str]
Place = tuple[int, str]
"""An entity's partition and id."""


class Changes:
    """Follows some indexes of a service; ``fields`` of the projections are read. Raises RedisError, OSError."""

    def __init__(
        self,
        redis: Redis,
        names: Names,
        service: str,
        partitions: int,
        indexes: Sequence[Index],
        fields: Sequence[str],
    ) -> None:
        self._redis = redis
        self._names = names
        self._service = service
        self._fields = list(fields)
        self._since: dict[tuple[int, Index], int] = {
            (partition, index): 0 for partition in range(partitions) for index in indexes
        }

    async def look(self) -> dict[Place, Mapping[str, str]]:
        """The projections of what was applied to since the last look, by partition and id, some of them again."""
        places = list(self._since)
        async with self._redis.pipeline(transaction=False) as several:
            for partition, index in places:
                key = self._names.index(self._service, partition, *index)
                since = self._since[partition, index]
                several.zrangebyscore(key, since, "+inf", 0, _AT_ONCE, withscores=True)  # type: ignore[unused-awaitable]
            pages = await several.execute()
        changed: dict[Place, None] = {}
        for place, page in zip(places, pages, strict=True):
            changed |= {(place[0], member.decode()): None for member, _ in page}
            if page:
                self._since[place] = _next(self._since[place], int(page[-1][1]), len(page))
        return await self._read(list(changed))

    async def _read(self, places: Sequence[Place]) -> dict[Place, Mapping[str, str]]:
        async with self._redis.pipeline(transaction=False) as several:
            for partition, subject in places:
                several.hmget(self._names.entity(self._service, partition, subject), self._fields)  # type: ignore[unused-awaitable]
            rows = await several.execute()
        return {
            place: {
                name: value.decode()
                for name, value in zip(self._fields, row, strict=True)
                if value is not None
            }
            for place, row in zip(places, rows, strict=True)
        }


def _next(since: int, last: int, found: int) -> int:
    """From which score on to look next: the last one found, which more may come to have.

    Where one moment's entities fill a page they would come again for ever: on from the next, and those left out are
    seen once they change again.
    """
    return last + 1 if found == _AT_ONCE and last == since else last
