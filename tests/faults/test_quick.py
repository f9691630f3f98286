"""Real processes killed, paused and robbed of their data under load, some thousand events each."""

from __future__ import annotations

import asyncio

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome
from tests.faults.runs import run_all
from tests.faults.scenarios import SERVERS, WORKERS

pytestmark = [pytest.mark.real, pytest.mark.faults, pytest.mark.timeout(600)]

# Zombies of the other moments are for the long runs; each waits for a session to time out.
ZOMBIES = ("after_read", "after_log", "amid_events", "after_events", "recovery_refolded", "amid load")
QUICK = [
    name
    for name in (*WORKERS, *SERVERS)
    if not name.startswith("zombie") or name.removeprefix("zombie ") in ZOMBIES
]


@pytest.fixture(scope="module")
def outcomes(
    fault_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory, reported: list[Outcome]
) -> dict[str, Outcome]:
    """All runs, most of them side by side."""
    folder = tmp_path_factory.mktemp("quick")
    found = asyncio.run(run_all(fault_stack, folder, QUICK, size=2_000, times=1, at_once=10))
    reported.extend(found.values())
    return found


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_lost_doubled_or_changed(outcomes: dict[str, Outcome], name: str) -> None:
    """Every input offset once in the log, Redis and events as a clean run has them, and `verify` agrees."""
    assert not outcomes[name].wrong, outcomes[name].wrong
