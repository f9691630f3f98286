"""Forwards and notices for several partitions: whoever sends them is told of a failure once none is under way."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.ledger.records import Outgoing, Routed
from libs.runtime.failpoints import Failpoint
from libs.runtime.journal import Journal, ProducerBroken


class _Producer:
    """Hands over to nobody: each partition's record waits for its outcome."""

    def __init__(self) -> None:
        self.under_way: dict[int, asyncio.Future[None]] = {}

    async def send(self, *_: Any, partition: int, **__: Any) -> asyncio.Future[None]:
        self.under_way[partition] = asyncio.get_running_loop().create_future()
        return self.under_way[partition]


def _for(partition: int) -> Routed:
    key = next(str(number) for number in count() if partition_of(str(number), 2) == partition)
    return Routed("operations.in", key, Outgoing(0, None, b"{}"))


async def test_a_failure_in_one_partition_waits_for_the_other() -> None:
    producer: Any = _Producer()
    journal = Journal(producer, Names(), "executions", 2, Failpoint())
    routing = asyncio.create_task(journal.route([_for(0), _for(1)]))
    while len(producer.under_way) < 2:  # noqa: ASYNC110  # a few turns of the loop
        await asyncio.sleep(0)
    producer.under_way[0].set_exception(KafkaError("refused"))
    await asyncio.sleep(0.01)
    assert not routing.done()
    producer.under_way[1].set_result(None)
    with pytest.raises(ProducerBroken, match=r"operations\.in/0"):
        await routing
