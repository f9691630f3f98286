"""Where the input seems to end, though it does not: what nobody folded is told, whatever lies behind it."""

from __future__ import annotations

import asyncio
import uuid
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


async def abort(deployment: Deployment, records: int) -> None:
    """Append records to the input of executions in a transaction that is aborted."""
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.servers.kafka, transactional_id=f"t-{uuid.uuid4().hex}"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        sent = [
            await producer.send(deployment.topic("executions.in"), b"aborted", partition=0)
            for _ in range(records)
        ]
        await asyncio.gather(*sent)
        await producer.abort_transaction()
    finally:
        await producer.stop()


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
