"""What a partition's machine needs of the world; Kafka and Redis give it, and tests give it in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from libs.ledger.records import Folded, InputRecord, Outgoing, Routed
from libs.views.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the end of a derived topic speaks of the input: the highest offset, -1 where it speaks of none.

    ``values`` are those of the records that come from there, None for a tombstone. ``gone_before`` (ms) is set where
    the topic keeps nothing any more: what followed from an input recorded before then may have been removed by its age.
    """

    offset: int
    values: frozenset[bytes | None] = frozenset()
    gone_before: int | None = None

    def covers(self, record: Outgoing, recorded: int) -> bool:
        """Whether what follows from an input of that time (ms) was appended, as far as the topic can tell."""
        if record.offset == self.offset:
            return record.value in self.values
        return self.passed(record.offset, recorded)

    def passed(self, offset: int, recorded: int) -> bool:
        """Whether the topic went on behind an input, or may have dropped what followed from it."""
        return offset < self.offset or (self.gone_before is not None and recorded < self.gone_before)


class Store(Protocol):
    """One partition's keys; see ``libs.views.store``."""

    async def take(self, owner: str, lease_ms: int = 0) -> Ownership: ...
    async def load(self, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]: ...
    async def members(self, index: tuple[str, str]) -> list[str]: ...
    async def apply(self, own: Ownership, folded: Folded, log_offset: int) -> None: ...
    async def say(self, own: Ownership, fields: Mapping[str, str]) -> None: ...
    async def holds_anything(self) -> bool: ...
    async def clear(self, own: Ownership) -> None: ...


class Writer(Protocol):
    """Appending to Kafka; see ``libs.runtime.journal``."""

    async def append(self, stream: str, partition: int, records: list[Outgoing]) -> int: ...
    async def route(self, routed: Iterable[Routed]) -> None: ...


class Ledger(Protocol):
    """One partition of a service's topics, read back; see ``libs.runtime.ledger``."""

    async def log_bounds(self) -> tuple[int, int]: ...
    def read_log(self, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]: ...
    async def reach(self, stream: str) -> Reach: ...
    async def state_bounds(self) -> tuple[int, int]: ...
    async def state_keys(self, start: int, end: int) -> set[bytes]: ...
    async def input_bounds(self) -> tuple[int, int]: ...
    async def input_at(self, offset: int) -> InputRecord | None: ...


class OpenLedger(Protocol):
    """Opens a partition's ledger."""

    def __call__(self, partition: int) -> AbstractAsyncContextManager[Ledger]: ...


class Input(Protocol):
    """The consumer, as far as one partition may steer it; offsets are those of the input, but for ``state_end``."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def seek(self, offset: int) -> None: ...
    async def commit(self, offset: int) -> None: ...
    async def state_end(self) -> int: ...
