"""A producer that appends nowhere and acknowledges each batch as a test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

NOWHERE = -1
"""The offset that the client has where the broker had the batch already and does not say where."""


@dataclass
class Batch:
    """At most so many records."""

    room: int
    values: list[bytes | None] = field(default_factory=list)

    def append(self, *, value: bytes | None, **_: Any) -> object | None:
        """None where it is full."""
        if len(self.values) == self.room:
            return None
        self.values.append(value)
        return self

    def close(self) -> None:
        """Nothing comes to it any more."""


@dataclass(frozen=True)
class _Acknowledged:
    offset: int


class ScriptedProducer:
    """Batch after batch has the next outcome, an offset or a failure; those beyond the script are appended."""

    def __init__(self, *outcomes: int | Exception, room: int = 1_000) -> None:
        self._outcomes = list(outcomes)
        self._room = room
        self.sent: list[tuple[int, list[bytes | None]]] = []
        """The partition and the values of each batch that was handed over."""

    def create_batch(self) -> Batch:
        """As aiokafka's."""
        return Batch(self._room)

    async def send_batch(self, batch: Batch, _topic: str, *, partition: int) -> asyncio.Future[_Acknowledged]:
        """As aiokafka's."""
        self.sent.append((partition, batch.values))
        outcome = self._outcomes.pop(0) if self._outcomes else len(self.sent)
        future: asyncio.Future[_Acknowledged] = asyncio.get_running_loop().create_future()
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(_Acknowledged(outcome))
        return future
