"""The same schedules of faults over versions: deletions, and orders of which only a strategy knows whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.records import Outgoing
from libs.runtime import inbox
from services.versions import AGGREGATE
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.mutants import forgets_what_is_being_written
from tests.libs.runtime.simulation.schedule import Flow, Unsettled, play
from tests.libs.runtime.simulation.test_schedules import _faults
from tests.libs.runtime.simulation.world import PARTITIONS, Faults
from tests.services.versions.given import execute, history, weights

_VERSIONS: Mapping[str, Aggregate[Any]] = {"versions": AGGREGATE}
_SCHEDULES = 40
_HOME = 0  # so that an order's id, which comes from its execution's offset, can be told beforehand
_NO_FAULTS = Faults(0, 0, 0, 0, 0, 0, zombies=False, strays=False)
_IDS = (str(UUID(int=number)) for number in count(1))
_STRATEGIES = [next(one for one in _IDS if partition_of(one, PARTITIONS) == _HOME) for _ in range(3)]
_CROWD = [next(one for one in _IDS if partition_of(one, PARTITIONS) == _HOME) for _ in range(12)]


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


def _backlog(rng: Random) -> Flow:
    """Executions of more strategies than stay in memory, each with a version of its own that comes again and again."""
    flow: Flow = []
    for _ in range(90):
        number = rng.randrange(len(_CROWD))
        told = {**execute(weights(rng), str(UUID(int=number))), "strategy_id": _CROWD[number]}
        flow.append((("versions", _HOME), Outgoing(0, None, orjson.dumps(told))))
    return flow


@pytest.mark.parametrize("seed", range(_SCHEDULES))
def test_what_is_being_written_is_not_asked_of_redis(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record concerns two entities, and the next batch is folded while one is written."""
    monkeypatch.setattr(inbox, "HIGH_RECORDS", 40)
    world = play(seed, _faults(seed) if seed % 2 else _NO_FAULTS, _VERSIONS, _backlog)
    assert violations(world, _VERSIONS) == [], f"seed {seed}"


def test_a_machine_that_forgets_what_is_being_written_breaks_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the schedules above would say nothing; the machine as it is keeps all rules in them."""
    monkeypatch.setattr(inbox, "HIGH_RECORDS", 40)
    forgets_what_is_being_written(monkeypatch)
    for seed in range(1, _SCHEDULES, 2):
        try:
            world = play(seed, _faults(seed), _VERSIONS, _backlog)
        except Unsettled:
            return
        if violations(world, _VERSIONS):
            return
    pytest.fail("nothing was noticed")


def test_the_schedules_have_what_they_are_for() -> None:
    """Every verdict, orders that were told of, deleted versions."""
    verdicts, told, deleted, tables = set(), set(), 0, 0
    for seed in range(12):
        world = play(seed, _NO_FAULTS, _VERSIONS, _inputs)
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
