"""The entry of a minute, from the entries of its seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from services.metrics.numbers import number

_MEANS: Final = frozenset({"rate"})
_WORST: Final = frozenset({"lag", "lag_seconds", "latency_p50_ms", "latency_p99_ms"})


def condensed(seconds: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """One entry of at least one: rates on average, lag and latencies at their worst, all else as it was at last."""
    return {name: _one(name, [second[name] for second in seconds]) for name in seconds[-1]}


def _one(name: str, values: list[str]) -> str:
    if name in _MEANS:
        return number(sum(map(float, values)) / len(values))
    return max(values, key=float) if name in _WORST else values[-1]
