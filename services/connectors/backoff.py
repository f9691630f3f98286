"""How long to wait before connecting again (004): 1 s, doubled to 30 s, ±25 %. Pure but for the clock it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST: Final = 1.0  # seconds
LONGEST: Final = 30.0
JITTER: Final = 0.25
SETTLED: Final = 60.0  # seconds up, after which a connection starts the schedule anew
_MOST_DOUBLINGS: Final = 30


class Backoff:
    """The schedule of one connection that is kept up; ``clock`` in seconds, ``random`` from 0 to 1."""

    def __init__(self, clock: Callable[[], float], random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._failures = 0
        self._up_since: float | None = None

    def connected(self) -> None:
        """A connection was made."""
        self._up_since = self._clock()

    def failed(self) -> float:
        """A connection ended, or was not made: the seconds to wait, never more than the cap."""
        if self._up_since is not None and self._clock() - self._up_since >= SETTLED:
            self._failures = 0
        self._up_since = None
        delay: float = min(FIRST * 2.0 ** min(self._failures, _MOST_DOUBLINGS), LONGEST)
        self._failures += 1
        return min(delay * (1 + JITTER * (2 * self._random() - 1)), LONGEST)
