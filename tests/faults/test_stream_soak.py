"""Clients of the status stream whose servers, workers and connectors are killed, and whose Redis forgets everything.

In the long runs the broker is killed as well.

Each client has, of its account, every frame that it subscribed to, once, in order, with the bytes and the number that
all others have; and nobody is told REPLAY_UNAVAILABLE, since all of it is within the window.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome
from tests.faults.stream_soak import Size, soak

pytestmark = pytest.mark.real

QUICK = Size(events=600, accounts=2, clients=12, strikes=3, seconds=8)
LONG = Size(20_000, accounts=4, clients=50, strikes=24, seconds=150, kinds=(*QUICK.kinds, "broker"))


@pytest.mark.faults
def test_quick(fault_stack: LocalStack, tmp_path: Path, reported: list[Outcome]) -> None:
    """One of each."""
    outcome = asyncio.run(soak(fault_stack, tmp_path, "stream soak", QUICK))
    reported.append(outcome)
    assert not outcome.amiss, outcome.amiss


@pytest.mark.faults_long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_long(fault_stack: LocalStack, tmp_path: Path, reported: list[Outcome], seed: int) -> None:
    """Again and again."""
    outcome = asyncio.run(soak(fault_stack, tmp_path, f"stream soak {seed}", LONG, seed))
    reported.append(outcome)
    assert not outcome.amiss, outcome.amiss
