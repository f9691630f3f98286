"""Polling: records come as soon as they are there, and a partition that can't be read takes nothing from the others."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException

from libs.runtime.poller import Poller

_A: Final = TopicPartition("operations.in", 0)
_B: Final = TopicPartition("operations.in", 1)
_REFETCH: Final = 0.05  # seconds


class _Consumer:
    """As aiokafka's: a failure comes out of whichever call looks at its partition, and again once that is refetched."""

    def __init__(self, *broken: TopicPartition) -> None:
        self.fetched: dict[TopicPartition, list[str]] = {_A: [], _B: []}
        self.broken = set(broken)
        self.held: set[TopicPartition] = set()
        self._came = asyncio.Event()

    def assignment(self) -> set[TopicPartition]:
        return set(self.fetched)

    def paused(self) -> set[TopicPartition]:
        return self.held

    def fetch(self, tp: TopicPartition, *records: str) -> None:
        self.fetched[tp] += records
        self._came.set()

    def _refetched(self, tp: TopicPartition) -> None:
        self.broken.add(tp)
        self._came.set()

    async def getmany(
        self, *wanted: TopicPartition, timeout_ms: int, max_records: int = 500
    ) -> dict[TopicPartition, list[str]]:
        found = self._take(wanted, max_records)
        if not found and timeout_ms:
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), timeout_ms / 1000)
            except TimeoutError:
                return {}
            found = self._take(wanted, max_records)
        return found

    def _take(self, wanted: tuple[TopicPartition, ...], most: int) -> dict[TopicPartition, list[str]]:
        found: dict[TopicPartition, list[str]] = {}
        for tp in wanted:
            if most == 0:
                break
            if tp in self.broken:
                self.broken.remove(tp)
                asyncio.get_running_loop().call_later(_REFETCH, self._refetched, tp)
                raise CorruptRecordException(str(tp))  # what was drained before is lost
            if self.fetched[tp]:
                found[tp], self.fetched[tp] = self.fetched[tp][:most], self.fetched[tp][most:]
                most -= len(found[tp])
        return found


class _Failures(list[TopicPartition]):
    def __call__(self, tp: TopicPartition, _why: Exception) -> None:
        self.append(tp)


async def _poll(poller: Poller, consumer: Any) -> list[str]:
    return list(await poller(consumer))


async def test_what_comes_while_it_waits_comes_at_once_whole_and_in_order() -> None:
    consumer, poller = _Consumer(), Poller(_Failures())
    polling = asyncio.create_task(_poll(poller, consumer))
    await asyncio.sleep(0)
    consumer.fetch(_A, "a1", "a2", "a3")
    consumer.fetch(_B, "b1", "b2")
    assert await polling in (["a1", "a2", "a3", "b1", "b2"], ["b1", "b2", "a1", "a2", "a3"])


async def test_what_cannot_be_read_is_told_and_takes_nothing_from_the_others() -> None:
    for broken, sound in ((_A, _B), (_B, _A)):
        failures = _Failures()
        consumer, poller = _Consumer(broken), Poller(failures)
        consumer.fetch(sound, "1", "2")
        assert await _poll(poller, consumer) == ["1", "2"]
        assert failures == [broken]


async def test_a_failure_that_comes_while_it_waits_is_found_where_it_belongs() -> None:
    """Who waits for all learns only that there was one; whatever comes meanwhile of the others is not lost."""
    failures = _Failures()
    consumer, poller = _Consumer(), Poller(failures)
    polling = asyncio.create_task(_poll(poller, consumer))
    await asyncio.sleep(0)
    consumer.broken.add(_B)
    consumer.fetch(_A, "1", "2")
    found = await polling
    async with asyncio.timeout(5):
        while not failures:
            found += await _poll(poller, consumer)
    assert (found, set(failures)) == (["1", "2"], {_B})


async def test_nothing_is_taken_of_a_partition_that_is_held() -> None:
    consumer, poller = _Consumer(), Poller(_Failures())
    consumer.held |= {_A, _B}
    consumer.fetch(_A, "1")
    before = time.monotonic()
    assert await _poll(poller, consumer) == []
    assert poller.beat >= before
    consumer.held.clear()
    assert await _poll(poller, consumer) == ["1"]
