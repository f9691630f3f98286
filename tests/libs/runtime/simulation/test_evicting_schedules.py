"""The same schedules of faults over a Redis that drops keys: nothing that is gone begins anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from libs.ledger.aggregate import Aggregate
from libs.runtime import inbox
from services.strategies import AGGREGATE as STRATEGIES
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.schedule import AGGREGATES, Flow, play
from tests.libs.runtime.simulation.test_keyed_schedules import _inputs as account_events
from tests.libs.runtime.simulation.test_schedules import _faults
from tests.libs.runtime.simulation.test_versions_schedules import _VERSIONS
from tests.libs.runtime.simulation.test_versions_schedules import _inputs as commands

_SCHEDULES = 25


@pytest.mark.parametrize(
    ("aggregates", "inputs"),
    [(AGGREGATES, None), (_VERSIONS, commands), ({"strategies": STRATEGIES}, account_events)],
    ids=["operations and executions", "versions", "strategies"],
)
def test_what_redis_drops_leaves_no_trace_in_what_is_published(
    aggregates: Mapping[str, Aggregate[Any]],
    inputs: Callable[[Random], Flow] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Entities and companions, histories, what is kept of the deleted, the memory of what there was; all else as ever.

    What nobody meets again stays lost in Redis alone, as verification tells.
    """
    monkeypatch.setattr(inbox, "HIGH_RECORDS", 10)
    dropped = 0
    for seed in range(_SCHEDULES):
        world = play(seed, replace(_faults(seed), evict=0.4), aggregates, inputs)
        dropped += sum("redis drops" in what for what in world.happened)
        broken = [rule for rule in violations(world, aggregates) if ": redis: " not in rule]
        assert not broken, "\n".join([f"seed {seed}:", *broken, "what happened:", *world.happened])
    assert dropped > 2 * _SCHEDULES
