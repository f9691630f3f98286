"""From a socket to Kafka, in order and bounded: whoever reads the socket waits while Kafka is slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from services.connectors.ports import Appends

WAITING: Final = 256  # items between socket and Kafka, each at most as large as a frame may be
_LAST_WORDS: Final = 4.0  # seconds for what waits, once told to stop


class Item(Protocol):
    """Something whose bytes go to Kafka."""

    @property
    def raw(self) -> bytes:
        """The record's value."""
        ...


T = TypeVar("T", bound=Item)


class Writer(Generic[T]):
    """Appends what is put, and tells what Kafka has; outlives the connections that it writes for."""

    def __init__(self, outlet: Appends, has: Callable[[T], None]) -> None:
        self._outlet = outlet
        self._has = has
        self._queue: asyncio.Queue[tuple[str, T]] = asyncio.Queue(WAITING)
        self._flows = asyncio.Event()
        self._flows.set()
        self._appending = asyncio.Lock()

    async def put(self, key: str, item: T) -> None:
        """Take an item to be appended under a key; waits while too many are."""
        await self._queue.put((key, item))

    async def append_first(self, key: str, items: Sequence[T]) -> None:
        """Append at once, before what waits: for while it is held."""
        async with self._appending:
            await self._append(key, items)

    def hold(self) -> None:
        """Let what is put wait."""
        self._flows.clear()

    def release(self) -> None:
        """Let it go on."""
        self._flows.set()

    async def settle(self) -> None:
        """Return once Kafka has everything that was put."""
        self.release()
        await self._queue.join()

    async def run_beside(self, connecting: Coroutine[Any, Any, None]) -> None:
        """Run together with what puts, until cancelled; then append what waits, for some seconds.

        Raises what either of the two raises.
        """
        tasks = [asyncio.create_task(connecting), asyncio.create_task(self._run())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            tasks[0].cancel()
            await asyncio.gather(tasks[0], return_exceptions=True)
            if not tasks[1].done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORDS):
                        await self.settle()
            tasks[1].cancel()
            await asyncio.gather(tasks[1], return_exceptions=True)

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            await self._flows.wait()
            key = batch[0][0]
            async with self._appending:
                while len(batch) < WAITING and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                start = 0
                while start < len(batch):
                    key, end = batch[start][0], start
                    while end < len(batch) and batch[end][0] == key:
                        end += 1
                    await self._append(key, [item for _, item in batch[start:end]])
                    start = end
            for _ in batch:
                self._queue.task_done()

    async def _append(self, key: str, items: Sequence[T]) -> None:
        if items:
            await self._outlet.append(key, [item.raw for item in items])
        for item in items:
            self._has(item)
