"""What several partitions have for one place comes there once, and in order."""

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
    kafka = KafkaAccess(deployment.servers.kafka)
    producers = [make_producer(kafka, "test"), make_producer(kafka, "test", "zstd")]
    for producer in producers:
        await producer.start()
    yield Journal(producers[0], Names(deployment.namespace), "executions", 1, Failpoint(), producers[1])
    for producer in producers:
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


@pytest.mark.parametrize("at_once", [5, 20], ids=["a few", "many"])
async def test_everything_comes_once_and_in_the_order_of_its_sender(
    deployment: Deployment, journal: Journal, at_once: int
) -> None:
    async def send(sender: int) -> None:
        for first in range(0, 100, at_once):
            await journal.route(_records(sender, first, at_once))

    await asyncio.gather(*(send(sender) for sender in range(6)))
    found = await _sent(deployment)
    assert len(found) == 600
    for sender in range(6):
        assert [number for one, number in found if one == sender] == list(range(100))


async def test_who_gives_up_while_waiting_has_nothing_sent_by_others(
    deployment: Deployment, journal: Journal
) -> None:
    """Of many; a few are handed over at once."""
    first = asyncio.create_task(journal.route(_records(0, 0, 10)))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(journal.route(_records(1, 0, 10)))
    other = asyncio.create_task(journal.route(_records(2, 0, 10)))
    for _ in range(3):
        await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up
    await asyncio.gather(first, other)
    await journal.route(_records(3, 0, 1))
    assert {sender for sender, _ in await _sent(deployment)} == {0, 2, 3}


@pytest.mark.parametrize("count", [1, 100], ids=["a few", "many"])
async def test_a_record_as_large_as_any_goes_with_the_others(
    deployment: Deployment, journal: Journal, count: int
) -> None:
    """Compressed, as a topic's limit counts compressed bytes; and in its sender's order."""
    large = Routed("operations.in", "x", Outgoing(count, b"x", b"0/%d" % count + b" " * 3_000_000))
    await journal.route([*_records(0, 0, count), large])
    assert await _sent(deployment) == [(0, number) for number in range(count + 1)]


@pytest.mark.parametrize("count", [1, 100], ids=["a few", "many"])
@pytest.mark.parametrize("size", [2_300_000, 20_000_000])
async def test_one_large_header_is_as_large_a_record(
    deployment: Deployment, journal: Journal, count: int, size: int
) -> None:
    """As of a misplaced record, which keeps what its sender put there; the client has a limit of its own, too."""
    record = Outgoing(count, b"x", b"0/%d" % count, [("h", b"0" * size)])
    await journal.route([*_records(0, 0, count), Routed("operations.in", "x", record)])
    assert await _sent(deployment) == [(0, number) for number in range(count + 1)]


async def test_headers_come_as_they_are(deployment: Deployment, journal: Journal) -> None:
    """A forwarded record has its sender's: null, not UTF-8, repeated."""
    headers = [("h", None), ("h", b"\xff"), ("", b"")]
    await journal.route([Routed("operations.in", "x", Outgoing(0, None, b"0/0", list(headers)))])
    ((record,),) = (await deployment.read("operations.in")).values()
    assert (record.key, list(record.headers)) == (None, headers)
