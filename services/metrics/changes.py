"""Which entities changed since the last look, by the sorted sets that they are in: the others cost nothing.

A set's scores are the broker's times of what was applied last. Many entities may have one time, for a producer's whole
batch gets one, and a worker may apply the rest of such a batch after we looked. So nothing steps over a time before the
partition has a later one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from redis.asyncio import Redis

from libs.contracts.names import Names

_AT_ONCE: Final = 300  # of a sorted set; what is left comes with the next look
_NEVER: Final = -1

Index = tuple[str, str]
Followed = tuple[int, Index]
"""An index of a partition."""
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
        newest, pages = await self._pages([(number, index) for number in stale for index in self._indexes])
        crowds = {place: _score(page[0]) for place, page in pages.items() if _is_crowd(page)}
        pages |= await self._all_of(crowds)
        changed: dict[Place, None] = {}
        unfinished: set[int] = set()
        for place, page in pages.items():
            number, _ = place
            changed |= {(number, member.decode()): None for member, _ in page}
            cut = (
                _score(page[-1]) if len(page) == _AT_ONCE else math.inf
            )  # what has that time may go on behind it
            unread = crowds[place] + 1 if place in crowds else cut
            if unread <= newest[number]:
                unfinished.add(number)
            self._since[place] = max(self._since[place], int(min(unread, newest[number])))
        self._seen_up_to |= {number: applied[number] for number in stale if number not in unfinished}
        return list(changed)

    def _begin_anew(self, rebuilt: Sequence[int]) -> None:
        """A partition that counts anew is made anew, and what it comes to may be another."""
        self._since |= {(number, index): 0 for number in rebuilt for index in self._indexes}

    async def _pages(self, wanted: Sequence[Followed]) -> tuple[dict[int, int], dict[Followed, list[Scored]]]:
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

    async def _all_of(self, crowds: Mapping[Followed, int]) -> dict[Followed, list[Scored]]:
        """All members that have one time, of each place."""
        async with self._redis.pipeline(transaction=False) as several:
            for place, score in crowds.items():
                several.zrangebyscore(self._key(place), score, score, withscores=True)  # type: ignore[unused-awaitable]
            return dict(zip(crowds, await several.execute(), strict=True))

    def _key(self, place: Followed) -> str:
        number, index = place
        return self._names.index(self._service, number, *index)


def _score(scored: Scored) -> int:
    return int(scored[1])


def _is_crowd(page: Sequence[Scored]) -> bool:
    """Whether one moment's entities fill a page, so that there is no telling how many more there are of it."""
    return len(page) == _AT_ONCE and page[0][1] == page[-1][1]
