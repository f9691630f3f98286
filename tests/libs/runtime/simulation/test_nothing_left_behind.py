"""A batch that fails in part is waited for as a whole: nothing of it comes after the partition started again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

import pytest

from libs.ledger.records import Outgoing, Routed
from libs.runtime.journal import PlaceUnknown, ProducerBroken
from libs.views.ownership import Ownership
from tests.libs.ledger import histories
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.world import FlakyStore, FlakyWriter, Process, World

_PLACE: Final = ("executions", 0)
_SLOW: Final = 2.0  # virtual seconds, longer than the first back-off


class _Trouble:
    """Of one batch, the append to ``stream`` fails soon, and what is ``slow`` takes long; then it may fail as well."""

    def __init__(self, patch: pytest.MonkeyPatch, stream: str, slow: str, ends: Exception | None) -> None:
        self.happened: list[str] = []
        self._stream, self._slow, self._ends = stream, slow, ends
        self._failed = self._slowed = False
        take, self._append, self._route = FlakyStore.take, FlakyWriter.append, FlakyWriter.route

        async def starts(store: FlakyStore, owner: str, lease_ms: int = 0) -> Ownership:
            self.happened.append("starts")
            return await take(store, owner, lease_ms)

        async def append(writer: FlakyWriter, stream: str, partition: int, records: list[Outgoing]) -> int:
            if stream == self._stream and not self._failed:
                await asyncio.sleep(0.001)  # the others begin, if there are any
                if self._slowed:
                    self._failed = True
                    raise PlaceUnknown(stream)
            await self._wait(stream, records)
            return await self._append(writer, stream, partition, records)

        async def route(writer: FlakyWriter, routed: Iterable[Routed]) -> None:
            routed = list(routed)
            await self._wait("notices", [one for one in routed if one.topic == "operations.in"])
            await self._route(writer, routed)

        patch.setattr(FlakyStore, "take", starts)
        patch.setattr(FlakyWriter, "append", append)
        patch.setattr(FlakyWriter, "route", route)

    async def _wait(self, what: str, records: Sequence[object]) -> None:
        if what == self._slow and records and not self._slowed:
            self._slowed = True
            await asyncio.sleep(_SLOW)
            self.happened.append("the slow ones are sent")
            if self._ends is not None:
                raise self._ends


async def _worked(seed: int = 3) -> tuple[Process, bool]:
    """A worker that was given some input, and whether it is ready in the end."""
    world = World(Random(seed), AGGREGATES, None)
    process = world.start(_PLACE)
    await asyncio.sleep(1)
    bodies = histories.story(Random(seed)).bodies()
    values = histories.spoiled(Random(seed), bodies)
    world.topic("executions.in", 0).append([Outgoing(0, None, value) for value in values])
    await asyncio.sleep(60)
    return process, process.partition.ready


@pytest.mark.parametrize(("fails", "slow"), [("log", "notices"), ("events", "state"), ("state", "events")])
def test_what_is_under_way_ends_before_the_partition_starts_again(
    monkeypatch: pytest.MonkeyPatch, fails: str, slow: str
) -> None:
    trouble = _Trouble(monkeypatch, fails, slow, None)
    _, ready = clock.run(_worked())
    assert ready
    assert trouble.happened == ["starts", "the slow ones are sent", "starts"]


def test_the_gravest_failure_counts_not_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that is broken can append no more: the process has to end."""
    trouble = _Trouble(monkeypatch, "log", "notices", ProducerBroken("notices"))
    process, _ = clock.run(_worked())
    assert isinstance(process._tasks[0].exception(), ProducerBroken)
    assert trouble.happened == ["starts", "the slow ones are sent"]
