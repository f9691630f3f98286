"""The figures of a service: sums over its partitions, lag by Kafka's offsets, rates over the last seconds."""

from __future__ import annotations

import pytest

from libs.views.figures import Rate, at_work, figures
from libs.views.reading import PartitionView, Position


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


def test_where_no_partition_is_ready_there_is_no_rate() -> None:
    assert figures("operations", [_view(0, 9, ready=False)], None, 12.5).rate == 0.0
    assert figures("operations", [_view(0, 9, ready=False), _view(1, 9)], None, 12.5).rate == 12.5


@pytest.mark.parametrize(
    ("owner", "seen_ms_ago", "ready"),
    [
        ("host-1-aa", 900, True),
        ("host-1-aa", 3_001, False),
        ("host-1-aa", None, False),
        ("host-7-aa", 100, False),
        ("host-77-aa", 100, True),
        ("other-7-aa", 100, True),
    ],
)
def test_a_partition_whose_worker_is_gone_or_was_not_seen_for_three_seconds_is_not_ready(
    owner: str, seen_ms_ago: int | None, ready: bool
) -> None:
    """Told at this moment, whatever was the case when Redis answered last."""
    seen_at = None if seen_ms_ago is None else 1_000_000 - seen_ms_ago
    view = PartitionView(Position(0, owner=owner, says_ready=True, seen_at=seen_at), True)
    assert [one.ready for one in at_work([view], 1_000_000, ["host-7-"])] == [ready]


def test_nothing_makes_a_partition_ready_that_does_not_say_so() -> None:
    view = PartitionView(Position(0, owner="host-1-aa", seen_at=1_000_000), False)
    assert not at_work([view], 1_000_000)[0].ready
