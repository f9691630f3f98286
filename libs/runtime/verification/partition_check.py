"""One partition of one service compared with all that must follow from its input."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.contracts.names import ENTITIES, Names
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin, parse_log_record
from libs.runtime.reader import PartitionReader, partition_reader
from libs.runtime.verification.debts import Ledgers
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.follower import Follower, InputStream, Progress, steadily
from libs.runtime.verification.projection import (
    differing_fields,
    history_difference,
    index_differences,
    strange_position_fields,
)
from libs.runtime.verification.published import Comparison, Events, Letters, States
from libs.runtime.verification.snapshot import Position, Snapshot

S = TypeVar("S")

_TAIL: Final = 1_000  # input records among which the last committed one is looked for
_LOOK: Final = 0.25  # seconds between two looks at whether a worker has caught up
_ENTITIES: Final = 200  # in one atomic read of Redis
_ENTRIES: Final = 4_000  # history entries or index members in one atomic read
_SUSPECTS: Final = 500


class WentBack(Exception):
    """Redis knew less than a moment before: emptied, restored or being rebuilt while it was read."""


@dataclass(frozen=True)
class Deployment(Generic[S]):
    """What the check of every partition of a service needs.

    ``works`` tells whether the service's group has a worker; ``wait`` is how long, in seconds, one may take to fold
    what lies in the input; ``history`` is how many entries of an entity's history Redis keeps.
    """

    aggregate: Aggregate[S]
    names: Names
    servers: str
    redis: Redis
    partitions: int
    history: int
    wait: float
    works: Callable[[], Awaitable[bool]]
    progress: Progress


class PartitionCheck(Generic[S]):
    """Compares one partition. Raises WentBack, Unanswered, WrongType, KafkaError, RedisError."""

    def __init__(self, deployment: Deployment[S], partition: int) -> None:
        self._d = deployment
        self._partition = partition
        self._service = deployment.aggregate.service
        self.findings = Findings()
        self.debts = Ledgers()
        names = deployment.names
        self._origin = Origin(self._service, names.topic(f"{self._service}.in"), partition)
        self._expected = Expectation(
            deployment.aggregate, self._origin, deployment.partitions, deployment.history, self.debts
        )
        self._snapshot = Snapshot(deployment.redis, names, self._service, partition)
        self._reported_behind = False

    async def run(self) -> None:
        """Compare; what was found is in ``findings``, what is owed to other partitions in ``debts``."""
        async with AsyncExitStack() as stack:
            inputs, log, events, state, dead = [
                await stack.enter_async_context(self._reader(stream))
                for stream in ("in", "log", "events", "state", "dead")
            ]
            begin, end = await inputs.bounds()
            last = max((record.offset for record in await inputs.tail(_TAIL)), default=-1)
            follower = Follower(
                self._d.aggregate,
                self._partition,
                self._d.partitions,
                log,
                InputStream(inputs, begin, end),
                self._expected,
                self.findings,
                self._d.progress,
            )
            await self._compare_redis(follower, log, last)
            published = await self._bounds(events, state, dead)
            await follower.advance()
            follower.finish()
            for reader, (first, after), comparison in published:
                await self._read(reader, first, after, comparison)

    def _reader(self, stream: str) -> Any:
        topic = self._d.names.topic(f"{self._service}.{stream}")
        return partition_reader(self._d.servers, topic, self._partition)

    async def _compare_redis(self, follower: Follower[S], log: PartitionReader, last: int) -> None:
        """Fold to where Redis stands, and compare it there; without a worker, to where the log ends."""
        position, works = await self._caught_up(last)
        caught_up = position.reached >= last and not position.being_rebuilt()
        if caught_up or works:
            await follower.advance(position.reached)
        else:
            await follower.advance()
        if not caught_up:
            self._explain(position, works, follower.known, last)
        if not position.being_rebuilt():
            await self._compare_keys(follower, log, strict=caught_up or works)
        if caught_up or works:
            self._expected.settle()

    async def _caught_up(self, last: int) -> tuple[Position, bool]:
        """Wait until all input is folded and written, as long as there is somebody to do it."""
        deadline = time.monotonic() + self._d.wait
        while True:
            position = await self._snapshot.position()
            rebuilt = position.being_rebuilt()
            if position.reached >= last and not rebuilt:
                return position, True
            works = rebuilt or await self._d.works()
            if not works or time.monotonic() > deadline:
                return position, works
            await asyncio.sleep(_LOOK)

    def _explain(self, position: Position, works: bool, known: int, last: int) -> None:
        """Say what could not be compared, because it has not happened yet."""
        here = f"{self._service} partition {self._partition}"
        if position.being_rebuilt():
            self.findings.unchecked.append(f"{here}: it is being rebuilt")
        elif works:
            self.findings.unchecked.append(
                f"{here}: Redis is at input offset {position.reached}, the input ends with {last};"
                f" its worker did not catch up within {self._d.wait:.0f} s"
            )
        elif known < last:
            self.findings.unchecked.append(
                f"{here}: the log accounts for input up to offset {known}, the input ends with {last}; no worker runs"
            )

    # Redis, each piece at the position that it was read with

    async def _compare_keys(self, follower: Follower[S], log: PartitionReader, strict: bool) -> None:
        await self._compare_counters(follower, log, strict)
        await self._compare_entities(follower, strict)
        await self._compare_indexes(follower, strict)
        await self._compare_rest(follower, strict)

    async def _align(self, follower: Follower[S], position: Position, strict: bool) -> None:
        """Fold up to where Redis was when something was read. Raises WentBack where the fold is further already."""
        at = position.reached
        if at > self._expected.position:
            await follower.advance(at)
        if at < self._expected.position and strict:
            raise WentBack
        if at != self._expected.position and not self._reported_behind:
            self._reported_behind = True
            self._add(
                Kind.REDIS_POSITION,
                "position",
                f"input_offset is {position.input_offset}, but the log ends with {self._expected.position}",
            )

    async def _compare_counters(self, follower: Follower[S], log: PartitionReader, strict: bool) -> None:
        taken = await self._snapshot.counters()
        await self._align(follower, taken.position, strict)
        for found in self._whole(taken.answers, "counters"):
            wanted = {name.encode(): value.encode() for name, value in self._expected.counters.items()}
            for name, detail in differing_fields(wanted, found):
                self._add(Kind.REDIS_COUNTERS, name, detail)
        for name in strange_position_fields(taken.position.fields):
            self._add(Kind.REDIS_POSITION, "position", f"has a field that nobody writes: {name}")
        await self._compare_log_offset(log, taken.position)

    async def _compare_log_offset(self, log: PartitionReader, position: Position) -> None:
        at, log_offset = position.input_offset, position.log_offset
        if at is None or at != self._expected.position:
            return  # reported as it is
        if at < 0:
            if log_offset != -1:
                self._add(
                    Kind.REDIS_POSITION, "position", f"log_offset is {log_offset}, but nothing is logged"
                )
            return
        record = None if log_offset is None else await log.one(log_offset)
        try:
            accounts = parse_log_record(b"" if record is None else record.value or b"").offset
        except ValueError:
            accounts = None
        if accounts != at:
            self._add(
                Kind.REDIS_POSITION,
                "position",
                f"log_offset {log_offset} is not a record of input offset {at}",
            )

    async def _compare_entities(self, follower: Follower[S], strict: bool) -> None:
        subjects = list(self._expected.entities)
        self._d.progress.expect(len(subjects))
        sizes = [len(self._expected.history(subject)) for subject in subjects]
        for chunk in _chunks(subjects, sizes, _ENTITIES):
            taken = await self._snapshot.entities(chunk)
            await self._align(follower, taken.position, strict)
            for subject, found, entries in zip(chunk, taken.answers[::2], taken.answers[1::2], strict=True):
                self._compare_entity(subject, found, entries)
            self.findings.checked["entities"] += len(chunk)
            self._d.progress.done(len(chunk))

    def _compare_entity(self, subject: str, found: Any, entries: Any) -> None:
        for fields in self._whole([found], subject):
            if not fields:
                self._add(Kind.REDIS_ENTITY, subject, "there is none in Redis")
                if not entries:
                    return
            else:
                for name, detail in differing_fields(self._expected.fields(subject), fields):
                    self._add(Kind.REDIS_FIELD, subject, f"{name} is {detail}")
        for history in self._whole([entries], f"{subject}:log"):
            difference = history_difference(self._expected.history(subject), history)
            if difference is not None:
                self._add(Kind.REDIS_HISTORY, subject, difference)

    async def _compare_indexes(self, follower: Follower[S], strict: bool) -> None:
        indexes = list(self._expected.indexes())
        sizes = [len(self._expected.indexes()[name]) for name in indexes]
        for chunk in _chunks(indexes, sizes, _ENTITIES):
            taken = await self._snapshot.indexes(chunk)
            await self._align(follower, taken.position, strict)
            now = self._expected.indexes()
            for name, answer in zip(chunk, taken.answers, strict=True):
                for found in self._whole([answer], f"by:{name}"):
                    for member, detail in index_differences(now.get(name, {}), _scored(found)):
                        self._add(Kind.REDIS_INDEX, f"by:{name}", f"{member} {detail}")
            self.findings.checked["indexes"] += len(chunk)

    async def _compare_rest(self, follower: Follower[S], strict: bool) -> None:
        suspects: set[bytes] = set()
        async for key in self._snapshot.keys():
            self.findings.checked["keys"] += 1
            if not self._belongs(key):
                suspects.add(key)
        for chunk in _chunks(sorted(suspects), [1] * len(suspects), _SUSPECTS):
            taken = await self._snapshot.existing(chunk)
            await self._align(follower, taken.position, strict)
            for key, exists in zip(chunk, taken.answers, strict=True):
                if exists and not self._belongs(key):
                    self._add(Kind.REDIS_EXTRA, key.decode(errors="replace"), "belongs to nothing in the log")

    def _belongs(self, key: bytes) -> bool:
        name = key.decode(errors="replace").removeprefix(self._snapshot.prefix)
        kind, _, rest = name.partition(":")
        if name == "position":
            return True
        if name == "counters":
            return self._expected.position >= 0
        if kind == "by":
            return rest in self._expected.indexes()
        if kind == ENTITIES[self._service]:
            return rest in self._expected.entities or rest.removesuffix(":log") in self._expected.entities
        return False

    def _whole(self, answers: Sequence[Any], what: str) -> Iterator[Any]:
        """The answers that are no errors; an error means that a key holds something else than it should."""
        for answer in answers:
            if isinstance(answer, ResponseError):
                self._add(Kind.REDIS_FIELD, what, str(answer))
            else:
                yield answer

    # what was published

    async def _bounds(
        self, events: PartitionReader, state: PartitionReader, dead: PartitionReader
    ) -> list[tuple[PartitionReader, tuple[int, int], Comparison]]:
        """How far each derived topic is to be read; what the log accounts for is read to its end after that."""
        within = [await reader.bounds() for reader in (events, state, dead)]
        self._d.progress.expect(sum(end - begin for begin, end in within))
        cut = [begin > 0 for begin, _ in within]
        return [
            (events, within[0], Events(self._expected, self._partition, cut[0], self.findings)),
            (state, within[1], States(self._expected, self._partition, self.findings)),
            (dead, within[2], Letters(self._expected, self._partition, cut[2], self.findings)),
        ]

    async def _read(self, reader: PartitionReader, begin: int, end: int, comparison: Comparison) -> None:
        chunks: AsyncIterator[list[Any]] = steadily(reader.read(begin, end))
        async for chunk in chunks:
            for record in chunk:
                comparison.take(record)
            self._d.progress.done(len(chunk))
        comparison.finish()

    def _add(self, kind: Kind, where: str, detail: str) -> None:
        self.findings.add(kind, self._partition, where, detail)


T = TypeVar("T")


def _chunks(items: Sequence[T], sizes: Sequence[int], most: int) -> Iterator[list[T]]:
    """Pieces of at most ``most`` items, and of no more than so many entries unless one item alone has them."""
    chunk: list[T] = []
    entries = 0
    for item, size in zip(items, sizes, strict=True):
        if chunk and (len(chunk) >= most or entries + size > _ENTRIES):
            yield chunk
            chunk, entries = [], 0
        chunk.append(item)
        entries += size
    if chunk:
        yield chunk


def _scored(answer: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Members with scores, whether the client paired them or not."""
    if answer and isinstance(answer[0], list | tuple):
        return [(member, float(score)) for member, score in answer]
    return [(member, float(score)) for member, score in zip(answer[::2], answer[1::2], strict=True)]
