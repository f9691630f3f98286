"""When a client is given up: stuck past its deadline, although a fresh connection to the same brokers works."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import services.gateway.producer
from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from services.gateway.intake import Accepted
from services.gateway.ports import Unavailable
from services.gateway.producer import Cluster, Deadlines, KafkaProducer, Stuck
from tests.services.gateway.harness import until

RECORD = Accepted("executions", "id", b"{}", ())
QUICK = Deadlines(answer=0.1, connect=1, look=0.1, pause=0.02, stuck=0.2, patience=0.2, flush=0.1)


class Client:
    """aiokafka's client, as far as it is asked; ``answers`` whether metadata come."""

    def __init__(self) -> None:
        self.answers = True

    async def force_metadata_update(self) -> bool:
        if not self.answers:
            await asyncio.Event().wait()
        return True

    async def close(self) -> None:
        pass


class Aiokafka:
    """aiokafka's producer, as far as it is asked; ``acknowledges`` whether deliveries end."""

    def __init__(self) -> None:
        self.client = Client()
        self.acknowledges = True
        self.under_way: list[asyncio.Future[None]] = []

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[None]:
        delivery: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.acknowledges:
            delivery.set_result(None)
        else:
            self.under_way.append(delivery)
        return delivery

    async def stop(self) -> None:
        pass


class Stand:
    """A producer under test with its stand-ins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aiokafka = Aiokafka()
        self.fresh_works = True
        self.producer = KafkaProducer(Cluster(KafkaAccess("nowhere:1"), Names(), 6), QUICK)

        async def start() -> Aiokafka:
            return self.aiokafka

        async def fresh(*_: object) -> bool:
            return self.fresh_works

        monkeypatch.setattr(self.producer, "_start", start)
        monkeypatch.setattr(services.gateway.producer, "writable", fresh)
        self.running = asyncio.create_task(self.producer.run())

    async def until(self, away: bool) -> None:
        await until(lambda: (self.producer.obstacle() is not None) == away, 5)


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand(monkeypatch)
    await stand.until(away=False)
    return stand


async def test_a_client_that_gets_no_metadata_is_given_up_while_fresh_connections_work(stand: Stand) -> None:
    stand.aiokafka.client.answers = False
    async with asyncio.timeout(5):
        with pytest.raises(Stuck, match="no answer from nowhere:1"):
            await stand.running


async def test_a_client_that_gets_no_acknowledgement_is_given_up_while_fresh_connections_work(
    stand: Stand,
) -> None:
    stand.aiokafka.acknowledges = False
    with pytest.raises(Unavailable, match="no acknowledgement"):
        await stand.producer.append(RECORD)
    async with asyncio.timeout(5):
        with pytest.raises(Stuck, match="no acknowledgement"):
            await stand.running


async def test_while_fresh_connections_do_not_work_either_it_waits(stand: Stand) -> None:
    stand.fresh_works = False
    stand.aiokafka.client.answers = False
    await stand.until(away=True)
    await asyncio.sleep(4 * (QUICK.stuck + QUICK.patience))
    assert not stand.running.done()
    stand.aiokafka.client.answers = True
    await stand.until(away=False)
    await stand.producer.append(RECORD)
    stand.running.cancel()


async def test_a_late_acknowledgement_ends_the_outage_without_another_request(stand: Stand) -> None:
    stand.fresh_works = False
    stand.aiokafka.acknowledges = False
    with pytest.raises(Unavailable):
        await stand.producer.append(RECORD)
    await stand.until(away=True)
    for delivery in stand.aiokafka.under_way:
        delivery.set_result(None)
    await stand.until(away=False)
    stand.running.cancel()


async def test_a_hundred_appends_at_once_are_all_refused_within_the_deadline(stand: Stand) -> None:
    stand.fresh_works = False
    stand.aiokafka.acknowledges = False
    async with asyncio.timeout(5 * QUICK.answer):
        results = await asyncio.gather(
            *(stand.producer.append(RECORD) for _ in range(100)), return_exceptions=True
        )
    assert {type(result) for result in results} == {Unavailable}
    stand.running.cancel()
