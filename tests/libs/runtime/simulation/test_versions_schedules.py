"""The same schedules of faults over versions: deletions, and orders of which only a strategy knows whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.records import Outgoing
from services.versions import AGGREGATE
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.schedule import Flow, play
from tests.libs.runtime.simulation.test_schedules import _faults
from tests.libs.runtime.simulation.world import PARTITIONS, Faults
from tests.services.versions.given import history

_VERSIONS: Mapping[str, Aggregate[Any]] = {"versions": AGGREGATE}
_SCHEDULES = 40
_HOME = 0  # so that an order's id, which comes from its execution's offset, can be told beforehand
_IDS = (str(UUID(int=number)) for number in count(1))
_STRATEGIES = [next(one for one in _IDS if partition_of(one, PARTITIONS) == _HOME) for _ in range(3)]


def _inputs(rng: Random) -> Flow:
    """Commands on versions of three strategies, doubles and what can't be read; some on the wrong partition."""
    flow: Flow = []
    for value in history(rng, 60, _STRATEGIES):
        place = _HOME if rng.random() < 0.98 else 1 - _HOME
        flow.append((("versions", place), Outgoing(0, None, value)))
    flow += [(("versions", 1 - _HOME), Outgoing(0, None, value)) for value in (b"{}", b"NaN")]
    return flow


@pytest.mark.parametrize("seed", range(_SCHEDULES))
def test_nothing_is_lost_or_doubled_in_any_schedule_of_faults(seed: int) -> None:
    """Log, events, states with their tombstones, Redis with its tables and what is kept of deleted versions."""
    world = play(seed, _faults(seed), _VERSIONS, _inputs)
    assert violations(world, _VERSIONS) == [], f"seed {seed}"


def test_the_schedules_have_what_they_are_for() -> None:
    """Every verdict, orders that were told of, deleted versions."""
    verdicts, told, deleted, tables = set(), set(), 0, 0
    for seed in range(12):
        world = play(seed, Faults(0, 0, 0, 0, 0, 0, zombies=False, strays=False), _VERSIONS, _inputs)
        for (name, _), topic in world.topics.items():
            if name == "versions.log":
                verdicts |= {parse_log_record(record.value or b"").verdict.value for record in topic.records}
            if name == "versions.events":
                told |= {(one.value or b"").partition(b'"type":"')[2].split(b'"')[0] for one in topic.records}
        for keyspace in world.keyspaces.values():
            deleted += len(keyspace.deleted)
            tables += len(keyspace.tables)
    assert verdicts == {"applied", "late", "conflict", "ignored", "duplicate", "quarantined", "forwarded"}
    names = ("executed", "completed", "cancelled", "deleted", "refused")
    assert {f"stratafold.version.{name}.v1".encode() for name in names} <= told
    assert b"stratafold.order.updated.v1" in told
    assert deleted
    assert tables
