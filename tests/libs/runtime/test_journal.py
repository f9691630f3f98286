"""What several partitions have for one place goes there together, once; who gives up sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from libs.contracts.names import Names
from libs.ledger.records import Outgoing, Routed
from libs.runtime.failpoints import Failpoint
from libs.runtime.journal import Journal
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.producer import make_producer
from tests.real.deployment import Deployment
from tests.stack import Servers

pytestmark = pytest.mark.real


@pytest.fixture
async def deployment(shared_servers: Servers, namespace: str, tmp_path: object) -> Deployment:
    made = Deployment(shared_servers, namespace, tmp_path, partitions=1)  # type: ignore[arg-type]
    await made.create()
    return made


@pytest.fixture
async def journal(deployment: Deployment) -> AsyncIterator[Journal]:
    producer = make_producer(KafkaAccess(deployment.servers.kafka), "test")
    await producer.start()
    yield Journal(producer, Names(deployment.namespace), "executions", 1, Failpoint())
    await producer.stop()


def _records(sender: int, first: int, count: int) -> list[Routed]:
    return [
        Routed("operations.in", "x", Outgoing(n, b"x", f"{sender}/{n}".encode()))
        for n in range(first, first + count)
    ]


async def _sent(deployment: Deployment) -> list[tuple[int, int]]:
    records = (await deployment.read("operations.in")).get(0, [])
    pairs = ((record.value or b"").decode().split("/") for record in records)
    return [(int(sender), int(number)) for sender, number in pairs]


async def test_everything_comes_once_and_in_the_order_of_its_sender(
    deployment: Deployment, journal: Journal
) -> None:
    async def send(sender: int) -> None:
        for first in range(0, 100, 5):
            await journal.route(_records(sender, first, 5))

    await asyncio.gather(*(send(sender) for sender in range(6)))
    found = await _sent(deployment)
    assert len(found) == 600
    for sender in range(6):
        assert [number for one, number in found if one == sender] == list(range(100))


async def test_who_gives_up_while_waiting_has_nothing_sent_by_others(
    deployment: Deployment, journal: Journal
) -> None:
    first = asyncio.create_task(journal.route(_records(0, 0, 1)))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(journal.route(_records(1, 0, 1)))
    other = asyncio.create_task(journal.route(_records(2, 0, 1)))
    for _ in range(3):
        await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up
    await asyncio.gather(first, other)
    await journal.route(_records(3, 0, 1))
    assert sorted(await _sent(deployment)) == [(0, 0), (2, 0), (3, 0)]
