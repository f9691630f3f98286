"""Where the input seems to end, though it does not: what nobody folded is told, whatever lies behind it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.examples import EXECUTION_AWAITING
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.stack import Servers

pytestmark = pytest.mark.real


@pytest.fixture
async def idle(shared_servers: Servers, namespace: str, tmp_path: Path) -> AtRest:
    """One partition, and no worker."""
    deployment = Deployment(shared_servers, namespace, tmp_path, partitions=1)
    await deployment.create()
    return AtRest(deployment)


@asynccontextmanager
async def transaction(deployment: Deployment, records: int) -> AsyncIterator[AIOKafkaProducer]:
    """Append records to the input of executions, and leave it open how that ends."""
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.servers.kafka, transactional_id=f"t-{uuid.uuid4().hex}"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        sent = [
            await producer.send(deployment.topic("executions.in"), b"{", partition=0) for _ in range(records)
        ]
        await asyncio.gather(*sent)
        yield producer
    finally:
        await producer.stop()


async def abort(deployment: Deployment, records: int) -> None:
    """Append records to the input of executions in a transaction that is aborted."""
    async with transaction(deployment, records) as producer:
        await producer.abort_transaction()


async def test_input_before_thousands_of_aborted_records_is_told(idle: AtRest) -> None:
    """The end of a topic may hold any number of records that nobody ever sees."""
    await idle.deployment.push([Push(idle.deployment.topic("executions.in"), EXECUTION_AWAITING, b"k")])
    await abort(idle.deployment, 3_500)
    (unchecked,) = (await idle.verify()).unchecked
    assert "the input ends with 0; no worker runs" in unchecked


async def test_aborted_records_alone_are_no_input(idle: AtRest) -> None:
    """The look back ends where the topic begins."""
    await abort(idle.deployment, 1_500)
    found = await idle.verify()
    assert not found.unchecked
    assert not found.counts


async def test_input_behind_an_open_transaction_is_told(idle: AtRest) -> None:
    """Its producer was told that the record is there, but no worker sees it until the other's transaction ends."""
    deployment = idle.deployment
    async with transaction(deployment, 1) as other:
        await deployment.push([Push(deployment.topic("executions.in"), EXECUTION_AWAITING, b"k")])
        (unchecked,) = (await idle.verify(wait=0.5)).unchecked
        assert "input offsets 0 to 1 are held up by an open transaction" in unchecked
        await other.abort_transaction()
    (unchecked,) = (await idle.verify(wait=0.5)).unchecked
    assert "no worker runs" in unchecked


async def test_a_transaction_that_ends_soon_is_waited_for(idle: AtRest) -> None:
    """Producers with one transaction after the other always have one open."""
    async with transaction(idle.deployment, 1) as producer:
        verifying = asyncio.create_task(idle.verify(wait=30))
        await asyncio.sleep(1)
        await producer.commit_transaction()
        (unchecked,) = (await verifying).unchecked
    assert "the input ends with 0; no worker runs" in unchecked
