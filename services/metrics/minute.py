"""The entry of a minute, from the entries of its seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from services.metrics.numbers import number

_MEANS: Final = frozenset({"rate"})
_WORST: Final = frozenset({"lag", "lag_seconds", "latency_p50_ms", "latency_p99_ms"})


def condensed(seconds: Sequence[Mapping[str, str]], fields: Sequence[str]) -> dict[str, str]:
    """One entry with these fields: rates on average, lag and latencies at their worst, all else as it was at last.

    Seconds that another version wrote may lack some of them; what none has is 0.
    """
    return {name: _one(name, [second[name] for second in seconds if name in second]) for name in fields}


def _one(name: str, values: list[str]) -> str:
    if not values:
        return number(0)
    if name in _MEANS:
        return number(sum(map(float, values)) / len(values))
    return max(values, key=float) if name in _WORST else values[-1]
