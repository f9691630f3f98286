"""A topic in memory, and running a connector beside a made-up upstream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 4, 29, 12, tzinfo=UTC).timestamp()


class Memory:
    """A topic that can be slow: nothing is taken while ``open_for`` is not set."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.takes = asyncio.Event()
        self.takes.set()

    async def open(self) -> None:
        """There at once."""

    async def append(self, key: str, values: Sequence[bytes]) -> None:
        """Keep the values once that is allowed."""
        await self.takes.wait()
        await asyncio.sleep(0)
        self.records += [(key, value) for value in values]

    async def tail(
        self, key: str, enough: Callable[[list[bytes | None]], bool], most: int
    ) -> list[bytes | None]:
        """Everything under a key."""
        return [value for one, value in self.records if one == key]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """All values, read."""
        return [json.loads(value) for _, value in self.records]

    def numbers(self) -> list[int]:
        """The numbers of the frames, in order, without what the connector says of its own."""
        return [
            one["seq"] for one in self.bodies if one["event"] not in ("connector.scope", "strategy.snapshot")
        ]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The records of an event."""
        return [one for one in self.bodies if one["event"] == name]


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run something until the block ends, which fails where it failed."""
    task = asyncio.create_task(work)
    try:
        yield task
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool], what: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something holds; else an AssertionError that says how it is."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        await asyncio.sleep(0.01)
