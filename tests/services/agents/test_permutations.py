"""An agent's day in any order, repeated, cut into any batches, forgotten in between: the same agent."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agents import AGGREGATE
from tests.libs.ledger.folding import Outcome, events, refold_log, verdicts
from tests.libs.ledger.histories import encoded
from tests.services.agents.given import ID, clock, day, folded, folded_values, state

_rounds = st.integers(0, 2**64).map(Random)
_BOOKKEEPING = {"sequence", "first_recorded_at", "last_recorded_at"}
# Of two messages of one moment the one that comes last is the last; both are.
_EQUALLY_LAST = {"last_event"}


def _known(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in state(outcome).items() if name not in _BOOKKEEPING | _EQUALLY_LAST}


@settings(max_examples=150)
@given(_rounds)
def test_any_order_and_repetition_ends_in_the_same_agent(rng: Random) -> None:
    """Peak, sums, counts, mode, what stands; and every message is entered once."""
    bodies = day(rng)
    plain = folded(*bodies)
    mixed = [encoded(rng, body) for body in bodies for _ in range(rng.randrange(1, 4))]
    rng.shuffle(mixed)
    outcome = folded_values(mixed)
    assert _known(outcome) == _known(plain)
    assert outcome.store.indexes.keys() == plain.store.indexes.keys()
    for place, entries in plain.store.streams.items():
        there = Counter(orjson.dumps(fields) for _, fields in outcome.store.streams[place])
        assert there == Counter(orjson.dumps(fields) for _, fields in entries)
    assert Counter(verdicts(outcome))["duplicate"] == len(mixed) - len(bodies)


@settings(max_examples=100)
@given(_rounds)
def test_money_is_conserved_exactly(rng: Random) -> None:
    """Sums of the projection are the sums of what was sent, and of what was told."""
    bodies = day(rng)
    rng.shuffle(bodies)
    outcome = folded(*bodies)
    traded = [data for name, data in events(outcome) if name == "agent.traded"]
    for trades in ([body for body in bodies if body["event"] == "trade"], traded):
        assert state(outcome)["trades_total"] == len(trades)
        for total, name in (("fees_total", "fees"), ("realised_pnl_total", "realised_pnl")):
            amounts = [Decimal(trade[name]) for trade in trades if trade[name] is not None]
            assert Decimal(state(outcome)[total]) == sum(amounts, Decimal(0))


@settings(max_examples=100)
@given(_rounds)
def test_batches_and_forgetting_change_no_byte(rng: Random) -> None:
    """However a day is cut, the log, events, states and Redis are the same; a refold of the log among them."""
    bodies = day(rng)
    for _ in range(rng.randrange(4)):
        bodies.insert(rng.randrange(len(bodies)), clock(rng.randrange(400)))
    bodies += rng.sample(bodies, rng.randrange(3))
    rng.shuffle(bodies)
    values = [encoded(rng, body) for body in bodies]
    whole, cut = folded_values(values), folded_values(values, cut=rng)
    again = refold_log(AGGREGATE, [record.value or b"" for record in whole.log], cut=rng)
    for other in (cut, again):
        assert other.store == whole.store
        assert other.counters == whole.counters
        assert [one.value for one in other.events] == [one.value for one in whole.events]
        assert other.last_states() == whole.last_states()
    assert [one.value for one in cut.log] == [one.value for one in whole.log]


@settings(max_examples=50)
@given(_rounds)
def test_sequences_have_no_gaps(rng: Random) -> None:
    """Of the facts and of the events, each on its own; a stream's entries are facts."""
    outcome = folded(*day(rng), clock(9_999))
    told = [orjson.loads(record.value or b"")["sequence"] for record in outcome.events]
    assert told == list(range(1, len(told) + 1))
    logged = [orjson.loads(record.value or b"") for record in outcome.log]
    assert [record["sequence"] for record in logged if record["sequence"]] == list(range(1, len(logged) + 1))
    entered = [int(entry.removesuffix("-0")) for one in outcome.store.streams.values() for entry, _ in one]
    assert len(entered) == len(set(entered))
    assert outcome.store.entities[ID]["sequence"] == str(len(logged))


@settings(max_examples=60)
@given(_rounds)
def test_quiet_and_resumed_come_strictly_in_turn(rng: Random) -> None:
    """Whatever clocks come, in whatever order."""
    bodies = [*day(rng), *(clock(rng.randrange(600)) for _ in range(6))]
    rng.shuffle(bodies)
    turns = [name for name, _ in events(folded(*bodies)) if name in ("agent.quiet", "agent.resumed")]
    assert turns == (["agent.quiet", "agent.resumed"] * len(turns))[: len(turns)]
