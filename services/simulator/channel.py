"""The status channel of a made-up upstream (004): its numbers, its replay buffer, and its lies. Pure."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

_LONGEST_JUMP: Final = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it is sent; ``at`` in seconds of the clock that the channel is told."""

    seq: int
    strategy_id: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Lies:
    """The share of events before which numbers are skipped, that come twice, at which the counter begins anew."""

    jump: float = 0.0
    double: float = 0.0
    reset: float = 0.0


class Channel:
    """Counts over all strategies; keeps what was sent for some seconds."""

    def __init__(self, keep: float = 300.0, lies: Lies | None = None, rng: Random | None = None) -> None:
        self.last = 0
        self._keep = keep
        self._lies = lies or Lies()
        self._rng = rng or Random(0)  # noqa: S311 - reproducible, not secret
        self._gone = 0  # the highest number that can't be replayed any more
        self._frames: deque[Frame] = deque()

    def add(self, strategy_id: str, event: str, data: Mapping[str, Any], ts: str, now: float) -> list[Frame]:
        """What is sent for an event: one frame, or two where this is a lie."""
        self._forget(now)
        if self._rng.random() < self._lies.reset:
            self.last = self._gone = 0
            self._frames.clear()
        if self._rng.random() < self._lies.jump:
            self.last += self._rng.randint(1, _LONGEST_JUMP)
        self.last += 1
        text = json.dumps(
            {
                "channel": "strategy.status",
                "event": event,
                "strategy_id": strategy_id,
                "seq": self.last,
                "ts": ts,
                "data": data,
            }
        )
        frame = Frame(self.last, strategy_id, text, now)
        self._frames.append(frame)
        return [frame, frame] if self._rng.random() < self._lies.double else [frame]

    def since(self, number: int, now: float) -> list[Frame] | None:
        """What came after a number; None where that can't be said: too old, or never given out."""
        self._forget(now)
        if number > self.last or number < self._gone:
            return None
        return [frame for frame in self._frames if frame.seq > number]

    def _forget(self, now: float) -> None:
        while self._frames and now - self._frames[0].at > self._keep:
            self._gone = self._frames.popleft().seq
