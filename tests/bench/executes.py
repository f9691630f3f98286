"""How fast the worker of versions gets through executions that lie ready for it, and what that costs."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from tests.bench import portfolios
from tests.bench.arena import Arena
from tests.bench.process import Meter, Program, peak_mb
from tests.bench.throughput import applied, written
from tests.bench.workload import PARTITIONS, load

_BESIDE_ORDERS = 2  # events of an execution: it was executed, its status changed


@dataclass(frozen=True)
class Executed:
    """One run: executions of so many positions, CPU in µs an execution by role; ``others`` as in Throughput."""

    positions: int
    executes: int
    seconds: float
    rate: float
    cpu: dict[str, float]
    peak_mb: float
    others: float


async def measure(arena: Arena, namespace: str, positions: int, executes: int) -> Executed:
    """Load, start, and wait until all is written. Raises BenchFailed where too much or too little comes out.

    The time runs from the worker's line that it is ready to the broker's time of its last event.
    """
    names = Names(namespace)
    await arena.prepare(names, ["versions.events"])
    await create_topics(KafkaAccess(arena.kafka), names, ("versions",), PARTITIONS, 1)
    commands = portfolios.executions(executes, positions)
    await load(arena.kafka, names.topic("versions.in"), commands, portfolios.key_of)
    log = arena.folder / f"{namespace}.log"
    program = Program((sys.executable, "-m", "services.versions"), arena.environment(namespace), log)
    try:
        (first,) = await program.wait_for("ready")
        meter = Meter({"worker": program.process, **arena.processes})
        output = names.topic("versions.events")
        await written(arena, program, output, executes * (positions + _BESIDE_ORDERS))
        await applied(
            arena, names, executes, service="versions"
        )  # the last script's costs belong to it as well
        used, peak = meter.used(), peak_mb(program.process)
        seconds = await arena.last_append(output) - first
    finally:
        program.stop()
    cpu = {role: spent / executes * 1e6 for role, spent in used.roles.items()}
    return Executed(positions, executes, seconds, executes / seconds, cpu, peak, used.others / used.wall)
