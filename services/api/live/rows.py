"""Services and agents as the page is told them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.views.figures import VERDICTS, Figures
from libs.views.reading import PartitionView

# Those that count records and entities: others may be sums beyond what JSON's readers take for an integer.
_COUNTERS: Final = (
    "in_total",
    *(f"{name}_total" for name in VERDICTS),
    "events_total",
    "entities",
    "disputed",
)
_AGENT: Final = (
    "id",
    "status",
    "phase",
    "mode",
    "equity",
    "drawdown",
    "daily_drawdown_used",
    "last_event_at",
)


def service_row(
    one: Figures, views: Sequence[PartitionView], bounds: Sequence[tuple[int, int]] | None
) -> dict[str, Any]:
    """A service as the page shows it; rates in inputs a second, lag in records (null: unknown), latencies in ms."""
    ends = bounds if bounds is not None and len(bounds) == len(views) else [None] * len(views)
    return {
        "service": one.service,
        "rate": round(one.rate, 2),
        "lag": one.lag,
        "p50_ms": one.p50_ms,
        "p99_ms": one.p99_ms,
        "counters": {name: one.total(name) for name in _COUNTERS},
        "partitions": [
            {
                "partition": view.position.partition,
                "ready": view.ready,
                "owner": view.position.owner,
                "lag": None if end is None else view.position.lag(*end),
                "damaged": view.damaged,
            }
            for view, end in zip(views, ends, strict=True)
        ],
    }


def agent_row(fields: Mapping[str, str], entries: Sequence[tuple[int, Mapping[str, str]]]) -> dict[str, Any]:
    """An agent from its projection; ``entries`` are its latest snapshots, the newest first.

    The curve is made of ``snapshots`` alone, at their own time: of an agent that only trades nothing is drawn.
    """
    told = {name: fields.get(name) for name in _AGENT}
    shown: dict[str, Any] = {name: None if value == "null" else value for name, value in told.items()}
    snapshots = [{name: one.get(name) for name in ("ts", "equity")} for _, one in reversed(entries)]
    return {**shown, "snapshots": snapshots}
