"""The times from creation to settlement, as a histogram: what partitions counted, and percentiles of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from libs.contracts.monitoring import SETTLEMENT_BOUNDS_MS

WINDOW_MS: Final = 3_600_000
KIND: Final = "settled_within_ms"

Histogram = tuple[int, ...]
"""How many times fell into each class of ``SETTLEMENT_BOUNDS_MS``."""

EMPTY: Final[Histogram] = (0,) * len(SETTLEMENT_BOUNDS_MS)


def histogram(counted: Mapping[str, int]) -> Histogram:
    """From counts by the text of their bound."""
    return tuple(counted.get(str(bound), 0) for bound in SETTLEMENT_BOUNDS_MS)


def entry(counted: Histogram) -> dict[str, str]:
    """The fields of an entry in ``m:operations:settlement``."""
    return {f"le_{bound}": str(n) for bound, n in zip(SETTLEMENT_BOUNDS_MS, counted, strict=True)}


def from_entry(fields: Mapping[str, str]) -> Histogram:
    """The histogram that an entry was made from."""
    return tuple(int(fields.get(f"le_{bound}", 0)) for bound in SETTLEMENT_BOUNDS_MS)


def since(now: Histogram, before: Histogram) -> Histogram:
    """What came in between; a rebuild counts anew, and then nothing has come before."""
    if any(n < was for n, was in zip(now, before, strict=True)):
        return now
    return tuple(n - was for n, was in zip(now, before, strict=True))


def percentile(counted: Sequence[int], share: float) -> float:
    """The time in ms that ``share`` of them stay below, evenly spread within a class; 0 where there are none."""
    wanted = share * sum(counted)
    reached, lower = 0, 0
    for bound, n in zip(SETTLEMENT_BOUNDS_MS, counted, strict=True):
        if n and reached + n >= wanted:
            return lower + (bound - lower) * (wanted - reached) / n
        reached, lower = reached + n, bound
    return 0.0
