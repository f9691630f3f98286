"""A partition of a service's topics, read back from Kafka: what recovery, rebuild and verification start from."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from libs.contracts.names import Names
from libs.ledger.partition import cause_of
from libs.ledger.records import InputRecord
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.ports import Reach
from libs.runtime.reader import PartitionReader, Record, partition_reader
from libs.runtime.topics import kept_since

_TAIL: Final = 1_000  # records; the newest cause is the last one, unless a zombie's doubles came after it
_LATEST: Final = 253_402_300_799_999  # ms, the last instant of the year 9999


def input_record(record: Record) -> InputRecord:
    """An input record as the fold takes it; a broker's time outside of what RFC 3339 can say is brought inside."""
    recorded = min(max(record.timestamp, 0), _LATEST)
    return InputRecord(record.offset, recorded, record.key, record.value, list(record.headers))


class KafkaLedger:
    """Reads one partition of ``log``, of the derived topics' tails, and single input records. Raises KafkaError.

    What it opens for longer than a question goes on ``open_for_good``, which whoever made it closes.
    """

    def __init__(
        self,
        kafka: KafkaAccess,
        names: Names,
        service: str,
        partition: int,
        log: PartitionReader,
        open_for_good: AsyncExitStack,
    ) -> None:
        self._kafka = kafka
        self._names = names
        self._service = service
        self._partition = partition
        self._log = log
        self._open_for_good = open_for_good
        self._input: PartitionReader | None = None

    async def log_bounds(self) -> tuple[int, int]:
        """The log's first offset and the one after its last record."""
        return await self._log.bounds()

    async def read_log(self, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Chunks of (log offset, log record)."""
        async for chunk in self._log.read(start, end):
            yield [(record.offset, record.value or b"") for record in chunk]

    async def reach(self, stream: str) -> Reach:
        """How far the end of a derived topic speaks of the input.

        Records are appended in the order of their causes; a zombie's doubles can only make this too low,
        and then more is emitted again than needed. So would a tail without any record, but there is none: our
        producer knows no transactions, whose markers and aborted records could fill it, and compaction leaves
        the last record of ``state``.
        """
        async with self._reader(stream) as reader:
            begin, end = await reader.bounds()
            tail = await reader.tail(_TAIL)
        offset = max((cause_of(one.headers) for one in tail), default=-1)
        values = frozenset(one.value for one in tail if cause_of(one.headers) == offset)
        gone_before = kept_since(stream, round(time.time() * 1000)) if begin == end > 0 else None
        return Reach(offset, values, gone_before)

    async def state_bounds(self) -> tuple[int, int]:
        """The first offset of ``.state``, and the one after its last record."""
        async with self._reader("state") as reader:
            return await reader.bounds()

    async def state_keys(self, start: int, end: int) -> set[bytes]:
        """Whose states lie between two offsets."""
        async with self._reader("state") as reader:
            return {
                one.key async for chunk in reader.read(start, end) for one in chunk if one.key is not None
            }

    async def input_bounds(self) -> tuple[int, int]:
        """The first input offset that is kept, and the one after the last committed record."""
        return await (await self._input_reader()).bounds()

    async def input_at(self, offset: int) -> InputRecord | None:
        """An input record, None where the topic no longer keeps it."""
        record = await (await self._input_reader()).one(offset)
        return None if record is None else input_record(record)

    async def _input_reader(self) -> PartitionReader:
        """One for all questions: thousands of refused inputs may be asked for, each a connection otherwise."""
        if self._input is None:
            self._input = await self._open_for_good.enter_async_context(self._reader("in"))
        return self._input

    def _reader(self, stream: str) -> AbstractAsyncContextManager[PartitionReader]:
        return partition_reader(self._kafka, self._names.topic(f"{self._service}.{stream}"), self._partition)


@asynccontextmanager
async def open_ledger(
    kafka: KafkaAccess, names: Names, service: str, partition: int
) -> AsyncIterator[KafkaLedger]:
    """Open a partition of a service's topics for reading."""
    async with AsyncExitStack() as opened:
        log = await opened.enter_async_context(
            partition_reader(kafka, names.topic(f"{service}.log"), partition)
        )
        yield KafkaLedger(kafka, names, service, partition, log, opened)
