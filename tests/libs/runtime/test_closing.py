"""A connection that never says that it is gone holds up nobody who closes its client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient

from libs.runtime.kafka_access import KafkaAccess

SERVERS = KafkaAccess("127.0.0.1:9").options()


class _Lingering:
    def __init__(self) -> None:
        self.closed = False

    def close(self, reason: Any) -> asyncio.Future[None]:
        """Close; the future is of the end that never comes."""
        self.closed = True
        return asyncio.get_running_loop().create_future()


async def test_a_client_is_closed_though_a_connection_lingers() -> None:
    """As consumers, producers and administrators have one inside."""
    client = AIOKafkaClient(**SERVERS)
    connection = _Lingering()
    client._conns[1] = connection
    async with asyncio.timeout(30):
        await client.close()
    assert connection.closed


async def test_who_is_cancelled_while_he_closes_is_cancelled() -> None:
    client = AIOKafkaClient(**SERVERS)
    client._conns[1] = _Lingering()
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
