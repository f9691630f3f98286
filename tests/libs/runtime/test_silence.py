"""A consumer is given up for fetches that stay without an answer, and for nothing that only looks like it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, Final

import pytest
from aiokafka import TopicPartition

from libs.runtime.silence import FetchSilence
from libs.runtime.wakefulness import GLANCE
from libs.runtime.worker import DEADLINE, Worker
from libs.settings import Settings
from services.executions import AGGREGATE

_A: Final = TopicPartition("executions.in", 0)
_B: Final = TopicPartition("executions.in", 1)


def test_it_counts_while_no_answer_comes() -> None:
    silence = FetchSilence()
    assert [silence.look({_A: 7.0}, 100 + GLANCE * turn) for turn in range(4)] == [0, 5, 10, 15]


def test_an_answer_ends_it_whatever_clock_dates_it() -> None:
    """The clock may be set, forward or back, by any time."""
    silence = FetchSilence()
    marks = (7.0, 9_000_000.0, 8.0, 8.5)
    assert [silence.look({_A: mark}, 100 + 50 * turn) for turn, mark in enumerate(marks)] == [0, 0, 0, 0]


def test_the_longest_counts() -> None:
    silence = FetchSilence()
    assert [silence.look({_A: 7.0, _B: 7.0 + turn}, 5 * turn) for turn in range(3)] == [0, 5, 10]


def test_one_that_was_not_fetched_meanwhile_begins_anew() -> None:
    silence = FetchSilence()
    silence.look({_A: 7.0}, 0)
    silence.look({}, 200)
    assert [silence.look({_A: 7.0}, 205 + 5 * turn) for turn in range(3)] == [0, 5, 10]


def test_one_that_never_had_an_answer_counts_from_when_it_was_fetched_first() -> None:
    silence = FetchSilence()
    silence.look({}, 0)
    assert [silence.look({_A: None}, 100 + GLANCE * turn) for turn in range(3)] == [0, 5, 10]
    assert silence.look({_A: 7.0}, 200) == 0


class _Consumer:
    """A consumer of one partition, which was answered last at some time in ms of the clock on the wall."""

    def __init__(self, answered: float) -> None:
        self.answered = answered
        self.held: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return {_A}

    def paused(self) -> set[TopicPartition]:
        return self.held

    def last_poll_timestamp(self, _: TopicPartition) -> float:
        return self.answered


@pytest.fixture
def worker() -> Worker[Any]:
    return Worker(AGGREGATE, Settings())


def _silence(worker: Any, consumer: _Consumer) -> float:
    worker._subscriber = SimpleNamespace(consumer=consumer)
    silent: float = worker._consumer_silence(time.monotonic())
    return silent


def test_a_worker_that_resumed_after_a_long_recovery_is_not_stuck(worker: Worker[Any]) -> None:
    """The glance falls between the resumption and the first answer after it."""
    consumer = _Consumer((time.time() - 3 * DEADLINE) * 1000)
    consumer.held = {_A}
    assert _silence(worker, consumer) < 1
    consumer.held = set()
    assert _silence(worker, consumer) < 1


def test_a_worker_whose_clock_was_set_is_not_stuck(worker: Worker[Any]) -> None:
    assert _silence(worker, _Consumer(time.time() * 1000)) < 1
    assert _silence(worker, _Consumer((time.time() - 2 * DEADLINE) * 1000)) < 1


def test_a_worker_whose_fetches_stay_without_an_answer_is_stuck(worker: Any) -> None:
    worker._subscriber = SimpleNamespace(consumer=_Consumer(time.time() * 1000))
    worker._poller.beat = now = time.monotonic() + DEADLINE
    assert worker._consumer_silence(now - DEADLINE - GLANCE) == 0
    assert worker._consumer_silence(now) == pytest.approx(DEADLINE + GLANCE)
