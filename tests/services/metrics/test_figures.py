"""What a look comes to; each test is named for the rule that it guards."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.monitoring import BUSINESS_FIELDS, PIPELINE_FIELDS, SETTLEMENT_BOUNDS_MS
from libs.views.reading import PartitionView, Position
from services.metrics import settlement
from services.metrics.minute import condensed
from services.metrics.numbers import from_e18, number
from services.metrics.snapshot import Entry, Fleet, Letters, Look, business, kinds, pipeline, sums

NOW = 1_795_295_697_500


def _view(partition: int, at: int, **counted: int) -> PartitionView:
    return PartitionView(Position(partition, input_offset=at, p50_ms=4.0, p99_ms=9.5), True, counted)


def _pipeline(look: Look, rate: float = 0.0) -> Entry:
    return pipeline(sums("operations", look, rate), look, NOW)


def _business(looks: dict[str, Look], before: settlement.Histogram = settlement.EMPTY) -> Entry:
    of = {service: sums(service, look, 0.0) for service, look in looks.items()}
    letters = Letters(3, [NOW - 90_000, NOW - 7_000])
    return business(of, looks, Fleet(4, 1, 0.25, 0.8), letters, before, NOW)


def test_every_field_is_in_every_entry_and_a_number() -> None:
    """Also where nothing is known of anything: a chart takes a missing field for 0 and a text for no number."""
    for entry, fields in ((_pipeline(Look([])), PIPELINE_FIELDS), (_business({}), BUSINESS_FIELDS)):
        assert tuple(entry) == fields
        assert all(float(value) >= 0 for value in entry.values())


def test_partitions_are_summed() -> None:
    """Totals, lag and readiness; the rate is the service's."""
    look = Look(
        [_view(0, 9, in_total=10, late_total=1), _view(1, 4, in_total=5)], [(0, 12), (0, 5)], [NOW - 1_250]
    )
    entry = _pipeline(look, 12.3456)
    assert (entry["in_total"], entry["late_total"], entry["ready_partitions"]) == ("15", "1", "2")
    assert (entry["lag"], entry["lag_seconds"], entry["rate"]) == ("2", "1.25", "12.346")
    assert (entry["latency_p50_ms"], entry["latency_p99_ms"]) == ("4", "9.5")


def test_lag_in_seconds_is_the_age_of_the_oldest_and_none_where_nothing_waits() -> None:
    """What was waiting at the last look may be folded by now; clocks that disagree give no negative age."""
    waiting = [NOW - 400, NOW - 61_000]
    assert _pipeline(Look([_view(0, 9)], [(0, 11)], waiting))["lag_seconds"] == "61"
    assert _pipeline(Look([_view(0, 9)], [(0, 10)], waiting))["lag_seconds"] == "0"
    assert _pipeline(Look([_view(0, 9)], [(0, 11)], [NOW + 5_000]))["lag_seconds"] == "0"


def test_the_business_is_read_from_what_the_folds_counted() -> None:
    """Open operations, the rejected share of those that ended, blocks of all rules, halted strategies, gaps."""
    entry = _business(
        {
            "operations": Look(
                [_view(0, 1, disputed=2)], statuses={"pricing": 2, "settling": 1, "failed": 4}
            ),
            "executions": Look(
                [_view(0, 1, disputed=1)],
                statuses={"awaiting_execution": 9, "settled": 6, "skipped": 1, "rejected": 1},
            ),
            "agents": Look(
                [_view(0, 1, **{"block:daily": 2}), _view(1, 1, **{"block:daily": 1, "block:cap": 5})]
            ),
            "strategies": Look([_view(0, 1, gaps_open=2)], statuses={"deployed": 3, "error": 1}),
        }
    )
    expected = {
        "operations_open": "3",
        "operations_failed": "4",
        "executions_awaiting": "9",
        "rejected_share": "0.125",
        "agents": "4",
        "agents_live": "1",
        "agents_drawdown_max": "0.25",
        "agents_budget_used_max": "0.8",
        "blocks_total": "8",
        "strategies": "4",
        "strategies_halted": "1",
        "gaps_open": "2",
        "disputed": "3",
        "dead_letters": "3",
        "oldest_dead_letter_seconds": "90",
    }
    assert {name: entry[name] for name in expected} == expected


