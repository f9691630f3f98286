"""The same schedules of faults over agents, with their streams, and strategies, with what their accounts share."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.records import Outgoing
from services.agents import AGGREGATE as AGENTS
from services.strategies import AGGREGATE as STRATEGIES
from tests.libs.ledger.histories import encoded
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.schedule import Flow, play
from tests.libs.runtime.simulation.test_schedules import _faults
from tests.libs.runtime.simulation.world import PARTITIONS, Faults
from tests.services.agents.given import clock, day
from tests.services.strategies.given import history, noise, scope, snapshot

# What time it is comes from the schedule here, not from the machine.
_KEYED: dict[str, Aggregate[Any]] = {"agents": replace(AGENTS, watch=None), "strategies": STRATEGIES}
_SCHEDULES = 40


def _inputs(rng: Random) -> Flow:
    """Two agents and three accounts, with clocks, snapshots, scopes, holes, doubles and what can't be read."""
    sources: list[Flow] = []
    for agent in ("a-1", "a-2"):
        bodies = [*day(rng), clock(rng.randrange(400)), clock(9_999)]
        sources.append(_source(rng, "agents", agent, [encoded(rng, body) for body in bodies]))
    for account in ("acme", "other", "default"):
        bodies = [body for body in history(rng, length=14) if rng.random() < 0.85]
        bodies += [
            snapshot(rng.randrange(10_000), strategy_id="strat_0"),
            scope(1, "*"),
            noise(1, second=10**6),
            {**noise(2), "event": "unheard_of"},
        ]
        sources.append(_source(rng, "strategies", account, [encoded(rng, body) for body in bodies]))
    flow = []
    while sources := [one for one in sources if one]:
        flow.append(rng.choice(sources).pop(0))
    return flow


def _source(rng: Random, service: str, key: str, values: list[bytes]) -> Flow:
    values += rng.sample(values, len(values) // 4)
    values += [rng.choice((b"", b"{}", b'{"event":"x"}', b"NaN")) for _ in range(rng.randrange(3))]
    for at in range(len(values)):
        if rng.random() < 0.2:
            other = rng.randrange(len(values))
            values[at], values[other] = values[other], values[at]
    home = partition_of(key, PARTITIONS)
    told = None if key == "default" else key.encode()
    return [
        ((service, home if rng.random() < 0.95 else rng.randrange(PARTITIONS)), Outgoing(0, told, value))
        for value in values
    ]


@pytest.mark.parametrize("seed", range(_SCHEDULES))
def test_nothing_is_lost_or_doubled_in_any_schedule_of_faults(seed: int) -> None:
    """Streams have each entry once, and an account counts each frame once, whatever happens."""
    world = play(seed, _faults(seed), _KEYED, _inputs)
    assert violations(world, _KEYED) == [], f"seed {seed}"


def test_the_schedules_have_what_they_are_for() -> None:
    """Streams, gaps, frames, resets, and every verdict that these services have."""
    verdicts, events, resets, entered = set(), set(), 0, 0
    for seed in range(8):
        world = play(seed, Faults(0, 0, 0, 0, 0, 0, zombies=False, strays=False), _KEYED, _inputs)
        for (name, _), topic in world.topics.items():
            if name.endswith(".log"):
                verdicts |= {parse_log_record(record.value or b"").verdict.value for record in topic.records}
            if name == "strategies.events":
                events |= {
                    (record.value or b"").partition(b'"type":"')[2].split(b'"')[0] for record in topic.records
                }
        for keyspace in world.keyspaces.values():
            resets += sum(int(fields.get("resets", "0")) for fields in keyspace.entities.values())
            entered += len(keyspace.streams)
    assert verdicts == {"applied", "late", "ignored", "duplicate", "quarantined", "forwarded"}
    assert {b"stratafold.strategy.gap_opened.v1", b"stratafold.strategy.gap_closed.v1"} <= events
    assert resets
    assert entered
