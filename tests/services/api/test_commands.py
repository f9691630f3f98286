"""Appending commands: only what Kafka acknowledged has a place, and a producer that failed is not used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.ledger.records import Headers
from libs.runtime.kafka_access import KafkaAccess
from services.api.commands import Cluster, Commands, Place, Unavailable

STRATEGY = "019d6f6a-9be4-7d69-a04c-91912a8b9100"


class Aiokafka:
    """aiokafka's producer, as far as it is asked."""

    def __init__(self) -> None:
        self.outcome: object = 7
        self.sent: list[tuple[Any, ...]] = []
        self.stopped = False

    async def send(self, *told: Any, headers: Headers) -> asyncio.Future[Any]:
        self.sent.append((*told, headers))
        delivery: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(self.outcome, Exception):
            delivery.set_exception(self.outcome)
        elif self.outcome is not None:
            delivery.set_result(SimpleNamespace(offset=self.outcome))
        return delivery

    async def stop(self) -> None:
        self.stopped = True


class Stand:
    """Commands under test; each producer that was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Aiokafka] = []
        self.commands = Commands(Cluster(KafkaAccess("nowhere:1"), Names("x"), 6), "versions", answer=0.1)

        async def start() -> Aiokafka:
            self.made.append(Aiokafka())
            return self.made[-1]

        monkeypatch.setattr(self.commands, "_start", start)

    async def until_made(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.made) < count:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    made = Stand(monkeypatch)
    running = asyncio.create_task(made.commands.run())
    await made.until_made(1)
    yield made
    running.cancel()
    await asyncio.wait({running})
    assert made.made[-1].stopped


async def test_a_command_goes_to_its_strategys_partition(stand: Stand) -> None:
    place = await stand.commands.append(STRATEGY, b"{}")
    assert place == Place(partition_of(STRATEGY, 6), 7)
    assert stand.made[0].sent == [("x.versions.in", b"{}", STRATEGY.encode(), place.partition, [])]


async def test_a_requests_traceparent_goes_with_its_command(stand: Stand) -> None:
    await stand.commands.append(STRATEGY, b"{}", "00-…")
    assert stand.made[0].sent[0][-1] == [("traceparent", "00-…".encode())]


@pytest.mark.parametrize("outcome", [None, KafkaError("no")])
async def test_what_is_not_acknowledged_is_uncertain_and_the_producer_made_anew(
    stand: Stand, outcome: object
) -> None:
    stand.made[0].outcome = outcome
    with pytest.raises(Unavailable):
        await stand.commands.append(STRATEGY, b"{}")
    await stand.until_made(2)
    assert stand.made[0].stopped
    assert (await stand.commands.append(STRATEGY, b"{}")).offset == 7


async def test_a_place_that_the_broker_does_not_tell_is_uncertain(stand: Stand) -> None:
    stand.made[0].outcome = -1
    with pytest.raises(Unavailable):
        await stand.commands.append(STRATEGY, b"{}")


async def test_before_there_is_a_producer_it_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Commands(Cluster(KafkaAccess("nowhere:1"), Names(), 6), "versions").append(STRATEGY, b"{}")
