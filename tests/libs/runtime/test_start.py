"""How a worker begins where Kafka is away, or goes away just then."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from libs.runtime import patience, worker
from libs.settings import Settings, load
from services.operations import AGGREGATE
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
@pytest.mark.parametrize("client", [AIOKafkaProducer, AIOKafkaConsumer])
async def test_a_broker_that_goes_away_as_a_client_starts_is_waited_for(
    client: Any, shared_servers: Servers, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answered a moment ago; the worker is ready once it answers again."""
    start, lost = client.start, [KafkaConnectionError("lost"), KafkaConnectionError("lost again")]

    async def loses_the_broker(self: Any) -> None:
        if lost:
            raise lost.pop()
        await start(self)

    monkeypatch.setattr(client, "start", loses_the_broker)
    monkeypatch.setattr(patience, "_ASK_AGAIN", 0.1)
    at = Settings(kafka=shared_servers.kafka, redis=shared_servers.redis, namespace=namespace, partitions=2)
    begun = worker.Worker(AGGREGATE, at)
    running = asyncio.create_task(begun.run())
    async with asyncio.timeout(60):
        while begun.obstacle() is not None or len(begun._partitions) < 2:
            await asyncio.sleep(0.1)
            assert not running.done()
    begun.app.exit()
    assert await running == 0
    assert not lost


async def test_what_no_waiting_mends_is_told_at_once() -> None:
    async def answers() -> bool:
        return True

    async def start() -> None:
        raise TopicAuthorizationFailedError("executions.in")

    with pytest.raises(TopicAuthorizationFailedError):
        await patience.Patience(answers, 60.0).start(start, "somewhere")
