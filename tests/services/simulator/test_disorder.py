"""The disorder: reproducible, of the size that was asked for, and of the effect that its name says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import islice, pairwise
from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.contradictions import CONTRADICTIONS
from services.simulator.disorder import Delivery, Kind, Shares, deliveries
from services.simulator.flaws import FLAWS
from tests.services.simulator.folding import Folds, intake

START = datetime(2026, 5, 29, 18, 56, 43, tzinfo=UTC)
FAULTS = Shares(duplicate=0.25, reordered=0.10, contradictory=0.02, broken=0.05)
MANY = 20_000


@cache
def faulty() -> tuple[Delivery, ...]:
    """A stream as the fault runs use it."""
    return tuple(islice(deliveries(3, FAULTS, START), MANY))


@given(st.integers(0, 2**64), st.integers(1, 200))
def test_same_seed_same_bytes(seed: int, count: int) -> None:
    """Two streams of one seed are equal, to the byte and the second."""
    first, second = (list(islice(deliveries(seed, FAULTS, START), count)) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_bytes() -> None:
    """Nothing is shared between seeds, so that two demos don't speak of the same operations."""
    first, second = (
        {delivery.id for delivery in islice(deliveries(seed, FAULTS, START), 500)} for seed in (1, 2)
    )
    assert not first & second


@pytest.mark.parametrize("shares", [Shares(), FAULTS, Shares(0, 0, 0, 0), Shares(0.5, 0.1, 0.05, 0.1)])
def test_shares_come_out(shares: Shares) -> None:
    """Over 20,000 deliveries each share is met within a tenth of itself (repeats of the end are still to come)."""
    kinds = Counter(delivery.kind for delivery in islice(deliveries(3, shares, START), MANY))
    wanted: tuple[tuple[Kind, float], ...] = (
        ("duplicate", shares.duplicate),
        ("late", shares.reordered),
        ("contradiction", shares.contradictory),
        ("broken", shares.broken),
    )
    for kind, share in wanted:
        assert kinds[kind] == pytest.approx(share * MANY, rel=0.1), kind


def test_time_runs_forward_at_the_rate() -> None:
    """Deliveries come in the order of their time, as many a second as asked for."""
    stream = list(islice(deliveries(1, Shares(), START, rate=50), MANY))
    assert all(one.at <= next_one.at for one, next_one in pairwise(stream))
    assert MANY / stream[-1].at == pytest.approx(50, rel=0.1)


def test_plain_bodies_are_accepted_and_broken_ones_refused() -> None:
    """The intake takes every sound body, and refuses every broken one for a reason that it names."""
    refused = Counter[str]()
    for delivery in faulty():
        reading = intake(delivery.webhook, delivery.body)
        if delivery.kind == "broken":
            assert reading.invalid is not None, delivery.note
            assert reading.invalid.error
            assert reading.invalid.detail
            refused[delivery.note] += 1
        else:
            assert reading.invalid is None, str(reading.invalid)
    assert refused.keys() == FLAWS.keys(), "every kind of flaw appears in such a stream"


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_refused_wherever_it_fits(flaw: str) -> None:
    """Each flaw fits some documents, and none of them passes with it; time and again, as flaws draw what they spoil."""
    rng, fitted = Random(6), 0
    sound = [one for one in islice(deliveries(4, Shares(), START), 400) if one.kind == "plain"]
    for delivery in sound:
        body = FLAWS[flaw](rng, orjson.loads(delivery.body))
        if body is not None:
            fitted += 1
            assert intake(delivery.webhook, body).invalid is not None, body
    assert fitted


def test_each_kind_has_its_verdict() -> None:
    """Folded in the order of delivery: repeats are duplicates, contradictions conflicts, broken ones quarantined."""
    folds, verdicts = Folds(), Counter[tuple[str, str]]()
    points = set()
    for delivery in faulty():
        verdicts[delivery.kind, folds.take(delivery.webhook, delivery.body)] += 1
        if delivery.kind == "contradiction":
            points.add(delivery.note)
    by_kind = {kind: {v: n for (k, v), n in verdicts.items() if k == kind} for kind, _ in verdicts}
    assert by_kind["duplicate"].keys() == {"duplicate"}
    assert by_kind["contradiction"].keys() == {"conflict"}
    assert by_kind["broken"].keys() == {"quarantined"}
    assert by_kind["plain"].keys() == {"applied"}
    # Overtaken by another entity of its operation only, a late webhook still is the first of its own.
    assert by_kind["late"].keys() == {"late", "applied"}
    assert by_kind["late"]["late"] > by_kind["late"]["applied"] / 2
    assert points == CONTRADICTIONS.keys()


def test_with_everything_said_only_contradicted_ones_are_disputed() -> None:
    """Duplicates, lateness and broken bodies leave no trace in what stands."""
    stream = list(deliveries(5, FAULTS, START, operations=300))
    denied = {orjson.loads(one.body)["id"] for one in stream if one.kind == "contradiction"}
    folds, calm = Folds(), Folds()
    for delivery in stream:
        folds.take(delivery.webhook, delivery.body)
        if delivery.kind in ("plain", "late"):
            calm.take(delivery.webhook, delivery.body)
    assert len(calm.operations) == 300
    assert {key for key, one in folds.operations.items() if one.disputed} == denied & calm.operations.keys()
    assert {key for key, one in folds.executions.items() if one.disputed} == denied & calm.executions.keys()
    assert {k: o.state for k, o in folds.operations.items()} == {
        k: o.state for k, o in calm.operations.items()
    }
    assert not any(one.state.mismatched for one in calm.operations.values())
    names = Counter(event["type"] for event in folds.events)
    assert names["stratafold.operation.mismatch.v1"] == names["stratafold.operation.reconciled.v1"] > 0


def test_a_repeat_is_the_same_delivery_or_the_same_statement() -> None:
    """Most repeats share webhook-id and bytes, some are written anew with equal JSON."""
    stream = list(islice(deliveries(2, FAULTS, START), 3_000))
    bodies = {one.id: one.body for one in stream if one.kind in ("plain", "late")}
    said = {orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) for body in bodies.values()}
    again = [one for one in stream if one.kind == "duplicate"]
    same = [one for one in again if one.id in bodies]
    assert all(bodies[one.id] == one.body for one in same)
    anew = [one for one in again if one.id not in bodies]
    assert all(orjson.dumps(orjson.loads(one.body), option=orjson.OPT_SORT_KEYS) in said for one in anew)
    assert all(one.body not in bodies.values() for one in anew)
    assert len(same) > len(anew) > 0


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        ({"duplicate": -0.1}, "duplicate"),
        ({"broken": 1.1}, "broken"),
        ({"broken": float("nan")}, "broken"),
        ({"duplicate": 0.6, "broken": 0.4}, "too little"),
        ({"reordered": 0.6}, "too little"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares: dict[str, float], why: str) -> None:
    """A share is between 0 and 1, and something true has to remain."""
    with pytest.raises(ValueError, match=why):
        Shares(**shares)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(rate: float) -> None:
    """A rate is a number greater than 0."""
    with pytest.raises(ValueError, match="rate"):
        deliveries(1, Shares(), START, rate=rate)
