"""What a look at Redis and Kafka found, and the figures that it comes to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from libs.contracts.monitoring import BUSINESS_FIELDS, PIPELINE_FIELDS
from libs.contracts.statuses import STATUSES
from libs.views.figures import VERDICTS, Figures, figures
from libs.views.reading import PartitionView
from services.metrics.numbers import number
from services.metrics.settlement import EMPTY, KIND, Histogram, histogram, percentile, since

Entry = dict[str, str]
"""The fields of one entry, every one of them, as decimal text."""

_TOTALS: Final = ("in", *VERDICTS, "events")


@dataclass(frozen=True, slots=True)
class Look:
    """One service at a moment.

    ``bounds`` are the first and the next offset of its input's partitions, None where Kafka has not told; ``unfolded``
    are the broker's times (ms) of the oldest records that are not folded; ``statuses`` counts entities.
    """

    views: Sequence[PartitionView]
    bounds: Sequence[tuple[int, int]] | None = None
    unfolded: Sequence[int] = ()
    statuses: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters that Kafka keeps: how many, and the broker's times (ms) of each partition's oldest."""

    count: int = 0
    oldest: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The agents: how many, how many of them live, and the worst of their drawdowns and used budgets."""

    agents: int = 0
    live: int = 0
    drawdown: float = 0.0
    budget_used: float = 0.0


def sums(service: str, look: Look, rate: float) -> Figures:
    """The partitions' counters together; ``rate`` in inputs a second."""
    return figures(service, look.views, look.bounds, rate)


def pipeline(of: Figures, look: Look, now_ms: int) -> Entry:
    """The entry of a service. Lag that Kafka has not told of yet is none."""
    lag = of.lag or 0
    values: dict[str, float] = {f"{name}_total": of.total(f"{name}_total") for name in _TOTALS} | {
        "rate": of.rate,
        "lag": lag,
        "lag_seconds": _age(look.unfolded, now_ms) if lag else 0,
        "entities": of.total("entities"),
        "disputed": of.total("disputed"),
        "ready_partitions": of.ready,
        "latency_p50_ms": of.p50_ms,
        "latency_p99_ms": of.p99_ms,
    }
    return {name: number(values[name]) for name in PIPELINE_FIELDS}


def kinds(of: Figures | None) -> dict[str, dict[str, int]]:
    """What a service counted of its own matters: by kind, and then by name."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for counter, count in ({} if of is None else of.counters).items():
        kind, colon, name = counter.partition(":")
        if colon:
            found[kind][name] = count
    return found


def settled(of: Figures | None) -> Histogram:
    """The settlement times that operations counted, since the beginning."""
    return histogram(kinds(of)[KIND]) if of is not None else EMPTY


def business(
    of: Mapping[str, Figures],
    looks: Mapping[str, Look],
    fleet: Fleet,
    letters: Letters,
    settled_before: Histogram,
    now_ms: int,
) -> Entry:
    """The entry of all services together; ``settled_before`` is what was counted when the window began."""
    status = {service: statuses(service, looks.get(service)) for service in STATUSES}
    operations, executions = status["operations"], status["executions"]
    ended = sum(executions[name] for name in ("settled", "skipped", "rejected"))
    times = since(settled(of.get("operations")), settled_before)
    blocks = kinds(of.get("agents"))["block"]
    strategies = of.get("strategies")
    values: dict[str, float] = {
        "operations_open": sum(operations[name] for name in ("validating", "pricing", "settling")),
        "settlement_p50_ms": percentile(times, 0.5),
        "settlement_p99_ms": percentile(times, 0.99),
        "executions_awaiting": executions["awaiting_execution"],
        "rejected_share": executions["rejected"] / ended if ended else 0,
        "agents": fleet.agents,
        "agents_live": fleet.live,
        "agents_drawdown_max": fleet.drawdown,
        "agents_budget_used_max": fleet.budget_used,
        "blocks_total": sum(blocks.values()),
        "strategies": sum(status["strategies"].values()),
        "strategies_halted": status["strategies"]["error"],
        "gaps_open": 0 if strategies is None else strategies.total("gaps_open"),
        "disputed": sum(one.total("disputed") for one in of.values()),
        "dead_letters": letters.count,
        "oldest_dead_letter_seconds": _age(letters.oldest, now_ms),
    }
    values |= {f"operations_{name}": operations[name] for name in ("settled", "skipped", "failed")}
    values |= {f"executions_{name}": executions[name] for name in ("settled", "skipped", "rejected")}
    return {name: number(values[name]) for name in BUSINESS_FIELDS}


def _age(times: Sequence[int], now_ms: int) -> float:
    """Seconds since the earliest of them; 0 where there is none, or where clocks disagree."""
    return max(0, now_ms - min(times, default=now_ms)) / 1_000


def statuses(service: str, look: Look | None) -> dict[str, int]:
    """How many entities are in each status, none in those that nobody told of."""
    counted: Mapping[str, int] = {} if look is None else look.statuses
    return {name: counted.get(name, 0) for name in STATUSES[service]}
