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
Scored = tuple[bytes, float]
"""A member and its score: the time in ms of what was applied last."""


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
        pages = await self._page({place: (since, None) for place, since in self._since.items()})
        crowds = {place: _score(page[0]) for place, page in pages.items() if _is_crowd(page)}
        pages |= await self._page({place: (score, score) for place, score in crowds.items()})
        changed: dict[Place, None] = {}
        for (partition, index), page in pages.items():
            changed |= {(partition, member.decode()): None for member, _ in page}
            if page:
                # More may come to have the last score, so it is looked at again, but for a whole crowd: that would keep
                # us from what comes after it.
                crowd = (partition, index) in crowds
                self._since[partition, index] = _score(page[-1]) + crowd
        return await self._read(list(changed))

    async def _page(
        self, wanted: Mapping[tuple[int, Index], tuple[int, int | None]]
    ) -> dict[tuple[int, Index], list[Scored]]:
        """Of each place the first ones from a score on; or all of one score."""
        async with self._redis.pipeline(transaction=False) as several:
            for (partition, index), (first, last) in wanted.items():
                key = self._names.index(self._service, partition, *index)
                if last is None:
                    several.zrangebyscore(key, first, "+inf", 0, _AT_ONCE, withscores=True)  # type: ignore[unused-awaitable]
                else:
                    several.zrangebyscore(key, first, last, withscores=True)  # type: ignore[unused-awaitable]
            return dict(zip(wanted, await several.execute(), strict=True))

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


def _score(scored: Scored) -> int:
    return int(scored[1])


def _is_crowd(page: Sequence[Scored]) -> bool:
    """Whether one moment's entities fill a page: those that a producer sent together have the same time."""
    return len(page) == _AT_ONCE and page[0][1] == page[-1][1]
