"""How long records take from the broker's time stamp to Redis, over the last ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

_SAMPLES: Final = 2_048
_A_BATCH: Final = 32  # samples of one batch
_FRESH: Final = 10.0  # seconds after which a sample no longer speaks of now


class Recorded(Protocol):
    """Anything that the broker gave a time, in ms."""

    recorded: int


class Latencies:
    """Latencies in ms of the records written last."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)

    def add(self, now_ms: float, records: Sequence[Recorded]) -> None:
        """Take the latencies of a batch that is written now; of a large one, a sample evenly spread."""
        at = time.monotonic()
        step = max(1, len(records) // _A_BATCH)
        self._samples.extend((at, now_ms - record.recorded) for record in records[::step])

    def percentiles(self) -> tuple[float, float]:
        """p50 and p99 of the last seconds in ms; zeros where nothing came."""
        since = time.monotonic() - _FRESH
        while self._samples and self._samples[0][0] < since:
            self._samples.popleft()
        values = sorted(latency for _, latency in self._samples)
        if not values:
            return 0.0, 0.0
        return values[len(values) // 2], values[min(len(values) - 1, len(values) * 99 // 100)]
