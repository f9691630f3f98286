"""The keys and fields that dashboards are made from, held against the contract's page."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from libs.contracts import monitoring
from libs.contracts.statuses import STATUSES

PAGE = (Path(monitoring.__file__).parent / "README.md").read_text()


def test_the_fields_of_a_service_are_those_that_were_promised() -> None:
    """To the letter, and in this order: other people's dashboards name them."""
    assert ", ".join(monitoring.PIPELINE_FIELDS) == (
        "in_total, applied_total, late_total, duplicate_total, conflict_total, ignored_total, quarantined_total,"
        " forwarded_total, events_total, rate, lag, lag_seconds, entities, disputed, ready_partitions,"
        " latency_p50_ms, latency_p99_ms"
    )
    assert monitoring.EQUITY_FIELDS == ("equity", "drawdown", "daily_drawdown_used")
    assert monitoring.FEED_FIELDS == ("service", "type", "subject", "summary")


@pytest.mark.parametrize(
    "name", ["PIPELINE_FIELDS", "BUSINESS_FIELDS", "AGENT_FIELDS", "EQUITY_FIELDS", "FEED_FIELDS"]
)
def test_the_page_names_every_field(name: str) -> None:
    """In the order in which they are written."""
    assert ", ".join(getattr(monitoring, name)) in PAGE


def test_the_page_names_every_key() -> None:
    """The private ones, too, which a reader may come across."""
    keys = [
        monitoring.SERVICES,
        monitoring.AGENTS,
        monitoring.STRATEGIES,
        monitoring.FEED,
        monitoring.OPERATION_REASONS,
        monitoring.EXECUTION_REASONS,
        monitoring.NOTIONAL,
        monitoring.BLOCKS,
        monitoring.SETTLEMENT,
        monitoring.LEASE,
        monitoring.WRITTEN_LAST,
        monitoring.FEED_NEXT,
        monitoring.agent("<id>"),
        monitoring.equity("<id>"),
        monitoring.strategy("<account>:<strategy_id>"),
        monitoring.series("<field>", "<service>"),
        *(
            kind(name)
            for kind in (monitoring.now, monitoring.seconds, monitoring.minutes)
            for name in ("<service>", "business")
        ),
        *map(monitoring.status, STATUSES),
    ]
    assert [key for key in keys if f"`{key}`" not in PAGE] == []


def test_settlement_times_are_told_apart_to_an_eighth() -> None:
    """From a tenth of a second to months, in rising classes."""
    bounds = monitoring.SETTLEMENT_BOUNDS_MS
    assert (bounds[0], bounds[-1]) == (100, 9_200_000_000)
    assert all(1 < after / before <= 1.125 for before, after in pairwise(bounds))


def test_what_was_counted_by_coarser_classes_is_still_seen() -> None:
    """Counters outlive the version that counted."""
    assert {100, 150, 200, 300, 500, 700, 1_000, 15_000, 7_000_000_000} <= {*monitoring.SETTLEMENT_BOUNDS_MS}
