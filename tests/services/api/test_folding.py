"""Waiting for the fold: nobody is answered too early, one look serves all who wait, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as Away

from libs.views.reading import Position
from services.api import folding
from services.api.backend import Backend
from services.api.folding import Folding
from services.api.refusals import Refusal


class Positions:
    """Where each partition is, as far as it is asked."""

    def __init__(self) -> None:
        self.at: dict[int, int] = {}
        self.looks = 0
        self.away = False

    async def position(self, _: str, partition: int) -> Position:
        self.looks += 1
        if self.away:
            raise Away
        return Position(partition, input_offset=self.at.get(partition, -1))


def waiting() -> tuple[Positions, Folding]:
    there = Positions()
    return there, Folding(Backend(there, 6), "versions")  # type: ignore[arg-type]


async def test_each_is_let_go_once_its_own_input_is_folded() -> None:
    there, fold = waiting()
    ahead, behind, elsewhere = (
        asyncio.create_task(fold.reached(*place)) for place in ((0, 3), (0, 5), (1, 0))
    )
    there.at = {0: 4}
    await asyncio.wait_for(ahead, 5)
    await asyncio.sleep(0.05)
    assert not behind.done()
    assert not elsewhere.done()
    there.at = {0: 5, 1: 7}
    await asyncio.wait_for(asyncio.gather(behind, elsewhere), 5)


async def test_many_who_wait_are_one_look_and_nobody_none() -> None:
    there, fold = waiting()
    tasks = [asyncio.create_task(fold.reached(0, 9)) for _ in range(500)]
    await asyncio.sleep(0.1)
    assert there.looks < 50
    there.at = {0: 9}
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    await asyncio.sleep(0.05)
    looks = there.looks
    await asyncio.sleep(0.1)
    assert there.looks == looks
    await asyncio.wait_for(fold.reached(0, 9), 5)
    assert there.looks > looks


async def test_who_waits_too_long_is_told_and_what_is_away_may_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, fold = waiting()
    monkeypatch.setattr(folding, "PATIENCE", 0.05)
    there.away = True
    with pytest.raises(Refusal) as refusal:
        await fold.reached(2, 0)
    assert (refusal.value.status, refusal.value.more["partitions"]) == (503, {"versions": [2]})
    monkeypatch.setattr(folding, "PATIENCE", 5.0)
    late = asyncio.create_task(fold.reached(2, 0))
    await asyncio.sleep(0.05)
    there.away, there.at = False, {2: 0}
    await asyncio.wait_for(late, 5)


async def test_who_goes_away_leaves_the_others_waiting() -> None:
    there, fold = waiting()
    gone, stays = (asyncio.create_task(fold.reached(0, 1)) for _ in range(2))
    await asyncio.sleep(0.02)
    gone.cancel()
    there.at = {0: 1}
    await asyncio.wait_for(stays, 5)
    assert gone.cancelled()
