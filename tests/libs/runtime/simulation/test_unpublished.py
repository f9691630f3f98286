"""A rebuild where a worker was killed amid a batch: Redis gets all that was published, and it says that it is short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import orjson
import pytest

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.records import Outgoing
from libs.runtime.rebuild import Rebuilt
from services.versions import AGGREGATE as VERSIONS
from tests.libs.ledger.folding import Outcome, fold_input
from tests.libs.ledger.histories import story
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.checks import _store, violations
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.world import HISTORY, PARTITIONS, MemoryLedger, Process, Topic, World
from tests.services.versions.given import NEXT, VERSION, cancel, delete, drafted

EXECUTIONS = AGGREGATES["executions"]


def _bodies() -> list[bytes]:
    """Executions of one partition, and one that can't be read after the third."""
    bodies = [one for one in story(Random(7)).bodies() if partition_of(one["id"], PARTITIONS) == 0]
    values = [orjson.dumps(one) for one in bodies]
    return [*values[:3], b"{}", *values[3:]]


_BODIES = _bodies()


@pytest.fixture(autouse=True)
def in_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole log, as where it is shorter than what Kafka gives at once."""

    async def whole(self: MemoryLedger, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        yield [(one.offset, one.value or b"") for one in self._topic("log").since(start) if one.offset < end]

    monkeypatch.setattr(MemoryLedger, "read_log", whole)


def _given(aggregate: Aggregate[Any], values: list[bytes]) -> tuple[World, Outcome]:
    """A world whose inputs are all in the log, and nothing else anywhere; and what it all comes to."""
    service = aggregate.service
    world = World(Random(1), {service: aggregate}, None)
    world.topics[f"{service}.in", 0] = inputs = Topic(world.rng)
    inputs.append([Outgoing(0, None, value) for value in values])
    expected = fold_input(aggregate, inputs.records, 0, PARTITIONS, history=HISTORY)
    world.topic(f"{service}.log", 0).append(expected.log)
    return world, expected


def _publish(world: World, service: str, published: Outcome) -> None:
    for stream, records in (
        ("events", published.events),
        ("state", published.states),
        ("dead", published.dead),
    ):
        world.topic(f"{service}.{stream}", 0).append(records)
    for one in published.notices:
        world.topic(one.topic, partition_of(one.routing_key, PARTITIONS)).append([one.record])


async def _rebuilt(world: World, service: str) -> Rebuilt:
    process = Process(world, (service, 0), "rebuild")
    process.rebuild()
    rebuilt: Rebuilt = await process._tasks[0]
    return rebuilt


async def _worked_on(world: World, service: str) -> list[str]:
    """What is wrong once a worker has done the rest."""
    worker = world.start((service, 0))
    await asyncio.sleep(60)
    assert worker.partition.ready
    return [one for one in violations(world, world.aggregates) if not one.startswith(f"{service}/1")]


@pytest.mark.parametrize("published", range(len(_BODIES) + 1))
def test_redis_has_all_that_was_published(published: int) -> None:
    """However much of the chunk that was, and a worker loses and doubles nothing afterwards."""

    async def played() -> None:
        world, _ = _given(EXECUTIONS, _BODIES)
        inputs = world.topic("executions.in", 0).records[:published]
        before = fold_input(EXECUTIONS, inputs, 0, PARTITIONS, history=HISTORY)
        _publish(world, "executions", before)
        rebuilt = await _rebuilt(world, "executions")
        assert rebuilt.complete == (published == len(_BODIES))
        assert rebuilt.input_offset == published - 1
        if published:
            assert _store(world, ("executions", 0), before) == []
        assert await _worked_on(world, "executions") == []

    clock.run(played())


def test_a_deleted_version_s_tombstone_is_not_left_out() -> None:
    """One that was deleted is spoken of again in the batch of which only the last tombstone lacks."""

    async def played() -> None:
        bodies = [drafted({}), delete(), drafted({}, NEXT), cancel()]
        world, expected = _given(VERSIONS, [orjson.dumps(one) for one in bodies])
        last = expected.states.pop()
        assert (last.key, last.value, last.offset) == (VERSION.encode(), None, 3)
        _publish(world, "versions", expected)
        assert not (await _rebuilt(world, "versions")).complete
        assert await _worked_on(world, "versions") == []

    clock.run(played())
