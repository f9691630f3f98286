"""What Grafana and the like read: the flat Redis keys ``m:…`` and ``ts:…``, and the fields of each.

Every field is in every entry; times in an entry's id are ms since 1970. The names are without a namespace; see
``Names.key``. Numbers are decimal text.
"""

from __future__ import annotations

from typing import Final

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
SECONDS_KEPT_MS: Final = 24 * 3_600 * 1_000
MINUTES_KEPT_MS: Final = 90 * 24 * 3_600 * 1_000

SERVICES: Final = "m:services"
AGENTS: Final = "m:agents"
STRATEGIES: Final = "m:strategies"
FEED: Final = "m:feed"
OPERATION_REASONS: Final = "m:operations:reasons"
EXECUTION_REASONS: Final = "m:executions:reasons"
NOTIONAL: Final = "m:executions:notional"
BLOCKS: Final = "m:agents:blocks"
SETTLEMENT: Final = "m:operations:settlement"
LEASE: Final = "m:lease"
"""Private: who writes."""
WRITTEN_LAST: Final = "m:written:last"
"""Private: by whom all this was written last, and how often."""
FEED_NEXT: Final = "m:feed:next"
"""Private: how far the feed got in the topics of events."""

BUSINESS: Final = "business"
"""Stands where a service's name does in ``m:now:…``, ``m:ts:…`` and ``m:ts1m:…``: figures of all services together."""

PIPELINE_FIELDS: Final = (
    "in_total",
    "applied_total",
    "late_total",
    "duplicate_total",
    "conflict_total",
    "ignored_total",
    "quarantined_total",
    "forwarded_total",
    "events_total",
    "rate",
    "lag",
    "lag_seconds",
    "entities",
    "disputed",
    "ready_partitions",
    "latency_p50_ms",
    "latency_p99_ms",
)
"""Of a service: totals since the beginning; ``rate`` in inputs a second, ``lag`` in records, ``lag_seconds`` the age of
the oldest record that is not folded yet."""

BUSINESS_FIELDS: Final = (
    "operations_open",
    "operations_settled",
    "operations_skipped",
    "operations_failed",
    "settlement_p50_ms",
    "settlement_p99_ms",
    "executions_awaiting",
    "executions_settled",
    "executions_skipped",
    "executions_rejected",
    "rejected_share",
    "agents",
    "agents_live",
    "agents_drawdown_max",
    "agents_budget_used_max",
    "blocks_total",
    "strategies",
    "strategies_halted",
    "gaps_open",
    "disputed",
    "dead_letters",
    "oldest_dead_letter_seconds",
)
"""``settlement_…``: from creation to ``settled``, of the last hour's operations; ``rejected_share``: of the executions
that ended, 0 to 1; ``agents_drawdown_max`` and ``agents_budget_used_max``: the worst of all agents, fractions;
``dead_letters``: those that Kafka keeps."""

AGENT_FIELDS: Final = (
    "status",
    "phase",
    "mode",
    "equity",
    "peak_equity",
    "drawdown",
    "daily_drawdown_used",
    "trades_total",
    "realised_pnl_total",
    "fees_total",
    "risk_vetoes_total",
    "twak_blocks_total",
    "quotes_rejected_total",
    "last_event",
    "last_event_at",
)
EQUITY_FIELDS: Final = ("equity", "drawdown", "daily_drawdown_used")
STRATEGY_FIELDS: Final = (
    "account",
    "strategy_id",
    "status",
    "error",
    "completeness",
    "realized_pnl",
    "positions_open",
    "orders_open",
    "gaps_open",
    "upstream_seq",
)
FEED_FIELDS: Final = ("service", "type", "subject", "summary")

_MANTISSAS: Final = (
    *(10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36),
    *(40, 45, 50, 55, 60, 65, 70, 77, 85, 92),
)
SETTLEMENT_BOUNDS_MS: Final[tuple[int, ...]] = tuple(
    mantissa * 10**power for power in range(1, 9) for mantissa in _MANTISSAS
)
"""Upper bounds, in ms, of the classes that settlement times are counted in: 0.1 s to about 106 days, each at most an
eighth above the one before; what takes longer is in the last. A bound that is taken away leaves what was counted in its
class unseen."""


def now(name: str) -> str:
    """The hash of the figures of a service, or of ``business``, as they are."""
    return f"m:now:{name}"


def seconds(name: str) -> str:
    """The stream of the same, an entry a second, kept for a day."""
    return f"m:ts:{name}"


def minutes(name: str) -> str:
    """The stream of the same, an entry a minute, kept for ninety days."""
    return f"m:ts1m:{name}"


def status(service: str) -> str:
    """The hash of how many entities of a service are in each status."""
    return f"m:{service}:status"


def agent(agent_id: str) -> str:
    """The hash of an agent."""
    return f"m:agent:{agent_id}"


def equity(agent_id: str) -> str:
    """The stream of an agent's snapshots, by their own time."""
    return f"m:agent:{agent_id}:equity"


def strategy(subject: str) -> str:
    """The hash of a strategy; the subject is ``<account>:<strategy_id>``."""
    return f"m:strategy:{subject}"


def series(metric: str, name: str) -> str:
    """The time series of one figure, where Redis has the module."""
    return f"ts:{metric}:{name}"
