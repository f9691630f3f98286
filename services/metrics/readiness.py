"""Whether a metrics process does what it is there for: what `/readyz` says of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SILENCE: Final = 5.0
"""Seconds that the one that writes may be without having written."""


class Readiness:
    """Told of a process what happens to it; ``clock`` tells seconds.

    What went wrong stands until a look was written, or until another process writes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrote_at: float | None = None
        self._why: str | None = "Redis has not answered yet"

    def stands_by(self) -> None:
        """Another process writes."""
        self._wrote_at = self._why = None

    def begins(self) -> None:
        """This process is the one that writes from now on."""
        if self._wrote_at is None:
            self._wrote_at, self._why = self._clock(), "nothing was written yet"

    def wrote(self) -> None:
        """All figures of a second were written."""
        self._wrote_at, self._why = self._clock(), None

    def failed(self, why: str) -> None:
        """A look was not written, or not all of it."""
        self._why = why

    def obstacle(self) -> str | None:
        """Why it is not ready, None where it is."""
        if self._wrote_at is None:
            return self._why
        silent = self._clock() - self._wrote_at
        if silent > SILENCE:
            return f"nothing was written for {silent:.0f} s: {self._why or 'a look takes too long'}"
        return self._why
