"""An account's history in any order, repeated, cut into any batches, forgotten in between: the same account."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.strategies import AGGREGATE
from tests.libs.ledger.folding import Outcome, events, refold_log
from tests.libs.ledger.histories import encoded
from tests.services.strategies.given import (
    ACCOUNT,
    Body,
    account,
    folded,
    folded_values,
    history,
    noise,
    scope,
    snapshot,
    state,
)

_rounds = st.integers(0, 2**64).map(Random)
_SAME = ("status", "error", "positions", "realized_pnl", "fees")


def _strategies(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What is known of each strategy that order must not change: open ones by id, orders by what is filled."""
    shown = {}
    for key in outcome.last_states():
        name = (key or b"").decode().partition(":")[2]
        document = state(outcome, name)
        known = {field: document[field] for field in _SAME}
        known["positions"] = sorted(known["positions"], key=lambda one: one["position_id"])
        known["fees"] = dict(sorted(known["fees"].items()))
        orders = document["orders"]
        known["orders"] = sorted((one["order_id"], one.get("filled_quantity")) for one in orders)
        shown[name] = known
    return shown


def _completeness(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in account(outcome).items() if name != "seq"}


def _mixed(rng: Random, bodies: list[Body]) -> list[bytes]:
    values = [encoded(rng, body) for body in bodies for _ in range(rng.randrange(1, 4))]
    rng.shuffle(values)
    return values


@settings(max_examples=150)
@given(_rounds)
def test_any_order_and_repetition_ends_in_the_same_strategies(rng: Random) -> None:
    """Status, positions, orders, profit and fees to the last digit; and in the same account, complete."""
    bodies = history(rng)
    plain, mixed = folded(*bodies), folded_values(_mixed(rng, bodies))
    assert _strategies(mixed) == _strategies(plain)
    assert _completeness(mixed) == _completeness(plain)
    assert account(mixed)["completeness"] == "complete"
    assert account(mixed)["seq"] == len(bodies), "each event is a frame, once"


@settings(max_examples=150)
@given(_rounds)
def test_what_is_missing_does_not_depend_on_the_order_either(rng: Random) -> None:
    """Of a history with holes: every number between the lowest and the highest that never came, and no other."""
    bodies = history(rng)
    kept = [body for body in bodies if rng.random() < 0.7] or bodies[:1]
    numbers = {body["seq"] for body in kept}
    outcome = folded_values(_mixed(rng, kept))
    missing = {number for first, last in account(outcome)["gaps"] for number in range(first, last + 1)}
    assert missing == set(range(min(numbers), max(numbers))) - numbers
    assert account(outcome)["completeness"] == ("suspect" if missing else "complete")
    assert account(outcome)["resets"] == 0
    turns: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, data in events(outcome):
        if "gap" in name:
            turns[data["from"], data["to"]].append(name.removeprefix("strategy.gap_"))
    assert all(told in (["opened"], ["opened", "closed"]) for told in turns.values()), turns
    still = [span for span, told in turns.items() if told == ["opened"]]
    assert all(any(first <= number <= last for first, last in still) for number in missing)


@pytest.mark.parametrize("lost", [(), (2,), (3,), (2, 4)])
def test_every_permutation_ends_in_the_same_account(lost: tuple[int, ...]) -> None:
    """Literally every one, of five."""
    bodies = [noise(number) for number in (1, 2, 3, 4, 5) if number not in lost]
    ends = {orjson.dumps(_completeness(folded(*order))) for order in itertools.permutations(bodies)}
    assert len(ends) == 1


@settings(max_examples=100)
@given(_rounds)
def test_fees_profit_and_fills_add_up(rng: Random) -> None:
    """What was sent, to the last digit; the differences told of an order make up what is filled of it."""
    bodies = history(rng)
    outcome = folded(*bodies)
    fees: dict[str, Decimal] = defaultdict(Decimal)
    profit: dict[str, Decimal] = defaultdict(Decimal)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for body in bodies:
        data = body["data"]
        fees[body["strategy_id"]] += Decimal(data.get("fee", "0"))
        profit[body["strategy_id"]] += Decimal(data.get("realized_pnl", "0"))
        if "filled_quantity" in data:
            filled[data["order_id"]] = Decimal(data["filled_quantity"])
    for name, known in _strategies(outcome).items():
        assert Decimal(known["fees"].get("USDT", "0")) == fees[name]
        assert Decimal(known["realized_pnl"]) == profit[name]
    told: dict[str, Decimal] = defaultdict(Decimal)
    for name, data in events(outcome):
        if name == "strategy.order_filled":
            told[data["order_id"]] += Decimal(data["delta_quantity"])
    assert told == filled


def _troubled(rng: Random) -> list[bytes]:
    """Two histories, of before and after a reset, with holes, snapshots, scopes and what nobody knows."""
    first, second = history(rng), history(rng)
    for body in second:
        body["ts"] = body["ts"].replace("2026-05-29", "2026-05-30")
    bodies = [body for body in first + second if rng.random() < 0.85]
    for _ in range(rng.randrange(4)):
        seq = rng.randrange(10_000)
        body = rng.choice(
            (
                snapshot(seq, strategy_id="strat_0"),
                scope(seq, *rng.sample(("*", "strat_1"), 1)),
                noise(seq, "x"),
            )
        )
        bodies.insert(rng.randrange(len(bodies) + 1), body)
    bodies += [{**noise(5), "event": "unheard_of"}, *rng.sample(bodies, min(3, len(bodies)))]
    for at in range(len(bodies)):
        if rng.random() < 0.2:
            other = rng.randrange(len(bodies))
            bodies[at], bodies[other] = bodies[other], bodies[at]
    return [encoded(rng, body) for body in bodies]


@settings(max_examples=150)
@given(_rounds)
def test_batches_and_forgetting_change_no_byte(rng: Random) -> None:
    """However the input is cut, log, events, states and Redis are the same; a refold of the log among them."""
    values = _troubled(rng)
    whole, cut = folded_values(values), folded_values(values, cut=rng)
    again = refold_log(AGGREGATE, [record.value or b"" for record in whole.log], cut=rng)
    for other in (cut, again):
        assert other.store == whole.store
        assert other.counters == whole.counters
        assert [(one.key, one.value) for one in other.events] == [
            (one.key, one.value) for one in whole.events
        ]
        assert other.last_states() == whole.last_states()
    assert [one.value for one in cut.log] == [one.value for one in whole.log]


@settings(max_examples=100)
@given(_rounds)
def test_sequences_have_no_gaps(rng: Random) -> None:
    """Of facts and of events by subject, the account's own among them, and of what subscribers are shown."""
    outcome = folded_values(_troubled(rng))
    told: dict[str, list[int]] = defaultdict(list)
    ids = set()
    for record in outcome.events:
        event = orjson.loads(record.value or b"")
        told[event["subject"]].append(event["sequence"])
        ids.add(event["id"])
        assert (record.key or b"").decode() == event["subject"]
        assert event["partitionkey"] == ACCOUNT
    assert len(ids) == len(outcome.events)
    facts: dict[str, list[int]] = defaultdict(list)
    shown = []
    for record in outcome.log:
        logged = orjson.loads(record.value or b"")
        if logged["sequence"] is not None:
            facts[logged["subject"]].append(logged["sequence"])
        shown += [logged["accountsequence"]] if "accountsequence" in logged else []
    for numbers in (*told.values(), *facts.values(), shown):
        assert numbers == list(range(1, len(numbers) + 1))
    assert account(outcome)["seq"] == len(shown)
