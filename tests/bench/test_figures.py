"""What the benchmark reports is what it measured."""

from __future__ import annotations

import pytest

from tests.bench.figures import Spread, Target, percentile, ratios, spread


def test_a_spread_is_the_median_and_the_extremes_whatever_the_order() -> None:
    assert spread([5, 1, 9]) == Spread(5, 1, 9)
    assert spread([4, 2]).median == 3
    assert spread([1234.5]).shown() == "1,234"
    assert spread([5, 1, 9]).shown(1) == "5.0 (1.0–9.0)"


def test_ratios_are_taken_within_a_round() -> None:
    assert ratios([10, 20], [1, 2]) == Spread(10, 10, 10)
    with pytest.raises(ValueError, match="shorter"):
        ratios([10, 20], [1])


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_there(percent: int, value: int) -> None:
    assert percentile(range(100, 0, -1), percent) == value
    assert percentile([7], percent) == 7


def test_a_target_is_a_floor_or_a_ceiling() -> None:
    assert Target("rate", 10, 10).reached
    assert not Target("rate", 10, 9.9).reached
    assert Target("memory", 300, 299, least=False).reached
    assert not Target("memory", 300, 301, least=False).reached
