"""The figures of a service: sums over its partitions, lag by Kafka's offsets, rates over the last seconds."""

from __future__ import annotations

import pytest

from libs.views.reading import PartitionView, Position
from services.cli.figures import Rate, figures


def _view(
    partition: int, at: int, *, ready: bool = True, p50: float = 0.0, p99: float = 0.0, **counted: int
) -> PartitionView:
    position = Position(partition, input_offset=at, p50_ms=p50, p99_ms=p99)
    return PartitionView(position, ready, counted)


def test_counters_are_summed_and_lag_is_what_lies_behind_the_position() -> None:
    views = [_view(0, 9, in_total=10), _view(1, -1, ready=False, in_total=2)]
    found = figures("operations", views, [(0, 12), (5, 7)], 1.5)
    assert (found.partitions, found.ready, found.rate) == (2, 1, 1.5)
    # of partition 1 the first five records are no longer kept: nobody can fold them
    assert found.lag == 2 + 2
    assert found.total("in_total") == 12
    assert found.total("late_total") == 0


def test_without_kafka_the_lag_is_unknown_and_not_zero() -> None:
    assert figures("operations", [_view(0, 9)], None, 0.0).lag is None


def test_latencies_are_those_of_partitions_where_something_came() -> None:
    views = [
        _view(0, 1, p50=10, p99=20),
        _view(1, 1),
        _view(2, 1, p50=30, p99=90),
        _view(3, 1, ready=False, p50=500, p99=999),
    ]
    found = figures("operations", views, None, 0.0)
    assert (found.p50_ms, found.p99_ms) == (30, 90)


def test_a_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    assert rate.add(0.0, 1_000) == 0.0
    assert rate.add(1.0, 1_100) == 100.0
    for second in range(2, 20):
        last = rate.add(float(second), 1_100)
    assert last == 0.0


def test_a_counter_that_falls_starts_the_rate_anew() -> None:
    rate = Rate()
    rate.add(0.0, 1_000)
    assert rate.add(1.0, 10) == 0.0
    assert rate.add(2.0, 20) == pytest.approx(10.0)
