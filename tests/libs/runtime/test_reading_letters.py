"""Dead letters are read to their end, or it is said where nothing comes any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from libs.runtime import letters
from libs.runtime.letters import read
from tests.libs.runtime.test_letters import _Record

ONE, OTHER = TopicPartition("operations.dead", 0), TopicPartition("operations.dead", 1)


class _Consumer:
    """Gives a record a poll, of each partition up to where Kafka goes away."""

    def __init__(self, away_at: dict[TopicPartition, int], *, answers: bool = True) -> None:
        self._away_at = away_at
        self._positions: dict[TopicPartition, int] = {}
        self._answers = answers

    def assign(self, _: Any) -> None:
        """Whatever is sought."""

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    async def position(self, tp: TopicPartition) -> int:
        await asyncio.sleep(0 if self._answers else 60)
        return self._positions[tp]

    async def getmany(self, *tps: TopicPartition, **_: Any) -> dict[TopicPartition, list[_Record]]:
        await asyncio.sleep(0.02)
        found = {}
        for tp in tps:
            at = self._positions[tp]
            if at < self._away_at[tp]:
                self._positions[tp] += 1
                found[tp] = [_Record((), partition=tp.partition, offset=at)]
        return found


async def _read(consumer: Any, end: int, hold: float = 0) -> list[tuple[int, int]]:
    found = []
    async for one in read(consumer, {ONE: (0, end), OTHER: (0, end)}):
        await asyncio.sleep(hold)
        found.append((one.partition, one.offset))
    return found


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a minute takes a tenth of a second."""
    monkeypatch.setattr(letters, "STALLED", 0.1)


async def test_where_nothing_comes_any_more_reading_ends_with_the_place() -> None:
    """It went on for ever where Kafka went away amid it."""
    with pytest.raises(KafkaTimeoutError, match=r"nothing came from operations\.dead/1/3 on"):
        await asyncio.wait_for(_read(_Consumer({ONE: 9, OTHER: 3}), 9), 5)


async def test_a_client_that_finds_no_offset_is_not_waited_for_either() -> None:
    async with asyncio.timeout(5) as ours:
        with pytest.raises(TimeoutError):
            await _read(_Consumer({ONE: 9, OTHER: 9}, answers=False), 9)
    assert not ours.expired()


async def test_what_the_reader_of_letters_does_meanwhile_is_no_stall() -> None:
    """Such as asking a person, or sending them again."""
    found = await _read(_Consumer({ONE: 3, OTHER: 3}), 3, hold=0.15)
    assert sorted(found) == [(partition, offset) for partition in (0, 1) for offset in range(3)]
