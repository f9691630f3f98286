"""The same for `make faults`, fault by fault: at least 20,000 events each, struck several times."""

from __future__ import annotations

import asyncio

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome
from tests.faults.runs import Plan, run_all
from tests.faults.scenarios import SERVERS, WORKERS

pytestmark = [pytest.mark.real, pytest.mark.faults_long, pytest.mark.timeout(0)]

PLAN = Plan(WORKERS, SERVERS, size=20_000, times=4, at_once=6)


@pytest.fixture(scope="module")
def outcomes(
    fault_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory, reported: list[Outcome]
) -> dict[str, Outcome]:
    """All runs, most of them side by side."""
    found = asyncio.run(run_all(fault_stack, tmp_path_factory.mktemp("long"), PLAN))
    reported.extend(found.values())
    return found


@pytest.mark.parametrize("name", [*PLAN.beside, *PLAN.alone])
def test_nothing_is_lost_doubled_or_changed(outcomes: dict[str, Outcome], name: str) -> None:
    """Every input offset once in the log, Redis and events as a clean run has them, and `verify` agrees."""
    assert not outcomes[name].amiss, outcomes[name].amiss
