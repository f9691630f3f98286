"""Log and input of one partition read side by side and folded, up to wherever the comparison has to stand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, Generic, Protocol, TypeVar

from libs.ledger.aggregate import Aggregate
from libs.ledger.intake import DAMAGED
from libs.ledger.records import InputRecord
from libs.runtime.ledger import input_record
from libs.runtime.reader import PartitionReader, Record
from libs.runtime.verification.chain import Accepted, Chain
from libs.runtime.verification.describing import log_difference
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.joining import Kept, join

S = TypeVar("S")

STALLED: Final = 20.0  # seconds without a record from a topic that has some
_BATCH: Final = 1_000


class Unfoldable(Exception):
    """The log holds what no fold can go on from, and the input that would tell better is gone."""


class Unanswered(Exception):
    """Kafka has records and does not give them."""


class Progress(Protocol):
    """Where a person looks while it takes long; counts are of Kafka records and Redis keys."""

    def expect(self, count: int) -> None: ...
    def done(self, count: int) -> None: ...


async def steadily(records: AsyncIterator[list[Record]]) -> AsyncGenerator[list[Record], None]:
    """The same chunks. Raises Unanswered where none comes for long."""
    while True:
        try:
            async with asyncio.timeout(STALLED):
                chunk = await anext(records)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Unanswered(f"Kafka gave no record for {STALLED:.0f} s") from None
        yield chunk


class InputStream:
    """The input of a partition, taken piece by piece in the order of its offsets."""

    def __init__(self, reader: PartitionReader, begin: int, end: int) -> None:
        self._reader = reader
        self._waiting: deque[InputRecord] = deque()
        self._chunks: AsyncIterator[list[Record]] | None = None
        self._next = begin
        self.begin = begin
        self.end = end

    async def through(self, offset: int) -> list[InputRecord]:
        """All records up to an offset that were not taken yet."""
        while self._next <= offset:
            if self._chunks is None:
                self.end = (await self._reader.bounds())[1]
                if self._next >= self.end:
                    break
                self._chunks = steadily(self._reader.read(self._next, self.end))
            chunk = await anext(self._chunks, None)
            if chunk is None:
                self._chunks = None
                self._next = self.end
            else:
                self._waiting.extend(input_record(record) for record in chunk)
                self._next = chunk[-1].offset + 1
        taken = []
        while self._waiting and self._waiting[0].offset <= offset:
            taken.append(self._waiting.popleft())
        return taken


class Follower(Generic[S]):
    """Folds what the log accounts for into the expectation, and reports where log and fold disagree."""

    def __init__(
        self,
        aggregate: Aggregate[S],
        partition: int,
        partitions: int,
        log: PartitionReader,
        inputs: InputStream,
        expected: Expectation[S],
        findings: Findings,
        progress: Progress,
    ) -> None:
        self._aggregate = aggregate
        self._partition = partition
        self._partitions = partitions
        self._log = log
        self._inputs = inputs
        self._expected = expected
        self._findings = findings
        self._progress = progress
        self._chain = Chain(partition, findings)
        self._accepted: deque[Accepted] = deque()
        self._next: int | None = None

    @property
    def known(self) -> int:
        """The last input offset that the log accounts for, as far as it was read; -1 for none."""
        return self._chain.last

    async def advance(self, until: int | None = None) -> None:
        """Fold up to an input offset, or to where the log ends now."""
        await self._fold(until)
        if until is not None and self._chain.last >= until:
            return
        begin, end = await self._log.bounds()
        if self._next is None:
            self._next = begin
            self._progress.expect(end - begin)
            if begin > 0:
                self._findings.add(
                    Kind.LOG_CUT_OFF, self._partition, "the log", f"begins at offset {begin}: kept for ever?"
                )
        async with aclosing(steadily(self._log.read(self._next, end))) as chunks:
            async for chunk in chunks:
                self._accepted.extend(one for record in chunk if (one := self._chain.offer(record)))
                self._findings.checked["log"] += len(chunk)
                self._progress.done(len(chunk))
                self._next = chunk[-1].offset + 1
                await self._fold(until)
                if until is not None and self._chain.last >= until:
                    return
        self._next = max(self._next, end)

    def finish(self) -> None:
        """Report what the log holds and nobody will reach, and input that is gone behind its end; count the doubles."""
        self._chain.finish()
        self._findings.skip(self._partition, self.known + 1, self._inputs.begin - 1)
        self._findings.checked["doubles"] += self._chain.doubles

    async def _fold(self, until: int | None) -> None:
        while self._accepted:
            batch: list[Accepted] = []
            while self._accepted and len(batch) < _BATCH:
                if until is not None and self._accepted[0].logged.offset > until:
                    break
                batch.append(self._accepted.popleft())
            if not batch:
                return
            await self._fold_batch(batch)

    async def _fold_batch(self, batch: list[Accepted]) -> None:
        inputs = await self._inputs.through(batch[-1].logged.offset)
        joined = join(
            self._aggregate,
            self._partition,
            self._partitions,
            batch,
            inputs,
            Kept(self._inputs.begin, self._inputs.end),
            self._findings,
        )
        try:
            log = self._expected.take(joined.readings, joined.remembered)
        except DAMAGED as why:
            first, last = batch[0].record.offset, batch[-1].record.offset
            raise Unfoldable(
                f"{self._aggregate.service} partition {self._partition}: of the log records at offsets {first}"
                f" to {last} one can't be folded: {why!r}"
            ) from why
        for offset, wanted in log.items():
            record = joined.accepted[offset].record
            difference = log_difference(wanted, record)
            if difference is not None:
                self._findings.add(
                    Kind.LOG_DIFFERS,
                    self._partition,
                    f"log offset {record.offset}",
                    f"{offset}: {difference}",
                )
