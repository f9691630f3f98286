"""Real processes killed, paused and robbed of their data under load, some thousand events each."""

from __future__ import annotations

import asyncio

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome
from tests.faults.runs import Plan, run_all
from tests.faults.scenarios import QUICK_SERVERS, QUICK_WORKERS

pytestmark = [pytest.mark.real, pytest.mark.faults, pytest.mark.timeout(900)]

PLAN = Plan(QUICK_WORKERS, QUICK_SERVERS, size=2_500, times=1, at_once=5)


@pytest.fixture(scope="module")
def outcomes(
    fault_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory, reported: list[Outcome]
) -> dict[str, Outcome]:
    """All runs, most of them side by side."""
    found = asyncio.run(run_all(fault_stack, tmp_path_factory.mktemp("quick"), PLAN))
    reported.extend(found.values())
    return found


@pytest.mark.parametrize("name", [*PLAN.beside, *PLAN.alone])
def test_nothing_is_lost_doubled_or_changed(outcomes: dict[str, Outcome], name: str) -> None:
    """Every input offset once in the log, Redis and events as a clean run has them, and `verify` agrees."""
    assert not outcomes[name].amiss, outcomes[name].amiss
