"""Whatever is killed, frozen, lost, doubled or put back, and whenever: the contract's readers see everything once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest

from libs.ledger.envelope import parse_log_record
from libs.ledger.verdict import Verdict
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.schedule import AGGREGATES, play
from tests.libs.runtime.simulation.world import Faults, World
from tests.libs.telemetry.recording import Recording

_BUDGET = 5.0  # seconds that every test run spends here
_AT_LEAST = 40
_LONG = 6_000  # schedules
_SMALL = 2  # a seed whose history has a little of everything


def _faults(seed: int) -> Faults:
    """From calm to rough; one in four has no two workers at once: there the last state must be right too."""
    rng = Random(-seed)
    alone = rng.random() < 0.25
    return Faults(
        crash=rng.choice((0.003, 0.012, 0.03)),
        freeze=rng.choice((0.0, 0.004, 0.01)),
        kafka_error=rng.choice((0.0, 0.004)),
        redis_error=rng.choice((0.0, 0.01, 0.05)),
        redis_back=rng.choice((0.0, 0.15, 0.4)),
        rebuild=rng.choice((0.0, 0.05, 0.3)),
        zombies=not alone,
        strays=not alone,
    )


def _play(seed: int) -> World:
    world = play(seed, _faults(seed))
    if broken := violations(world, AGGREGATES):
        pytest.fail("\n".join([f"seed {seed}:", *broken, "what happened:", *world.happened]))
    return world


def _within(budget: float) -> Iterable[int]:
    end = time.monotonic() + budget
    seed = 0
    while time.monotonic() < end or seed < _AT_LEAST:
        yield seed
        seed += 1


def test_nothing_is_lost_or_doubled_in_any_schedule_of_faults() -> None:
    """Log, events, states, dead letters, notices, forwards and Redis equal the plain fold of the input."""
    for seed in _within(_BUDGET):
        _play(seed)


def test_a_crash_at_any_one_step_loses_and_doubles_nothing() -> None:
    """From the first recovery to the last commit; here at every fourth step, at each of them in the long run."""
    calm = Faults(0, 0, 0, 0, 0, 0, zombies=False, strays=False)
    steps = play(_SMALL, calm).steps
    assert steps > 100
    for at in range(1, steps + 1, 4):
        world = play(_SMALL, replace(calm, crash_at=frozenset({at})))
        assert sum("is killed" in what for what in world.happened) == 1
        assert violations(world, AGGREGATES) == [], f"after a crash at step {at}"


def test_the_schedules_are_worth_their_name() -> None:
    """Among a few dozen schedules every kind of fault, of verdict and of double occurs."""
    worlds = [_play(seed) for seed in range(1_000, 1_060)]
    happened = " ".join(what for world in worlds for what in world.happened)
    kinds = (
        "is killed",
        "is frozen",
        "is told PlaceUnknown",
        "strays",
        "back to nothing",
        "back to a copy",
        "is away",
        "rebuilds",
    )
    assert [kind for kind in kinds if kind not in happened] == []
    logs = [
        topic.records
        for world in worlds
        for (name, _), topic in world.topics.items()
        if name.endswith(".log")
    ]
    logged = [[parse_log_record(record.value or b"") for record in records] for records in logs]
    assert {record.verdict for records in logged for record in records} == set(Verdict)
    assert any(len({record.offset for record in records}) < len(records) for records in logged), "no doubles"


@pytest.mark.faults_long
@pytest.mark.timeout(3_600)
def test_nothing_is_lost_or_doubled_in_thousands_of_schedules() -> None:
    """The same rules, for as long as it takes."""
    for seed in range(100_000, 100_000 + _LONG):
        _play(seed)


@pytest.mark.faults_long
@pytest.mark.timeout(3_600)
def test_one_or_two_crashes_at_any_steps_lose_and_double_nothing() -> None:
    """The second often hits the recovery from the first."""
    calm = Faults(0, 0, 0, 0, 0, 0, zombies=False)
    for first in range(1, play(_SMALL, calm).steps + 1):
        for later in (0, 1, 2, 3, 5, 8, 13, 21):
            world = play(_SMALL, replace(calm, crash_at=frozenset({first, first + later})))
            assert violations(world, AGGREGATES) == [], f"after crashes at steps {first} and {first + later}"


def test_traces_change_nothing_of_what_is_written() -> None:
    """The same schedule, with and without: the same records everywhere, byte for byte, whatever goes wrong."""
    recording = Recording(share=0)
    for seed in range(6):
        plain = play(seed, _faults(seed))
        traced = play(seed, _faults(seed), traces=recording.traces)
        assert {place: topic.records for place, topic in traced.topics.items()} == {
            place: topic.records for place, topic in plain.topics.items()
        }
        assert traced.keyspaces == plain.keyspaces
        assert violations(traced, AGGREGATES) == []
    names = {span.name for span in recording.spans()}
    assert {"batch executions.in", "process executions.in", "process operations.in"} <= names
