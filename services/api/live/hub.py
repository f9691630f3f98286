"""Everybody who has the page open: each is sent the same bytes, and whoever does not keep up is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

WATCHERS: Final = 200
_WAITING: Final = 16  # messages that a watcher may be behind, some 15 s


class Watcher:
    """One open page."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.lost = asyncio.Event()
        """Set once this watcher is to be let go: it does not keep up, or the process ends."""

    def send(self, message: bytes) -> None:
        """Hand on a message; never waits."""
        if self._waiting.qsize() >= _WAITING:
            self.lost.set()
        else:
            self._waiting.put_nowait(message)

    def end(self) -> None:
        """Let it go once it has what waits for it."""
        self._waiting.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next message; None where there will be no other."""
        return await self._waiting.get()


class Hub:
    """The watchers. ``first`` is called when somebody comes while nobody is there."""

    def __init__(self) -> None:
        self._watchers: dict[Watcher, None] = {}
        self._closed = False
        self.first: Callable[[], None] = lambda: None

    @property
    def watched(self) -> bool:
        """Whether anybody has the page open."""
        return bool(self._watchers)

    def join(self, state: bytes) -> Watcher | None:
        """A new watcher, who is sent ``state`` first; None where there are too many, or the process ends."""
        if self._closed or len(self._watchers) >= WATCHERS:
            return None
        watcher = Watcher()
        watcher.send(state)
        if not self._watchers:
            self.first()
        self._watchers[watcher] = None
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """From now on it is sent nothing."""
        self._watchers.pop(watcher, None)

    def publish(self, message: bytes) -> None:
        """Send to everybody; never waits."""
        for watcher in self._watchers:
            watcher.send(message)

    def close(self) -> None:
        """Let everybody go, and nobody in: pages come again to whoever serves them next."""
        self._closed = True
        for watcher in self._watchers:
            watcher.end()
