"""A log with something in it that no worker wrote: the partition stands still and says why, whoever reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import orjson
import pytest

from libs.ledger.records import InputRecord
from libs.runtime.recovery import DamagedLog
from libs.views.memory import Keyspace
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.schedule import AGGREGATES, _inputs
from tests.libs.runtime.simulation.world import Process, World

_PLACE = ("executions", 0)


def _garbage(record: InputRecord) -> None:
    record.value = b'{"not":"ours"}'


def _wrong_sequence(record: InputRecord) -> None:
    record.value = (record.value or b"").replace(b'"sequence":1,', b'"sequence":2,')


def _edited(attributes: Mapping[str, Any], **data: Any) -> Callable[[InputRecord], None]:
    """A damage that sets some of a log record's attributes, and some of its data."""

    def edit(record: InputRecord) -> None:
        told = orjson.loads(record.value or b"")
        was = told.pop("data")
        record.value = orjson.dumps({**told, **attributes, "data": {**was, **data}})

    return edit


_DAMAGES = {
    "garbage": _garbage,
    "another sequence": _wrong_sequence,
    "no subject": _edited({"subject": None}),
    "a subject that is a number": _edited({"subject": 5}),
    "no key": _edited({"partitionkey": None}),
    "an offset that is a text": _edited({"inputoffset": "5"}),
    "a time that is a number": _edited({"recordedtime": 5}),
    "no strategy": _edited({}, strategy_id=None),
    "a status that none is": _edited({}, status="dreaming"),
    "instructions that are a number": _edited({}, instructions=5),
    "instructions that are numbers": _edited({}, instructions=[5]),
    "a clock that is a number": _edited({}, updated_at=5),
}
damages = pytest.mark.parametrize("damage", _DAMAGES.values(), ids=_DAMAGES)


async def _folded() -> World:
    """A world whose inputs are folded, and whose worker has ended."""
    world = World(Random(1), AGGREGATES, None)
    for (service, number), record in _inputs(Random(3)):
        world.topic(f"{service}.in", number).append([record])
    worker = world.start(_PLACE)
    await asyncio.sleep(30)
    worker.partition.stop()
    await asyncio.sleep(20)
    assert worker.partition.folded > 0
    return world


def _first_of_an_entity(world: World) -> InputRecord:
    records = world.topic("executions.log", _PLACE[1]).records
    return next(one for one in records if b'"sequence":1,' in (one.value or b""))


async def _halted(spoil: Callable[[World], None]) -> str | None:
    world = await _folded()
    spoil(world)
    worker = world.start(_PLACE)
    await asyncio.sleep(120)
    assert worker.alive
    assert not worker.partition.ready
    worker.partition.stop()
    await asyncio.sleep(20)
    return worker.partition.halted


def _last_logged(world: World) -> None:
    at = int(world.keyspaces[_PLACE].position["log_offset"])
    _garbage(next(one for one in world.topic("executions.log", _PLACE[1]).records if one.offset == at))


def test_the_record_that_redis_stands_at_is_no_record_of_ours() -> None:
    assert "can't be read" in (clock.run(_halted(_last_logged)) or "")


@damages
def test_redis_can_not_be_made_from_it(damage: Callable[[InputRecord], None]) -> None:
    """It is not emptied and folded for ever, as where Redis itself is damaged, nor is the process ended."""

    def spoil(world: World) -> None:
        damage(_first_of_an_entity(world))
        world.keyspaces[_PLACE].become(Keyspace())

    halted = clock.run(_halted(spoil))
    assert halted is not None
    assert halted.startswith("executions partition 0: ")


@damages
def test_a_rebuild_says_so(damage: Callable[[InputRecord], None]) -> None:
    async def rebuilt() -> BaseException | None:
        world = await _folded()
        damage(_first_of_an_entity(world))
        process = Process(world, _PLACE, "rebuild")
        process.rebuild()
        await asyncio.sleep(120)
        return process.failed()

    assert isinstance(clock.run(rebuilt()), DamagedLog)
