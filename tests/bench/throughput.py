"""How fast a subject gets through what lies ready for it, and what that costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.names import Names
from tests.bench.arena import Arena
from tests.bench.process import BenchFailed, Meter, Program, peak_mb
from tests.bench.subject import Subject
from tests.bench.workload import PARTITIONS, load

_LOOK = 0.1  # seconds
_STALLED = 60.0  # seconds without progress


@dataclass(frozen=True)
class Throughput:
    """One run: inputs a second, CPU in µs an input by role, the worker's peak memory in 10^6 bytes.

    ``others`` is how many cores were busy with anything else meanwhile: what makes a figure noisy.
    """

    subject: str
    inputs: int
    seconds: float
    rate: float
    cpu: dict[str, float]
    peak_mb: float
    others: float


async def measure(arena: Arena, subject: Subject, namespace: str, bodies: Sequence[bytes]) -> Throughput:
    """Load, start, and wait until all is written. Raises BenchFailed where too much or too little comes out.

    The time runs from the subject's line that it begins to read to the broker's time of its last output record; CPU is
    read at the same two moments.
    """
    names = Names(namespace)
    await arena.prepare(names, [subject.output])
    await load(arena.kafka, names.topic("executions.in"), bodies)
    program = Program(subject.argv, arena.environment(namespace), arena.folder / f"{namespace}.log")
    try:
        (first,) = await program.wait_for(subject.first)
        meter = Meter({"worker": program.process, **arena.processes})
        output, wanted = names.topic(subject.output), len(bodies) * subject.outputs // 2
        await written(arena, program, output, wanted)
        used, peak = meter.used(), peak_mb(program.process)
        seconds = await arena.last_append(output) - first
        if subject.writes_redis:
            await applied(arena, names, len(bodies))
    finally:
        program.stop()
    cpu = {role: spent / len(bodies) * 1e6 for role, spent in used.roles.items()}
    return Throughput(
        subject.name, len(bodies), seconds, len(bodies) / seconds, cpu, peak, used.others / used.wall
    )


async def written(arena: Arena, program: Program, topic: str, wanted: int) -> None:
    """Wait until a topic has so many records. Raises BenchFailed where it stands still, or has more."""
    there, since = 0, time.monotonic()
    while there < wanted:
        await asyncio.sleep(_LOOK)
        program.check()
        now = sum((await arena.ends(topic)).values())
        if now > there:
            there, since = now, time.monotonic()
        elif time.monotonic() - since > _STALLED:
            raise BenchFailed(f"{topic}: stands at {there} of {wanted} records\n{program.tail()}")
    if there > wanted:
        raise BenchFailed(f"{topic}: {there} records where there should be {wanted}")


def folded(arena: Arena, names: Names, service: str = "executions") -> int:
    """How many inputs of a service Redis has, by the partitions' positions."""
    positions = [names.position(service, number) for number in range(PARTITIONS)]
    found = [arena.redis.hget(key, "input_offset") for key in positions]
    return sum(int(offset) + 1 for offset in found if offset is not None)


async def applied(
    arena: Arena, names: Names, inputs: int, seconds: float = 120, service: str = "executions"
) -> None:
    """Wait until Redis has all inputs. Raises BenchFailed."""
    deadline = time.monotonic() + seconds
    while (there := folded(arena, names, service)) < inputs:
        if time.monotonic() > deadline:
            raise BenchFailed(f"Redis has {there} of {inputs} inputs")
        await asyncio.sleep(_LOOK)
