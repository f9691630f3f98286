"""An event loop whose time passes only when everyone waits: hours of back-off in no time, and the same on every run."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StandsStill(Exception):
    """Nobody will ever do anything again: a deadlock."""


class _Selector(selectors.SelectSelector):
    """Knows no real events; waiting for one moves the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StandsStill
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` begins at 0 s and jumps to whatever is due next."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time, and drop what is still going then. Raises StandsStill."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait_for(_all(left), 60)) if left else None
        loop.close()


async def _all(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


class VirtualTime:
    """Stands in for the ``time`` module where the machine looks at a clock."""

    @staticmethod
    def monotonic() -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    @staticmethod
    def time() -> float:
        """Virtual seconds since 1970, more or less."""
        return 1_780_081_200 + asyncio.get_running_loop().time()
