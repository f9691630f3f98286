"""How a worker begins where Kafka is away."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from libs.runtime import patience, worker
from libs.settings import load
from services.operations import AGGREGATE

ASKS = 31


class Begun(Exception):
    """Kafka is there."""


async def test_a_worker_that_waits_for_kafka_says_so_once_every_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And asks every two, for a minute here, by a clock of the test's own."""
    asked: list[float] = []
    now = 0.0

    async def answers(_: object) -> bool:
        asked.append(now)
        if len(asked) == ASKS:
            raise Begun
        return False

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(worker, "kafka_answers", answers)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: now))
    waiting = worker.Worker(AGGREGATE, load())
    with capture_logs() as lines, pytest.raises(Begun):
        await waiting._prepare()
    assert asked == [2.0 * turn for turn in range(ASKS)]
    assert {line["event"] for line in lines} == {"waiting for Kafka"}
    assert {line["at"] for line in lines} == {waiting._kafka.servers}
    assert len(lines) == 10
