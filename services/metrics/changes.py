"""Which entities changed since the last look, by the sorted sets that they are in: the others cost nothing.

A set's scores are the broker's times of what was applied last. Many entities may have one time, for a producer's whole
batch gets one, and a worker may apply the rest of such a batch after we looked. So nothing steps over a time before the
partition has a later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from libs.contracts.names import Names

_AT_ONCE: Final = 300  # of a sorted set; what is left comes with the next look
_NEVER: Final = -1

Index = tuple[str, str]
Place = tuple[int, str]
"""An entity's partition and id."""
Scored = tuple[bytes, float]
"""A member and its score: the time in ms of what was applied last."""


class Changes:
    """Follows some indexes of a service. Raises RedisError, OSError."""

    def __init__(
        self, redis: Redis, names: Names, service: str, partitions: int, indexes: Sequence[Index]
    ) -> None:
        self._redis = redis
        self._names = names
        self._service = service
        self._indexes = tuple(indexes)
        self._since = {(partition, index): 0 for partition in range(partitions) for index in indexes}
        self._seen_up_to = dict.fromkeys(range(partitions), _NEVER)

    async def look(self, applied: Sequence[int]) -> list[Place]:
        """The entities that were applied to since the last look, some of them again.

        ``applied`` counts what each partition applied, read before this: one that applied nothing more is not asked.
        """
        stale = [number for number, count in enumerate(applied) if self._seen_up_to[number] != count]
        self._begin_anew([number for number in stale if applied[number] < self._seen_up_to[number]])
        wanted = [(number, index) for number in stale for index in self._indexes]
        newest, pages = await self._pages(wanted)
        changed: dict[Place, None] = {}
        unfinished: set[int] = set()
        for place in wanted:
            page, last = pages[place], newest[place[0]]
            reached = last
            if len(page) == _AT_ONCE:
                times = _score(page[0]), _score(page[-1])
                if times[0] == times[1]:
                    page = await self._all_of(place, times[0])
                    times = times[0], times[0] + 1
                # What has the last time of a page may go on behind it, a whole crowd was read to its end.
                reached = min(last, times[1])
                if times[1] <= last:
                    unfinished.add(place[0])
            changed |= {(place[0], member.decode()): None for member, _ in page}
            self._since[place] = max(self._since[place], reached)
        self._seen_up_to |= {number: applied[number] for number in stale if number not in unfinished}
        return list(changed)

    def _begin_anew(self, rebuilt: Sequence[int]) -> None:
        """A partition that counts anew is made anew, and what it comes to may be another."""
        self._since |= {(number, index): 0 for number in rebuilt for index in self._indexes}

    async def _pages(
        self, wanted: Sequence[tuple[int, Index]]
    ) -> tuple[dict[int, int], dict[tuple[int, Index], list[Scored]]]:
        """The latest time of each partition, and then of each place the first members from where we are."""
        async with self._redis.pipeline(transaction=False) as several:
            for place in wanted:
                several.zrevrange(self._key(place), 0, 0, withscores=True)  # type: ignore[unused-awaitable]
            for place in wanted:
                several.zrangebyscore(  # type: ignore[unused-awaitable]
                    self._key(place), self._since[place], "+inf", 0, _AT_ONCE, withscores=True
                )
            answers = await several.execute()
        newest: dict[int, int] = {}
        for (number, _), last in zip(wanted, answers, strict=False):
            newest[number] = max(newest.get(number, 0), *map(_score, last), 0)
        return newest, dict(zip(wanted, answers[len(wanted) :], strict=True))

    async def _all_of(self, place: tuple[int, Index], score: int) -> list[Scored]:
        """All members that have one time."""
        found: Any = await self._redis.zrangebyscore(self._key(place), score, score, withscores=True)
        return list(found)

    def _key(self, place: tuple[int, Index]) -> str:
        number, index = place
        return self._names.index(self._service, number, *index)


def _score(scored: Scored) -> int:
    return int(scored[1])
