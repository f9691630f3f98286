"""Reading back what the partitions wrote: projections, histories, positions and counters.

A projection is read together with its partition's position, so that whoever shows it can say whether it is fresh.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from libs.contracts.names import Names
from libs.ledger.envelope import parse_log_record
from libs.ledger.intake import DAMAGED

SEEN_WITHIN_MS: Final = 5_000  # a worker looks after its partitions once a second
_PAGE: Final = 500  # log records


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition is folded; offsets are -1 where nothing was, ``seen_at`` in ms is None where never.

    ``p50_ms`` and ``p99_ms`` are latencies from the broker's time stamp to Redis over the last seconds; 0 where nothing
    came.
    """

    partition: int
    owner: str | None = None
    epoch: int = 0
    input_offset: int = -1
    log_offset: int = -1
    says_ready: bool = False
    seen_at: int | None = None
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    def ready(self, now_ms: float) -> bool:
        """Whether its worker is at work: it said so, and was there a moment ago."""
        return self.says_ready and self.seen_at is not None and now_ms - self.seen_at <= SEEN_WITHIN_MS

    def lag(self, begin: int, end: int) -> int:
        """How many input records are still to be folded, of those from offset ``begin`` up to but without ``end``."""
        return max(0, end - max(begin, self.input_offset + 1))


@dataclass(frozen=True, slots=True)
class Projection:
    """An entity's hash (empty where there is none) and the position of its partition at the same moment."""

    fields: Mapping[str, str]
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Several hashes of one partition and its position, all of one moment."""

    fields: Sequence[Mapping[str, str]]
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class Streamed:
    """Entries of one of an entity's streams, the newest first: each its number and its fields.

    ``known`` says whether there is such an entity.
    """

    entries: Sequence[tuple[int, Mapping[str, str]]]
    known: bool
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """Members of a sorted set with their scores (ms), the highest first, of a partition."""

    members: Sequence[tuple[int, str]]
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class Members:
    """All members of a sorted set of a partition, in no order that counts."""

    ids: Sequence[str]
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The log records of an entity that Redis keeps, oldest first, and the position of its partition at that moment."""

    records: Sequence[bytes]
    position: Position
    ready: bool


@dataclass(frozen=True, slots=True)
class PartitionView:
    """A partition's position, whether it is ready, and its counters (absolute values).

    ``damaged`` says what is wrong with a key that holds something else; what it should tell is then left out.
    """

    position: Position
    ready: bool
    counters: Mapping[str, int] = field(default_factory=dict)
    damaged: str | None = None


