"""A partition that is told to stop ends after what is in hand, whatever it was about."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.world import World

_PLACE = ("executions", 0)


async def _stopped_after(milliseconds: int) -> tuple[bool, str | None]:
    """Whether it still runs a second after it was told to stop, and what Redis says of its readiness."""
    world = World(Random(milliseconds), AGGREGATES, None)
    process = world.start(_PLACE)
    await asyncio.sleep(milliseconds / 1000)
    process.partition.stop()
    await asyncio.sleep(1.0)
    return process.alive, world.keyspaces[_PLACE].position.get("ready")


@pytest.mark.parametrize("milliseconds", range(0, 60, 2))
def test_a_partition_told_to_stop_while_it_recovers_does_not_begin_to_serve(milliseconds: int) -> None:
    """Otherwise a rebalance, and the end of the process, would wait for it until it is cut off."""
    alive, ready = clock.run(_stopped_after(milliseconds))
    assert not alive
    assert ready in (None, "0")
