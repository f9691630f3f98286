"""How long this process has been awake: what it slept through, paused, is not its client's silence."""

from __future__ import annotations

from typing import Final

GLANCE: Final = 5.0  # seconds between two looks
_OVERSLEPT: Final = 2  # so many times the time between two looks is no mere delay


class Wakefulness:
    """Counts from the last pause; ``look`` has to be called every ``glance`` seconds. Times are monotonic."""

    def __init__(self, glance: float, now: float) -> None:
        self._glance = glance
        self._since = self._looked = now

    def look(self, now: float) -> float:
        """Seconds since the process was started or woke from a pause."""
        if now - self._looked > _OVERSLEPT * self._glance:
            self._since = now
        self._looked = now
        return now - self._since
