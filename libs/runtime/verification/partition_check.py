"""One partition of one service compared with all that must follow from its input."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin, parse_log_record
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import PartitionReader, partition_reader
from libs.runtime.topics import kept_since
from libs.runtime.verification.debts import DebtBook
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings
from libs.runtime.verification.follower import Follower, InputStream, Progress, steadily
from libs.runtime.verification.published import Comparison, Events, Gone, Letters, States
from libs.runtime.verification.redis_check import RedisCheck
from libs.runtime.verification.snapshot import Position, Snapshot

S = TypeVar("S")

_TAIL: Final = 1_000  # log records, among which the last is looked for: a zombie's doubles may follow it
_LOOK: Final = 0.25  # seconds between two looks at whether a worker has caught up


@dataclass(frozen=True)
class Deployment(Generic[S]):
    """What the check of every partition of a service needs.

    ``works`` tells whether the service's group has a worker; ``wait`` is how long, in seconds, one may take to fold
    what lies in the input; ``history`` is how many entries of an entity's history Redis keeps.
    """

    aggregate: Aggregate[S]
    names: Names
    kafka: KafkaAccess
    redis: Redis
    partitions: int
    history: int
    wait: float
    works: Callable[[], Awaitable[bool]]
    progress: Progress


class PartitionCheck(Generic[S]):
    """Compares one partition. Raises WentBack, Unanswered, Unfoldable, WrongType, KafkaError, RedisError."""

    def __init__(self, deployment: Deployment[S], partition: int) -> None:
        self._d = deployment
        self._partition = partition
        self._service = deployment.aggregate.service
        self.findings = Findings()
        self.debts = DebtBook()
        names = deployment.names
        self._origin = Origin(self._service, names.topic(f"{self._service}.in"), partition)
        self._expected = Expectation(
            deployment.aggregate, self._origin, deployment.partitions, deployment.history, self.debts
        )
        self._snapshot = Snapshot(deployment.redis, names, self._service, partition)

    async def run(self) -> None:
        """Compare; what was found is in ``findings``, what is owed to other partitions in ``debts``."""
        async with AsyncExitStack() as stack:
            inputs, log, events, state, dead = [
                await stack.enter_async_context(self._reader(stream))
                for stream in ("in", "log", "events", "state", "dead")
            ]
            await self._committed(inputs)
            begin, end = await inputs.bounds()
            last = await _last(inputs, log)
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
        return partition_reader(self._d.kafka, topic, self._partition)

    async def _committed(self, inputs: PartitionReader) -> None:
        """Wait until what lies in the input is committed: behind a transaction that stays open nobody sees anything."""
        topic = self._d.names.topic(f"{self._service}.in")
        async with partition_reader(self._d.kafka, topic, self._partition, uncommitted=True) as everything:
            _, end = await everything.bounds()
        deadline = time.monotonic() + self._d.wait
        while (committed := (await inputs.bounds())[1]) < end:
            if time.monotonic() > deadline:
                self.findings.unchecked.append(
                    f"{self._service} partition {self._partition}: input offsets {committed} to {end - 1} are held up"
                    f" by an open transaction, which did not end within {self._d.wait:.0f} s"
                )
                return
            await asyncio.sleep(_LOOK)

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
            keys = RedisCheck(
                self._partition, self._service, self._snapshot, self._expected, follower, self.findings
            )
            await keys.run(log, self._d.progress, strict=caught_up or works)
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

    async def _bounds(
        self, events: PartitionReader, state: PartitionReader, dead: PartitionReader
    ) -> list[tuple[PartitionReader, tuple[int, int], Comparison]]:
        """How far each derived topic is to be read; what the log accounts for is read to its end after that."""
        within = [await reader.bounds() for reader in (events, state, dead)]
        self._d.progress.expect(sum(end - begin for begin, end in within))
        now = round(time.time() * 1000)
        gone = [
            Gone(begin, kept_since(stream, now) or 0) if begin > 0 else None
            for stream, (begin, _) in zip(("events", "state", "dead"), within, strict=True)
        ]
        return [
            (events, within[0], Events(self._expected, self._partition, gone[0], self.findings)),
            (state, within[1], States(self._expected, self._partition, self.findings)),
            (dead, within[2], Letters(self._expected, self._partition, gone[2], self.findings)),
        ]

    async def _read(self, reader: PartitionReader, begin: int, end: int, comparison: Comparison) -> None:
        chunks: AsyncIterator[list[Any]] = steadily(reader.read(begin, end))
        async for chunk in chunks:
            for record in chunk:
                comparison.take(record)
            self._d.progress.done(len(chunk))
        comparison.finish()


async def _last(inputs: PartitionReader, log: PartitionReader) -> int:
    """The input offset that must be folded and in Redis. Of an input that keeps nothing any more the log tells it."""
    newest = await inputs.last()
    if newest is not None:
        return newest.offset
    return max((_accounts_for(record.value or b"") for record in await log.tail(_TAIL)), default=-1)


def _accounts_for(value: bytes) -> int:
    """The input offset of a log record, -1 where it is none: that is told when the log is read."""
    try:
        return parse_log_record(value).offset
    except ValueError:
        return -1
