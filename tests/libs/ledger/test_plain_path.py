"""The short way of a plain body leads where the full one does, to the byte."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ledger.aggregate import Aggregate
from libs.ledger.intake import read_input
from libs.ledger.records import InputRecord
from libs.ledger.verdict import Verdict
from tests.contracts import golden
from tests.libs.contracts.bodies import BODIES, compact, otherwise, spelled
from tests.libs.ledger.folding import Outcome, fold_input, records_of, refold_log, verdicts

_SERVICES: Final = sorted(BODIES)


def _in_full(service: str) -> Aggregate[Any]:
    return replace(golden.AGGREGATES[service], plain=None)


def _read(aggregate: Aggregate[Any], value: bytes) -> dict[str, object]:
    """All that a reading says, but which way it took."""
    reading = read_input(aggregate, 0, 1, InputRecord(7, 1_780_081_200_000, None, value))
    fact, invalid = reading.fact, reading.invalid
    return {
        "about": reading.about,
        "verdict": reading.verdict,
        "fact": None if fact is None else (fact.at, fact.digest, orjson.dumps(fact.body)),
        "invalid": None if invalid is None else (invalid.error, invalid.detail, invalid.pointer),
    }


@pytest.mark.parametrize("service", _SERVICES)
@settings(max_examples=500)
@given(data=st.data())
def test_whatever_the_bytes_both_ways_read_the_same(service: str, data: st.DataObject) -> None:
    """What is accepted, why the rest is refused, and every part of the fact."""
    value = data.draw(spelled(service))
    assert _read(golden.AGGREGATES[service], value) == _read(_in_full(service), value)


def _everything(outcome: Outcome) -> dict[str, object]:
    records = {"dead": outcome.dead, "forwards": outcome.forwards, "notices": outcome.notices}
    return {**golden.pieces(outcome), **records, "states": outcome.states, "events": outcome.events}


@pytest.mark.parametrize("service", _SERVICES)
@settings(max_examples=150)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_both_ways_fold_a_history_to_the_same_bytes(service: str, data: st.DataObject, seed: int) -> None:
    """Log, events, states, notices, dead letters and what Redis holds, however plain and other spellings mix."""
    records = records_of(data.draw(st.lists(spelled(service), max_size=8)))
    quick = fold_input(golden.AGGREGATES[service], records, cut=Random(seed))
    full = fold_input(_in_full(service), records, cut=Random(seed))
    assert _everything(quick) == _everything(full)
    again = refold_log(golden.AGGREGATES[service], [record.value or b"" for record in quick.log])
    assert again.states[-1:] == quick.states[-1:]


@pytest.mark.parametrize("service", _SERVICES)
def test_each_other_spelling_folds_to_the_same_bytes_both_ways(service: str) -> None:
    """One by one, so that none is left to chance."""
    for body in BODIES[service]:
        for value in otherwise(body):
            records = records_of([value])
            quick, full = (
                fold_input(one, records) for one in (golden.AGGREGATES[service], _in_full(service))
            )
            assert _everything(quick) == _everything(full), value


@pytest.mark.parametrize(
    ("service", "field", "value"),
    [
        ("executions", "updated_at", "2026-02-30T00:00:00Z"),
        (
            "executions",
            "instructions",
            [{**BODIES["executions"][0]["instructions"][0], "status": "executed"}],
        ),
        ("operations", "created_at", "2026-02-30T00:00:00Z"),
        ("operations", "allocations", [{"underlying_currency": "BTC", "weight": "0.9"}]),
    ],
)
def test_what_no_pattern_can_tell_is_refused_of_plain_bodies_too(
    service: str, field: str, value: object
) -> None:
    """Days that don't exist, fills that are not whole, weights that don't sum to 1."""
    aggregate, body = golden.AGGREGATES[service], compact({**BODIES[service][0], field: value})
    assert aggregate.plain is not None
    assert aggregate.plain.fullmatch(body) is not None
    assert verdicts(fold_input(aggregate, records_of([body]))) == [Verdict.QUARANTINED]
