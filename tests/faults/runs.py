"""Many fault runs: those of workers side by side, as they mostly wait for a session to time out; then one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome, Scenario, run


@dataclass(frozen=True)
class Plan:
    """``size`` counts the records of each run's load, ``times`` how often each strikes."""

    beside: Mapping[str, Scenario]
    alone: Mapping[str, Scenario]
    size: int
    times: int
    at_once: int


async def run_all(stack: LocalStack, folder: Path, plan: Plan, seed: int = 1) -> dict[str, Outcome]:
    """The outcomes of a plan's runs, by name."""
    places = asyncio.Semaphore(plan.at_once)

    async def one(name: str, scenario: Scenario) -> Outcome:
        async with places:
            outcome = await run(name, scenario, stack, folder, size=plan.size, times=plan.times, seed=seed)
        with (folder / "outcomes.txt").open("a") as told:  # who waits for a long run can look at it
            print(outcome, file=told, flush=True)
        return outcome

    outcomes = list(await asyncio.gather(*(one(*item) for item in plan.beside.items())))
    for item in plan.alone.items():
        outcomes.append(await one(*item))
        stack.up()  # whatever a scenario that failed left stopped
    return {outcome.name: outcome for outcome in outcomes}
