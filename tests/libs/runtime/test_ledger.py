"""What a recovery reads back: each topic over one connection, however much is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.contracts.names import Names
from libs.runtime import ledger
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.ledger import open_ledger
from libs.runtime.reader import PartitionReader, partition_reader
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.stack import Servers

pytestmark = pytest.mark.real


async def test_refused_inputs_are_fetched_over_one_reader_which_ends_with_the_ledger(
    shared_servers: Servers,
    namespace: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thousands may be asked for in one recovery; a consumer for each would take it a second and a connection."""
    deployment = Deployment(shared_servers, namespace, tmp_path_factory.mktemp("ledger"), partitions=1)
    await deployment.create()
    inputs = [Push(deployment.topic("operations.in"), b"no JSON %d" % number) for number in range(30)]
    await deployment.push(inputs)
    opened, closed = Counter[str](), Counter[str]()

    @asynccontextmanager
    async def counted(kafka: KafkaAccess, topic: str, partition: int) -> AsyncIterator[PartitionReader]:
        opened[topic] += 1
        async with partition_reader(kafka, topic, partition) as reader:
            yield reader
        closed[topic] += 1

    monkeypatch.setattr(ledger, "partition_reader", counted)
    async with open_ledger(KafkaAccess(shared_servers.kafka), Names(namespace), "operations", 0) as one:
        for offset in (3, 4, 29, 0, 17):
            found = await one.input_at(offset)
            assert found is not None
            assert (found.offset, found.value) == (offset, b"no JSON %d" % offset)
        assert await one.input_at(30) is None
        assert await one.input_bounds() == (0, 30)
    assert opened == closed == {deployment.topic("operations.log"): 1, deployment.topic("operations.in"): 1}
