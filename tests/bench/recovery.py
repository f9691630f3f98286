"""How long the worker takes to be ready again: with a full Redis, after a kill, and after Redis lost everything."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from libs.contracts.names import Names
from tests.bench.arena import Arena
from tests.bench.process import BenchFailed, Program, moment
from tests.bench.subject import WORKER
from tests.bench.throughput import applied, folded
from tests.bench.workload import PARTITIONS

_TIMES = 3
_REFOLDED_WITHIN = 300.0  # seconds


@dataclass(frozen=True)
class Recovery:
    """Seconds from a start, and from a kill with a start at once, until all partitions are ready; then how many records
    were refolded once Redis was emptied, and how many a second from that moment on."""

    inputs: int
    start: list[float]
    after_kill: list[float]
    refolded: int
    refold_rate: float


async def measure(arena: Arena, namespace: str) -> Recovery:
    """In a namespace that the worker got through before: nothing is to be folded but what is taken away here."""
    names = Names(namespace)
    inputs = folded(arena, names)
    start: list[float] = []
    after_kill: list[float] = []
    for number in range(_TIMES):
        program = _start(arena, namespace, f"start{number}")
        try:
            start.append(max(await program.wait_for("ready", PARTITIONS)) - program.started)
        finally:
            program.stop()
    program = _start(arena, namespace, "killed")
    try:
        await program.wait_for("ready", PARTITIONS)
        for number in range(_TIMES):
            killed = time.time()
            program.kill()
            program = _start(arena, namespace, f"again{number}")
            after_kill.append(max(await program.wait_for("ready", PARTITIONS)) - killed)
        records, seconds = await _refold(arena, names, program, inputs)
    finally:
        program.stop()
    return Recovery(inputs, start, after_kill, records, records / seconds)


def _start(arena: Arena, namespace: str, name: str) -> Program:
    return Program(WORKER.argv, arena.environment(namespace), arena.folder / f"{namespace}-{name}.log")


async def _refold(arena: Arena, names: Names, program: Program, inputs: int) -> tuple[int, float]:
    """Empty Redis under a running worker: how many records were folded again, in what time from then on."""
    emptied = time.time()
    arena.redis.flushall()
    deadline = time.monotonic() + _REFOLDED_WITHIN
    while len(again := [line for line in program.lines("ready") if moment(line) > emptied]) < PARTITIONS:
        program.check()
        if time.monotonic() > deadline:
            raise BenchFailed(
                f"not ready {_REFOLDED_WITHIN:.0f} s after Redis was emptied:\n{program.tail()}"
            )
        await asyncio.sleep(0.05)
    records = sum(int(line["records"]) for line in program.lines("refolded") if moment(line) > emptied)
    await applied(arena, names, inputs)
    return records, max(moment(line) for line in again) - emptied