def test_names_that_senders_choose_are_told_apart_by_kind() -> None:
    """A name may have colons of its own."""
    of = sums("agents", Look([_view(0, 1, **{"block:a:b": 2, "gaps_open": 1})]), 0.0)
    assert kinds(of) == {"block": {"a:b": 2}}


@pytest.mark.parametrize(
    ("units", "text"), [(0, "0"), (10**18, "1"), (-15 * 10**17, "-1.5"), (1, "0." + "0" * 17 + "1")]
)
def test_sums_of_money_are_exact(units: int, text: str) -> None:
    """To the last decimal, in both directions."""
    assert from_e18(units) == text


def test_numbers_are_plain_decimals() -> None:
    """No exponent, no zeros that say nothing."""
    assert [number(one) for one in (0, 7, 0.0, 0.25, 1_234_567.891, 1e21)] == [
        "0",
        "7",
        "0",
        "0.25",
        "1234567.891",
        "1" + "0" * 21,
    ]


def test_percentiles_of_a_histogram_lie_within_the_class_that_holds_them() -> None:
    """Spread evenly within it; nothing is 0."""
    counted = settlement.histogram({"1000": 98, "20000": 2})
    assert settlement.percentile(counted, 0.5) == pytest.approx(920 + 80 * 50 / 98)
    assert 18_000 < settlement.percentile(counted, 0.99) <= 20_000
    assert settlement.percentile(settlement.EMPTY, 0.99) == 0.0


@given(
    st.lists(st.integers(min_value=1_000, max_value=10**9), min_size=1, max_size=300),
    st.sampled_from([0.5, 0.99]),
)
def test_a_percentile_is_no_more_than_an_eighth_off(times: list[int], share: float) -> None:
    """Of times from a second to days."""
    bounds = (SETTLEMENT_BOUNDS_MS[bisect_left(SETTLEMENT_BOUNDS_MS, one)] for one in times)
    shown = settlement.percentile(settlement.histogram(Counter(map(str, bounds))), share)
    assert shown == pytest.approx(sorted(times)[math.ceil(share * len(times)) - 1], rel=0.125)


def test_a_window_is_the_difference_of_two_histograms() -> None:
    """A rebuild counts from nothing, so what it has now is all there is."""
    before, now = settlement.histogram({"100": 5, "700": 1}), settlement.histogram({"100": 5, "700": 4})
    assert settlement.since(now, before) == settlement.histogram({"700": 3})
    assert settlement.since(before, now) == before
    assert settlement.from_entry(settlement.entry(now)) == now
    assert len(settlement.entry(now)) == len(SETTLEMENT_BOUNDS_MS)


def test_a_minute_has_the_mean_of_rates_the_worst_of_waits_and_the_last_of_counts() -> None:
    """As its seconds had them."""
    seconds = [
        _pipeline(Look([_view(0, 1, in_total=1)], [(0, 9)], [NOW - 3_000]), 10.0),
        _pipeline(Look([_view(0, 8, in_total=8)], [(0, 9)]), 5.0),
    ]
    minute = condensed(seconds, PIPELINE_FIELDS)
    assert tuple(minute) == PIPELINE_FIELDS
    assert (minute["rate"], minute["lag"], minute["lag_seconds"]) == ("7.5", "7", "3")
    assert minute["in_total"] == "8"


def test_a_minute_that_two_versions_wrote_has_every_field() -> None:
    """What the older one did not know is taken from the other's seconds, and what none knew is 0."""
    old, new = {"rate": "1", "gone": "7"}, {"rate": "3", "lag": "2", "in_total": "9"}
    fields = ("rate", "lag", "in_total", "disputed")
    expected = {"rate": "2", "lag": "2", "in_total": "9", "disputed": "0"}
    assert condensed([old, new], fields) == condensed([new, old], fields) == expected
