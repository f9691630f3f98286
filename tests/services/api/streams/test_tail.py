"""A log is followed for as long as the server runs, whatever becomes of the client of Kafka."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import Record
from services.api.streams import tail
from services.api.streams.tail import Tail


class _Metadata:
    @staticmethod
    def partitions_for_topic(_topic: str) -> set[int]:
        return {0}


class _Consumer:
    """Of one partition. The first one loses its connection, and stops as aiokafka's does while a fetch rests."""

    made = 0

    def __init__(self, **_settings: Any) -> None:
        self.first = _Consumer.made == 0
        _Consumer.made += 1
        self._client = self

    async def start(self) -> None:
        """There at once."""

    async def close(self) -> None:
        """Gone at once."""

    async def fetch_all_metadata(self) -> _Metadata:
        return _Metadata()

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    end_offsets = beginning_offsets

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[TopicPartition, None]:
        return dict.fromkeys(times)

    def assign(self, places: list[TopicPartition]) -> None:
        self.places = places

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Where it begins is nothing to these tests."""

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        if self.first:
            raise KafkaConnectionError("lost")
        await asyncio.sleep(0.01)
        return {self.places[0]: [_Kept()]}

    async def stop(self) -> None:
        if self.first:
            resting = asyncio.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            resting.cancel()
            await resting


class _Kept:
    offset = 0


class _Reader:
    def __init__(self) -> None:
        self.took = asyncio.Event()

    def take(self, partition: int, records: list[Record]) -> None:
        self.took.set()

    def settle(self, partition: int) -> None:
        """Nothing to do."""

    def flush(self) -> None:
        """Nothing to do."""


async def test_a_client_that_cancels_its_own_fetch_does_not_end_the_following(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a broker's death nobody would be sent anything any more, and nobody would say so."""
    monkeypatch.setattr(tail, "AIOKafkaConsumer", _Consumer)
    monkeypatch.setattr(_Consumer, "made", 0)
    reader = _Reader()
    following = asyncio.create_task(Tail(KafkaAccess("127.0.0.1:1"), "x.log", 1, 0, reader).run())
    waiting = asyncio.create_task(reader.took.wait())
    await asyncio.wait({following, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert not following.done()
    assert waiting.done()
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
