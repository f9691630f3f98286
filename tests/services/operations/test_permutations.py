"""Order and repetition don't matter: a consistent history ends in the same projection, and money is conserved."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal, localcontext
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.libs.ledger import histories
from tests.libs.ledger.folding import Outcome, events, fold_input, records_of

_rounds = st.integers(0, 2**64).map(Random)
_BOOKKEEPING = {"sequence", "first_recorded_at", "last_recorded_at"}


def _run(
    executions: list[bytes], operation: list[bytes], rng: Random | None = None
) -> tuple[Outcome, Outcome]:
    """Both folds: what the executions tell reaches the operation's input, among its own records in any order."""
    first = fold_input(EXECUTIONS, records_of(executions))
    told = [notice.record.value or b"" for notice in first.notices]
    both = [*operation, *told]
    if rng is not None:
        rng.shuffle(both)
    return first, fold_input(OPERATIONS, records_of(both))


def _projections(*outcomes: Outcome) -> list[dict[str, Any]]:
    """Every entity's document and indexes, but for the bookkeeping of lateness."""
    shown = []
    for outcome in outcomes:
        documents = {key: orjson.loads(value or b"") for key, value in outcome.last_states().items()}
        shown.append(
            {
                "documents": {
                    key: {name: value for name, value in document.items() if name not in _BOOKKEEPING}
                    for key, document in documents.items()
                },
                "indexes": {name: sorted(members) for name, members in outcome.store.indexes.items()},
            }
        )
    return shown


def _encoded(rng: Random, bodies: list[histories.Body], most: int = 3) -> list[bytes]:
    """Each body once or several times, as any sender may write it, in any order."""
    values = [histories.encoded(rng, body) for body in bodies for _ in range(rng.randrange(1, most + 1))]
    rng.shuffle(values)
    return values


@settings(max_examples=150)
@given(_rounds)
def test_any_order_and_repetition_ends_in_the_same_projection(rng: Random) -> None:
    """Of an operation and all of its executions, through both folds."""
    story = histories.story(rng)
    plain = _run(list(map(orjson.dumps, story.bodies())), list(map(orjson.dumps, story.operation)))
    mixed = _run(_encoded(rng, story.bodies()), _encoded(rng, story.operation), rng)
    assert _projections(*mixed) == _projections(*plain)
    assert all(
        not document["disputed"] for shown in _projections(*mixed) for document in shown["documents"].values()
    )


@pytest.mark.parametrize("seed", range(12))
def test_every_permutation_ends_in_the_same_projection(seed: int) -> None:
    """Literally every one, of a small history."""
    rng = Random(seed)
    story = histories.story(rng)
    operation, told = (
        list(map(orjson.dumps, story.operation[-2:])),
        list(map(orjson.dumps, story.bodies()[:3])),
    )
    expected = None
    for executions in itertools.permutations(told):
        first = fold_input(EXECUTIONS, records_of(executions))
        notices = [notice.record.value or b"" for notice in first.notices]
        for both in itertools.permutations([*operation, *notices]):
            seen = _projections(fold_input(OPERATIONS, records_of(both)))
            expected = expected or seen
            assert seen == expected


@settings(max_examples=100)
@given(_rounds)
def test_a_consistent_history_ends_reconciled_and_each_event_of_an_end_comes_once(rng: Random) -> None:
    """Whatever the order: one start, one completion, and every mismatch is reconciled in the end."""
    story = histories.story(rng)
    first, second = _run(_encoded(rng, story.bodies()), _encoded(rng, story.operation), rng)
    counted = Counter(name for name, _ in events(second))
    assert counted["operation.started"] == counted["operation.completed"] == 1
    assert counted["operation.disputed"] == 0
    turns = [name for name, _ in events(second) if name in ("operation.mismatch", "operation.reconciled")]
    assert turns == ["operation.mismatch", "operation.reconciled"] * (len(turns) // 2)
    told = Counter(name for name, _ in events(first))
    ended = [one[-1]["status"] for one in story.executions]
    assert told["execution.created"] == len(story.executions)
    assert {name: told[f"execution.{name}"] for name in set(ended)} == Counter(ended)
    filled = sum(
        one["status"] == "executed" for steps in story.executions for one in steps[-1]["instructions"]
    )
    assert told["instruction.executed"] == filled


_MONEY = ("amount", "price", "quantity", "total_notional")


def _money(instructions: list[dict[str, Any]]) -> Counter[str]:
    return Counter(f"{name}={one[name]}" for one in instructions for name in _MONEY if name in one)


def _total(instructions: list[dict[str, Any]]) -> Decimal:
    with localcontext(prec=60):
        return sum(
            (Decimal(one["total_notional"]) for one in instructions if "total_notional" in one), Decimal(0)
        )


@settings(max_examples=100)
@given(_rounds)
def test_money_is_conserved_exactly(rng: Random) -> None:
    """The sender's strings in log, states, Redis and events; sums before and after are equal to the last digit."""
    story = histories.story(rng)
    outcome, _ = _run(_encoded(rng, story.bodies()), _encoded(rng, story.operation), rng)
    sent = [one for steps in story.executions for one in steps[-1]["instructions"]]
    states = [orjson.loads(value or b"") for value in outcome.last_states().values()]
    in_states = [one for document in states for one in document["instructions"]]
    in_redis = [one for f in outcome.store.entities.values() for one in orjson.loads(f["instructions"])]
    in_events = [data for name, data in events(outcome) if name == "instruction.executed"]
    filled = [one for one in sent if one["status"] == "executed"]
    assert _money(in_states) == _money(in_redis) == _money(sent)
    assert _money(in_events) == _money(filled)
    assert _total(in_states) == _total(in_redis) == _total(in_events) == _total(sent)
    said = {body["id"]: Counter[str]() for body in story.bodies()}
    for record in outcome.log:
        logged = orjson.loads(record.value or b"")
        if logged["verdict"] == "applied":
            said[logged["subject"]] = _money(logged["data"]["instructions"])
    assert sum(said.values(), Counter()) == _money(sent)
