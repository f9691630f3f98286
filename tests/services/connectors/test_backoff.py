"""The reconnect schedule of 004: 1 s, doubled to 30 s, ±25 %, anew after a connection that was up for 60 s."""

from __future__ import annotations

from random import Random

import pytest

from services.connectors.backoff import Backoff

NOMINAL = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def within(delay: float, nominal: float) -> bool:
    return 0.75 * nominal <= delay <= min(1.25 * nominal, 30.0)


def test_a_thousand_runs_stay_within_the_bounds_and_use_them() -> None:
    seen: dict[int, list[float]] = {step: [] for step in range(len(NOMINAL))}
    for seed in range(1_000):
        backoff = Backoff(Clock(), Random(seed).random)
        for step, nominal in enumerate(NOMINAL):
            delay = backoff.failed()
            assert within(delay, nominal), (seed, step, delay)
            seen[step].append(delay)
    for step, nominal in enumerate(NOMINAL[:5]):
        assert min(seen[step]) < 0.77 * nominal
        assert max(seen[step]) > 1.23 * nominal
        assert abs(sum(seen[step]) / 1_000 - nominal) < 0.02 * nominal


@pytest.mark.parametrize(("up", "anew"), [(59.999, False), (60.0, True), (3_600.0, True)])
def test_only_a_connection_that_was_up_for_a_minute_starts_the_schedule_anew(up: float, anew: bool) -> None:
    clock = Clock()
    backoff = Backoff(clock, lambda: 0.5)
    assert [backoff.failed() for _ in range(4)] == [1.0, 2.0, 4.0, 8.0]
    backoff.connected()
    clock.now += up
    assert backoff.failed() == (1.0 if anew else 16.0)
    clock.now += 600  # waiting is not being up
    assert backoff.failed() == (2.0 if anew else 30.0)


def test_the_cap_holds_after_years_of_failures_with_the_worst_luck() -> None:
    backoff = Backoff(Clock(), lambda: 0.999999)
    assert max(backoff.failed() for _ in range(5_000)) <= 30.0
