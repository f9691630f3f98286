"""The figures of a service, summed over its partitions, and how fast they change. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from libs.views.reading import PartitionView

_WINDOW: Final = 5.0  # seconds that a rate is taken over
_SEEN_WITHIN_MS: Final = 3_000  # a worker looks after its partitions once a second

VERDICTS: Final = ("applied", "late", "duplicate", "conflict", "ignored", "quarantined", "forwarded")


@dataclass(frozen=True, slots=True)
class Figures:
    """A service now. ``rate`` in inputs a second, ``lag`` in records (None: Kafka does not tell), latencies in ms."""

    service: str
    partitions: int
    ready: int
    rate: float
    lag: int | None
    p50_ms: float
    p99_ms: float
    counters: Mapping[str, int] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """A counter, 0 where nothing was counted."""
        return self.counters.get(name, 0)


class Rate:
    """How fast a counter rises, over the last seconds; one that falls (a rebuild) starts it anew."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, at: float, value: int) -> float:
        """Take the counter's value at a moment in seconds; its rise a second."""
        if self._seen and value < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((at, value))
        while len(self._seen) > 2 and at - self._seen[1][0] >= _WINDOW:
            self._seen.popleft()
        first_at, first = self._seen[0]
        return (value - first) / (at - first_at) if at > first_at else 0.0


def at_work(
    views: Sequence[PartitionView], now_ms: float, ended: Collection[str] = ()
) -> list[PartitionView]:
    """The same, ready only those whose worker was there a moment ago; ``ended`` are beginnings of owners that are gone.

    What Redis says stays as it was when a worker dies: that it died is for us to tell.
    """

    def ready(view: PartitionView) -> bool:
        at = view.position
        seen = at.seen_at is not None and now_ms - at.seen_at <= _SEEN_WITHIN_MS
        return view.ready and seen and not (at.owner or "").startswith(tuple(ended))

    return [replace(view, ready=ready(view)) for view in views]


def figures(
    service: str, views: Sequence[PartitionView], bounds: Sequence[tuple[int, int]] | None, rate: float
) -> Figures:
    """Sum up; ``bounds`` are the first and the next offset of each partition of the input, None where unknown.

    Where no partition is ready nothing comes in, whatever came a moment ago.
    Of the partitions' latencies p50 is the middle one, p99 the worst; those where nothing came don't count.
    """
    counters: Counter[str] = Counter()
    for view in views:
        counters.update(view.counters)
    lag = None
    if bounds is not None:
        lag = sum(view.position.lag(*at) for view, at in zip(views, bounds, strict=True))
    p50s = sorted(view.position.p50_ms for view in views if view.ready and view.position.p50_ms > 0)
    p99s = [view.position.p99_ms for view in views if view.ready]
    return Figures(
        service=service,
        partitions=len(views),
        ready=sum(view.ready for view in views),
        rate=rate if any(view.ready for view in views) else 0.0,
        lag=lag,
        p50_ms=p50s[len(p50s) // 2] if p50s else 0.0,
        p99_ms=max(p99s, default=0.0),
        counters=counters,
    )
