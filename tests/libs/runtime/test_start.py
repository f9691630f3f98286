"""How a worker begins where Kafka is away, or goes away just then."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from structlog.testing import capture_logs

from libs.runtime import patience, worker
from libs.settings import load
from services.operations import AGGREGATE
from tests.real.deployment import Deployment
from tests.stack import Servers

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


@pytest.mark.real
@pytest.mark.parametrize("client", ["producer", "consumer"])
async def test_a_broker_that_goes_away_as_a_client_starts_is_waited_for(
    client: str, shared_servers: Servers, namespace: str, tmp_path: Path
) -> None:
    """It answered a moment ago; the worker is ready once it answers again."""
    made = Deployment(shared_servers, namespace, tmp_path, partitions=2, services=("operations",))
    await made.create()
    one = made.start("operations", "tests.libs.runtime.losing_the_broker", STRATAFOLD_TEST_LOSES=client)
    end = time.monotonic() + 60
    while one.log.read_text().count('"event":"ready"') < 2:
        assert one.status is None, one.tail()
        assert time.monotonic() < end, one.tail()
        await asyncio.sleep(0.1)
    assert made.stop() == [0]
    assert "lost again" in one.log.read_text()


async def test_what_no_waiting_mends_is_told_at_once() -> None:
    async def answers() -> bool:
        return True

    async def start() -> None:
        raise TopicAuthorizationFailedError("executions.in")

    with pytest.raises(TopicAuthorizationFailedError):
        await patience.Patience(answers, 60.0).start(start, "somewhere")