class Views:
    """Reads the keys of one namespace; ``redis`` must not decode answers. Raises RedisError, OSError."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._redis = redis
        self._names = names

    async def projection(self, service: str, partition: int, entity_id: str) -> Projection:
        """An entity as its partition has it now."""
        async with self._redis.pipeline(transaction=True) as both:
            _ask(both, self._names.position(service, partition))
            _ask(both, self._names.entity(service, partition, entity_id))
            position, fields = await both.execute()
        at = position_of(partition, _text(position))
        return Projection(_text(fields), at, at.ready(time.time() * 1000))

    async def joined(
        self, service: str, partition: int, entity_ids: Sequence[str], names: Sequence[str] = ()
    ) -> Joined:
        """Several entities of one partition, companions among them; an empty hash where there is none.

        With ``names``, those of these fields alone that there are: a hash can be large.
        """
        async with self._redis.pipeline(transaction=True) as several:
            _ask(several, self._names.position(service, partition))
            for entity_id in entity_ids:
                key = self._names.entity(service, partition, entity_id)
                if names:
                    several.hmget(key, list(names))  # type: ignore[unused-awaitable]
                else:
                    _ask(several, key)
            position, *answers = await several.execute()
        at = position_of(partition, _text(position))
        fields = [_chosen(names, answer) if names else _text(answer) for answer in answers]
        return Joined(fields, at, at.ready(time.time() * 1000))

    async def members(self, service: str, partition: int, index: tuple[str, str]) -> Members:
        """The entities in a sorted set."""
        async with self._redis.pipeline(transaction=True) as both:
            _ask(both, self._names.position(service, partition))
            both.zrange(self._names.index(service, partition, *index), 0, -1)  # type: ignore[unused-awaitable]
            position, ids = await both.execute()
        at = position_of(partition, _text(position))
        return Members([one.decode() for one in ids], at, at.ready(time.time() * 1000))

    async def recorded(self, service: str, partition: int, entity_id: str) -> Recorded:
        """An entity's whole history at once, for entities that have short ones."""
        async with self._redis.pipeline(transaction=True) as both:
            _ask(both, self._names.position(service, partition))
            both.lrange(self._names.history(service, partition, entity_id), 0, -1)  # type: ignore[unused-awaitable]
            position, records = await both.execute()
        at = position_of(partition, _text(position))
        return Recorded(records, at, at.ready(time.time() * 1000))

    async def position(self, service: str, partition: int) -> Position:
        """How far a partition is folded."""
        answer: Any = await self._redis.hgetall(self._names.position(service, partition))
        return position_of(partition, _text(answer))

    async def stream(
        self, service: str, partition: int, entity_id: str, stream: str, before: int | None, count: int
    ) -> Streamed:
        """At most ``count`` entries of a stream, those with a smaller number than ``before`` only."""
        key = self._names.stream(service, partition, entity_id, stream)
        async with self._redis.pipeline(transaction=True) as several:
            _ask(several, self._names.position(service, partition))
            several.exists(self._names.entity(service, partition, entity_id))  # type: ignore[unused-awaitable]
            several.xrevrange(key, "+" if before is None else f"({before}-0", "-", count)  # type: ignore[unused-awaitable]
            position, known, entries = await several.execute()
        at = position_of(partition, _text(position))
        numbered = [(int(number.partition(b"-")[0]), _text(fields)) for number, fields in entries]
        return Streamed(numbered, bool(known), at, at.ready(time.time() * 1000))

    async def ranked(
        self,
        service: str,
        partition: int,
        index: tuple[str, str],
        before: tuple[int, str] | None,
        count: int,
    ) -> Ranked:
        """At most ``count`` members of a sorted set, those that come after ``before`` (score in ms, member) only."""
        key = self._names.index(service, partition, *index)
        highest: str | int = "+inf" if before is None else before[0]
        position: Position | None = None
        found: list[tuple[int, str]] = []
        skipped = 0
        while True:
            async with self._redis.pipeline(transaction=True) as both:
                _ask(both, self._names.position(service, partition))
                both.zrevrangebyscore(key, highest, "-inf", skipped, count, withscores=True)  # type: ignore[unused-awaitable]
                at, page = await both.execute()
            position = position or position_of(partition, _text(at))
            members = [(int(score), member.decode()) for member, score in page]
            found += [one for one in members if before is None or _after(one, before)]
            skipped += len(page)
            if len(found) >= count or len(page) < count:
                return Ranked(found[:count], position, position.ready(time.time() * 1000))

    async def history(self, service: str, partition: int, entity_id: str) -> list[bytes]:
        """The entity's log records that Redis keeps, oldest first, with none left out between two of them.

        Read by pages. Where the beginning is cut off meanwhile, what lies behind it comes to lie further in front.
        """
        key = self._names.history(service, partition, entity_id)
        found: list[bytes] = []
        first = 0  # of what was found the last, by which a page is known to go on from it
        while True:
            page: list[bytes] = await self._redis.lrange(key, first, first + _PAGE)  # type: ignore[assignment]
            if not found or page[:1] == found[-1:]:
                found += page[1:] if found else page
                if len(page) <= _PAGE:
                    return found
                first += _PAGE
                continue
            moved = _distance(found[-1], page[0]) if page else 0
            first -= moved
            if moved <= 0 or first < 0:  # what follows is cut off as well, or all was made anew
                found, first = [], 0

    async def partitions(self, service: str, numbers: Iterable[int]) -> list[PartitionView]:
        """Position and counters of partitions, in one round trip; a damaged one takes nothing from the others."""
        numbers = list(numbers)
        # On a cluster these keys lie on several nodes, so there is no transaction over all of them.
        async with self._redis.pipeline(transaction=False) as several:
            for number in numbers:
                _ask(several, self._names.position(service, number))
                _ask(several, self._names.counters(service, number))
            answers = await several.execute(raise_on_error=False)
        now = time.time() * 1000
        return [
            self._view(service, number, position, counters, now)
            for number, position, counters in zip(numbers, answers[::2], answers[1::2], strict=True)
        ]

    def _view(self, service: str, number: int, position: Any, counters: Any, now: float) -> PartitionView:
        try:
            at = position_of(number, _hash(position))
        except (ResponseError, ValueError) as why:
            return PartitionView(
                Position(number), ready=False, damaged=f"{self._names.position(service, number)}: {why}"
            )
        try:
            counted = {name: int(value) for name, value in _hash(counters).items()}
        except (ResponseError, ValueError) as why:
            return PartitionView(at, at.ready(now), damaged=f"{self._names.counters(service, number)}: {why}")
        return PartitionView(at, at.ready(now), counted)


def _distance(one: bytes, other: bytes) -> int:
    """How many sequences a log record is ahead of another one; 0 where that can't be told."""
    try:
        ahead = parse_log_record(other).attributes["sequence"] - parse_log_record(one).attributes["sequence"]
    except DAMAGED:
        return 0
    return ahead if type(ahead) is int else 0


def _after(one: tuple[int, str], other: tuple[int, str]) -> bool:
    """Whether a member comes after another one where the highest is first; equal scores go by the members' bytes."""
    return (one[0], one[1].encode()) < (other[0], other[1].encode())


def position_of(partition: int, fields: Mapping[str, str]) -> Position:
    """The position that a hash holds; an empty one is that of a partition which nobody took yet."""
    seen_at = fields.get("_seen_at")
    return Position(
        partition=partition,
        owner=fields.get("owner"),
        epoch=int(fields.get("epoch", 0)),
        input_offset=int(fields.get("input_offset", -1)),
        log_offset=int(fields.get("log_offset", -1)),
        says_ready=fields.get("ready") == "1",
        seen_at=None if seen_at is None else int(seen_at),
        p50_ms=float(fields.get("_p50_ms", 0)),
        p99_ms=float(fields.get("_p99_ms", 0)),
    )


def _ask(pipeline: Pipeline, key: str) -> None:
    pipeline.hgetall(key)  # type: ignore[unused-awaitable]  # a pipeline only takes note of it


def _hash(answer: Mapping[bytes, bytes] | Exception) -> dict[str, str]:
    """Raises ResponseError where the key is no hash, whatever else was the answer, and ValueError (not text)."""
    if isinstance(answer, Exception):
        raise answer
    return _text(answer)


def _chosen(names: Sequence[str], values: Sequence[bytes | None]) -> dict[str, str]:
    pairs = zip(names, values, strict=True)
    return {name: value.decode() for name, value in pairs if value is not None}


def _text(answer: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer.items()}
