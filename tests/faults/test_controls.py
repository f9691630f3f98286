"""The fault runs are worth something only if they see that a safeguard is missing."""

from __future__ import annotations

import asyncio

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome, Scenario, run
from tests.faults.scenarios import SERVERS, killed_at, overtaken_at

pytestmark = [pytest.mark.real, pytest.mark.faults, pytest.mark.timeout(900)]

# What is done to workers that lack the safeguard, and what the oracle or the next worker says then.
CONTROLS: dict[str, tuple[Scenario, str]] = {
    "redis_before_log": (killed_at("after_script"), "lost acknowledged records"),
    "no_deduplication": (killed_at("after_log"), "by the contract"),
    "with_a_clock": (killed_at("after_log"), ".events["),
    "asleep": (overtaken_at("after_log"), ".state["),
}


@pytest.fixture(scope="module")
def outcomes(fault_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every mutant's run; then the one for which Redis has to be robbed."""
    folder = tmp_path_factory.mktemp("controls")

    async def one(mutant: str, scenario: Scenario) -> Outcome:
        return await run(
            mutant, scenario, fault_stack, folder, size=1_500, times=1, mutant=mutant, patience=40
        )

    async def everything() -> list[Outcome]:
        side = await asyncio.gather(*(one(name, scenario) for name, (scenario, _) in CONTROLS.items()))
        return [*side, await one("blind_to_what_is_behind", SERVERS["redis older"])]

    found = asyncio.run(everything())
    fault_stack.up()
    return {outcome.name: outcome for outcome in found}


@pytest.mark.parametrize(
    ("mutant", "said"),
    [*((name, said) for name, (_, said) in CONTROLS.items()), ("blind_to_what_is_behind", "by the log")],
)
def test_a_worker_without_this_safeguard_is_caught(
    outcomes: dict[str, Outcome], mutant: str, said: str
) -> None:
    """By the very checks that the true workers pass, and for the reason that was meant."""
    assert not outcomes[mutant].unjudged, outcomes[mutant].amiss
    assert said in outcomes[mutant].wrong, outcomes[mutant].wrong
