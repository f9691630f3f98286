"""What a partition was handed and has not folded yet; full, it has the consumer pause."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from libs.ledger.records import InputRecord
from libs.runtime.ports import Input

HIGH_RECORDS: Final = 1_000
HIGH_BYTES: Final = 8 * 1024 * 1024
_BATCH_BYTES: Final = 2 * 1024 * 1024  # after which a batch is taken as it is
_HEADER_BYTES: Final = 100  # what a header takes in memory, however short


class InputUnreadable(Exception):
    """The consumer can't read on in this partition."""


class Inbox:
    """Records of one partition in order, without holes that a stale fetch would make.

    After ``reopen(offset)`` a first batch that begins further on may be the leftover of a fetch from before
    the seek: it is believed only when a second fetch from ``offset`` begins there as well (then the topic
    has a hole: transaction markers, or records that it no longer keeps), and ``log`` says so.
    """

    def __init__(self, source: Input, log: Any) -> None:
        self._source = source
        self._log = log
        self._records: deque[tuple[InputRecord, int]] = deque()  # each with its bytes
        self._bytes = 0
        self._open = False
        self._paused = True
        self._next = 0
        self._sought: int | None = None
        self._claimed: int | None = None
        self._filled = asyncio.Event()
        self._failure: Exception | None = None

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._records)

    def fail(self, why: Exception) -> None:
        """Say that the input can't be read; whoever takes gets to know."""
        self._failure = why
        self.shut()

    def shut(self) -> None:
        """Drop what is there and take no more."""
        self._open = False
        self._records.clear()
        self._bytes = 0
        self._filled.set()
        self._pause()

    def reopen(self, offset: int) -> None:
        """Take records again, from an input offset on."""
        self._next = offset
        self._sought, self._claimed = offset, None
        self._filled.clear()
        self._failure = None
        self._open = True
        self._source.seek(offset)
        self._resume()

    def offer(self, records: list[InputRecord]) -> None:
        """Take what was fetched, as far as it is wanted."""
        if not self._open or not records:
            return
        if self._sought is not None and not self._believed(records[0].offset):
            return
        self._sought = None
        for record in records:
            if record.offset >= self._next:
                size = _size(record)
                self._records.append((record, size))
                self._bytes += size
                self._next = record.offset + 1
        self._filled.set()
        if len(self._records) >= HIGH_RECORDS or self._bytes >= HIGH_BYTES:
            self._pause()

    def _believed(self, first: int) -> bool:
        assert self._sought is not None
        if first <= self._sought or first == self._claimed:
            if first > self._sought:
                self._log.warning("the input has a hole", first_missing=self._sought, next_there=first)
            return True
        self._claimed = first
        self._source.seek(self._sought)
        return False

    async def filled(self) -> bool:
        """Wait until there is something to take; false once the inbox is shut. Raises InputUnreadable."""
        while not self._records:
            if self._failure is not None:
                raise InputUnreadable(repr(self._failure)) from self._failure
            if not self._open:
                return False
            self._filled.clear()
            await self._filled.wait()
        return True

    def take(self, most: int) -> list[InputRecord]:
        """The next records, as many as make a batch; none where none wait."""
        batch: list[InputRecord] = []
        size = 0
        while self._records and len(batch) < most and size < _BATCH_BYTES:
            record, its_size = self._records.popleft()
            batch.append(record)
            size += its_size
        self._bytes -= size
        if self._paused and len(self._records) < HIGH_RECORDS // 2 and self._bytes < HIGH_BYTES // 2:
            self._resume()
        return batch

    def _pause(self) -> None:
        self._paused = True
        self._source.pause()

    def _resume(self) -> None:
        self._paused = False
        self._source.resume()


def _size(record: InputRecord) -> int:
    """Bytes of all that a sender may make large; headers are walked only where there are any."""
    size = len(record.key or b"") + len(record.value or b"")
    if record.headers:
        size += sum(_HEADER_BYTES + len(name) + len(value or b"") for name, value in record.headers)
    return size
