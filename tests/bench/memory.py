"""Whether the worker's memory stays flat while very many executions go through it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice

from libs.contracts.names import Names
from tests.bench.arena import Arena
from tests.bench.process import Program, peak_mb, resident_mb
from tests.bench.subject import WORKER
from tests.bench.throughput import applied, folded
from tests.bench.workload import load, webhooks

_CHUNK = 50_000  # webhooks
_AHEAD = 150_000  # webhooks that the broker has and the worker hasn't folded
_LOOK = 1.0  # seconds


@dataclass(frozen=True)
class Memory:
    """Resident memory of the worker in 10^6 bytes, by inputs folded; its peak."""

    executions: int
    samples: list[tuple[int, float]]
    peak_mb: float


async def measure(arena: Arena, namespace: str, executions: int) -> Memory:
    """Keep a worker busy with two webhooks an execution, and look at its memory every second."""
    names = Names(namespace)
    await arena.prepare(names, ["executions.events"])
    program = Program(WORKER.argv, arena.environment(namespace), arena.folder / f"{namespace}.log")
    samples: list[tuple[int, float]] = []
    feeding = asyncio.create_task(_feed(arena, names, executions))
    try:
        done = 0
        while done < 2 * executions:
            await asyncio.sleep(_LOOK)
            program.check()
            if feeding.done():
                await feeding
            done = folded(arena, names)
            samples.append((done, resident_mb(program.process)))
        await applied(arena, names, 2 * executions)
        return Memory(executions, samples, peak_mb(program.process))
    finally:
        feeding.cancel()
        program.stop()


async def _feed(arena: Arena, names: Names, executions: int) -> None:
    bodies, sent = webhooks(executions), 0
    while chunk := list(islice(bodies, _CHUNK)):
        while sent - folded(arena, names) > _AHEAD:  # noqa: ASYNC110 - it is another process that gets on
            await asyncio.sleep(_LOOK / 4)
        await load(arena.kafka, names.topic("executions.in"), chunk)
        sent += len(chunk)
