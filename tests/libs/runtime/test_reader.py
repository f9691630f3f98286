"""A client of Kafka that cancels what it awaits itself must not pass for whoever cancels us."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from libs.contracts.names import Names
from libs.runtime import credentials
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.patience import Patience
from libs.runtime.reader import let_go


class _Consumer:
    """Stops as aiokafka's does while a fetch rests after a lost connection."""

    def __init__(self) -> None:
        self._client = self
        self.closed = False

    async def stop(self) -> None:
        resting = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        resting.cancel()
        await resting

    async def close(self) -> None:
        self.closed = True


async def test_a_reader_that_is_let_go_does_not_cancel_its_user() -> None:
    """The partition's task would end as if it had been stopped, and nobody would fold the partition any more."""
    consumer: Any = _Consumer()
    await let_go(consumer)
    assert consumer.closed


async def test_what_failed_is_told_and_not_the_clients_own_cancellation() -> None:
    """The reason is what a partition starts again for."""
    consumer: Any = _Consumer()

    async def read() -> None:
        try:
            raise KafkaConnectionError("lost")
        finally:
            await let_go(consumer)

    with pytest.raises(KafkaConnectionError):
        await read()


async def test_who_follows_the_credentials_is_not_cancelled_by_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would follow the topic any more: what is revoked would stay good, and Redis never be filled again."""

    class _Starting(_Consumer):
        def __init__(self, **_settings: Any) -> None:
            super().__init__()

        async def start(self) -> None:
            """There at once."""

    monkeypatch.setattr(credentials, "AIOKafkaConsumer", _Starting)
    nothing: Any = None
    with pytest.raises(KafkaConnectionError):
        async with credentials.Credentials(nothing, KafkaAccess("127.0.0.1:1"), Names(""), None).open():
            raise KafkaConnectionError("lost")


async def test_whoever_is_cancelled_while_letting_go_is() -> None:
    """A stop that takes too long is cut off."""

    class _Slow(_Consumer):
        async def stop(self) -> None:
            await asyncio.sleep(60)

    consumer: Any = _Slow()
    task = asyncio.create_task(let_go(consumer))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_is_cancelled_while_the_client_takes_it_for_another_s_is() -> None:
    """aiokafka's does where it awaits what it cancelled; its user would go on for ever."""

    class _Deaf(_Consumer):
        async def stop(self) -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    consumer: Any = _Deaf()
    task = asyncio.create_task(let_go(consumer))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_request_that_the_client_cancels_is_a_failure_of_kafka() -> None:
    """Among the tasks of a group a cancelled one is none that failed: the others would wait for it for ever."""

    async def answers() -> bool:
        return True

    async def request() -> None:
        raise asyncio.CancelledError

    with pytest.raises(KafkaError):
        await Patience(answers, 60.0).kafka("append", request())
