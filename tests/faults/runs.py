"""Many fault runs: those of workers side by side, as they mostly wait for a session to time out; then one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome, Scenario, run
from tests.faults.scenarios import SERVERS, WORKERS


async def run_all(
    stack: LocalStack, folder: Path, names: list[str], size: int, times: int, at_once: int, seed: int = 1
) -> dict[str, Outcome]:
    """The named scenarios' outcomes."""
    places = asyncio.Semaphore(at_once)

    async def one(name: str, scenario: Scenario) -> Outcome:
        async with places:
            return await run(name, scenario, stack, folder, size, times, seed)

    beside = [one(name, scenario) for name, scenario in WORKERS.items() if name in names]
    outcomes = list(await asyncio.gather(*beside))
    for name, scenario in SERVERS.items():
        if name in names:
            outcomes.append(await run(name, scenario, stack, folder, size, times, seed))
            stack.up()  # whatever a scenario that failed left stopped
    return {outcome.name: outcome for outcome in outcomes}
