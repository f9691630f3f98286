"""From single runs to figures: medians, ratios within a round, and whether they reach what was set. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The median of some runs, and their extremes."""

    median: float
    least: float
    most: float

    def shown(self, digits: int = 0) -> str:
        """``12 (10–15)``."""
        median, least, most = (f"{value:,.{digits}f}" for value in (self.median, self.least, self.most))
        return median if least == most else f"{median} ({least}–{most})"


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    found = sorted(values)
    return Spread(statistics.median(found), found[0], found[-1])


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours to theirs, round by round: what slows a machine for a whole round slows both."""
    return spread(one / other for one, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


@dataclass(frozen=True)
class Target:
    """Something to reach: at least, or at most (``least`` False) so much."""

    what: str
    wanted: float
    found: float
    least: bool = True
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.found >= self.wanted if self.least else self.found <= self.wanted
