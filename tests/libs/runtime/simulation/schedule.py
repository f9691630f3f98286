"""One schedule: input flows, workers come and go, things break; then all is quiet, and the world can be judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.records import Headers, Outgoing
from libs.telemetry.spans import Traces
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.libs.ledger import histories
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.world import PARTITIONS, Faults, Place, Process, World

Flow = list[tuple[Place, Outgoing]]  # records for the input topics, in their order
AGGREGATES: Mapping[str, Aggregate[Any]] = {"executions": EXECUTIONS, "operations": OPERATIONS}
_HEADERS: tuple[Headers, ...] = (
    [],
    [("h", None)],
    [("h", b"\xff"), ("h", b"2")],
    [("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01".encode())],
)
_TROUBLE = 6.0  # virtual seconds in which things go wrong
_PATIENCE = 600.0  # virtual seconds after which a world that is left in peace must have settled
# Virtual seconds that it must stay so: zombies wake late, and an owner looks every two whether one wrote.
_CALM = 20


class Unsettled(Exception):
    """Left in peace, the world did not come to rest."""


def play(
    seed: int,
    faults: Faults,
    aggregates: Mapping[str, Aggregate[Any]] = AGGREGATES,
    inputs: Callable[[Random], Flow] | None = None,
    traces: Traces | None = None,
) -> World:
    """Run a schedule to its end, by default over operations and executions. Raises Unsettled, StandsStill."""
    rng = Random(seed)
    world = World(rng, aggregates, faults, traces)
    clock.run(_play(world, (inputs or _inputs)(rng)))
    return world


def _inputs(rng: Random) -> Flow:
    """Records for the input topics, a few of them on the wrong partition."""
    inputs = []
    # One in five has hardly anything else: batches of which nothing comes but dead letters.
    noise = histories.Noise(broken=rng.choice((0.05, 0.05, 0.05, 0.05, 3.0)))
    for _ in range(rng.randrange(2, 5)):
        story = histories.story(rng, ended=rng.random() < 0.8)
        for service, bodies in (("executions", story.bodies()), ("operations", story.operation)):
            values = histories.spoiled(rng, bodies, noise)
            inputs.append([_record(rng, service, bodies, value) for value in values])
    flow = []
    while inputs := [one for one in inputs if one]:
        flow.append(rng.choice(inputs).pop(0))
    return flow


def _record(
    rng: Random, service: str, bodies: list[dict[str, Any]], value: bytes | None
) -> tuple[Place, Outgoing]:
    ids = [body["id"] for body in bodies if value is not None and body["id"].encode() in value]
    right = partition_of(ids[0], PARTITIONS) if ids else rng.randrange(PARTITIONS)
    place = (service, right if rng.random() < 0.95 else rng.randrange(PARTITIONS))
    key = rng.choice((None, b"\xff", (ids or ["?"])[0].encode()))
    return place, Outgoing(0, key, value, list(rng.choice(_HEADERS)))


async def _play(world: World, inputs: Flow) -> None:
    keepers = [asyncio.create_task(_keep(world, place)) for place in world.places()]
    trouble = asyncio.create_task(_trouble(world))
    for (service, number), record in inputs:
        world.topic(f"{service}.in", number).append([record])
        world.given.add((record.key, record.value, tuple(record.headers)))
        await asyncio.sleep(world.rng.choice((0, 0, 0.005, 0.05, 0.2)))
    await trouble
    world.note("peace")
    world.faults = None
    calm = 0
    for _ in range(int(_PATIENCE)):
        await asyncio.sleep(1.0)
        calm = calm + 1 if _settled(world) else 0
        if calm == _CALM:
            break
    else:
        raise Unsettled([place for place in world.places() if not _done(world, place)])
    for keeper in keepers:
        keeper.cancel()
    for processes in world.processes.values():
        for process in processes:
            process.partition.stop()
    await asyncio.sleep(60.0)


def _settled(world: World) -> bool:
    landed = asyncio.get_running_loop().time() > world.last_stray
    landed = landed and not any(process.alive for process in world.rebuilds)
    return landed and all(_done(world, place) for place in world.places())


def _done(world: World, place: Place) -> bool:
    """Whether exactly one process is left and has written all input."""
    topic = world.topic(f"{place[0]}.in", place[1])
    alive = [process for process in world.processes[place] if process.alive]
    last = topic.records[-1].offset if topic.records else -1
    there = world.keyspaces[place].position.get("input_offset")
    return len(alive) == 1 and alive[0].partition.ready and there == str(last)


async def _keep(world: World, place: Place) -> None:
    """What the group does: a partition whose process is silent goes to another; of two, the older is told to stop."""
    while True:
        alive = [process for process in world.processes[place] if process.alive]
        awake = [process for process in alive if not process.frozen]
        if not awake or (
            world.faults and world.faults.zombies and len(alive) < 3 and world.rng.random() < 0.02
        ):
            world.start(place)
        for older in awake[:-1]:
            if world.rng.random() < 0.3:
                _stop(world, older)
        await asyncio.sleep(world.rng.choice((0.05, 0.2, 1.0)))


def _stop(world: World, process: Process) -> None:
    world.note(f"{process.name} is told to stop")
    process.partition.stop()


async def _trouble(world: World) -> None:
    """Redis' own misfortunes."""
    loop, rng = asyncio.get_running_loop(), world.rng
    while loop.time() < _TROUBLE:
        await asyncio.sleep(rng.choice((0.01, 0.1, 0.5)))
        assert world.faults is not None
        if rng.random() < 0.5:
            world.remember()
        if rng.random() < world.faults.redis_back:
            world.go_back()
        if world.faults.evict and rng.random() < world.faults.evict:
            world.evict()
        if rng.random() < world.faults.rebuild:
            world.rebuild(rng.choice(world.places()))
        if rng.random() < world.faults.redis_back / 2:
            world.redis_away_until = loop.time() + rng.choice((0.1, 1.0, 8.0))
            world.note(f"redis is away until {world.redis_away_until:.3f}")
