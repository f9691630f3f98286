"""A history told again: what each record changed, with the sender's literals, and no guess where it is cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.partitions import partition_of
from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import InputRecord
from libs.views.changes import steps
from services.api.past import Moment, document_at
from services.cli.folds import aggregate
from tests.e2e.examples import EXECUTION_SETTLED, OPERATION_FAILED, OPERATION_PRICING, OPERATION_SETTLED
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.agents import given as agents
from tests.services.executions import given as executions
from tests.services.operations import given as operations
from tests.services.strategies import given as strategies
from tests.services.versions import given as versions

Body = dict[str, Any]

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"


def _history(*bodies: bytes) -> list[bytes]:
    fold = PartitionFold(aggregate("operations"), Origin("operations", "operations.in", partition_of(ID, 6)))
    entities = {ID: fold.new_entity(ID)}
    records = [
        InputRecord(offset, 1_780_000_000_000 + offset, None, body) for offset, body in enumerate(bodies)
    ]
    readings = [read_input(fold.aggregate, partition_of(ID, 6), 6, record) for record in records]
    folded = fold.fold(readings, entities)
    return folded.writes[0].history


def test_the_first_record_changes_all_that_it_says_and_the_next_only_what_differs() -> None:
    first, second = steps(aggregate("operations"), ID, _history(OPERATION_PRICING, OPERATION_SETTLED))
    assert first.changed is not None
    assert first.changed["status"] == (b"null", b'"pricing"')
    assert first.changed["allocations"][0] == b"null"
    assert second.changed == {
        "status": (b'"pricing"', b'"settled"'),
        "updated_at": (b'"2026-05-29T18:56:43Z"', b'"2026-05-29T18:56:46Z"'),
    }


def test_what_is_overtaken_changes_nothing() -> None:
    last = list(steps(aggregate("operations"), ID, _history(OPERATION_SETTLED, OPERATION_PRICING)))[-1]
    assert last.logged.verdict == "late"
    assert last.changed == {}
    assert last.claimed == {
        "status": (b'"settled"', b'"pricing"'),
        "updated_at": (b'"2026-05-29T18:56:46Z"', b'"2026-05-29T18:56:43Z"'),
    }


def test_of_a_contradiction_the_fields_are_told_that_it_claims_otherwise() -> None:
    """With what stands beside what is claimed; what both say the same, and what is applied, needs no telling."""
    body = {**json.loads(OPERATION_SETTLED), "status": "failed", "status_reason": "all_rejected"}
    first, second = steps(aggregate("operations"), ID, _history(OPERATION_SETTLED, json.dumps(body).encode()))
    assert first.claimed is None
    assert (second.logged.verdict, second.changed) == ("conflict", {})
    assert second.claimed == {
        "status": (b'"settled"', b'"failed"'),
        "status_reason": (b'""', b'"all_rejected"'),
    }


def test_what_an_outcome_says_of_an_execution_is_no_claim_about_the_operation() -> None:
    def outcome(status: str) -> bytes:
        body = {name: json.loads(OPERATION_SETTLED)[name] for name in ("id", "strategy_id", "updated_at")}
        more = {"event": "execution.outcome", "execution_id": ID, "status": status, "status_reason": ""}
        return json.dumps({**body, **more}).encode()

    history = _history(OPERATION_SETTLED, outcome("settled"), outcome("rejected"))
    last = list(steps(aggregate("operations"), ID, history))[-1]
    assert last.logged.verdict == "conflict"
    assert last.claimed is not None
    assert not last.claimed.keys() & {"status", "event", "execution_id"}


OUTCOME_SETTLED = orjson.dumps(operations.execution(1, "settled"))


@pytest.mark.parametrize(
    ("service", "bodies", "claimed"),
    [
        (
            "operations",
            (OPERATION_SETTLED, {"status": "dreaming"}),
            {"strategy_id": operations.OTHER, "status": "dreaming"},
        ),
        (
            "operations",
            (OPERATION_SETTLED, {"status": "dreaming", "type": "gift"}),
            {"strategy_id": operations.OTHER, "status": "dreaming", "type": "gift"},
        ),
        ("operations", (OUTCOME_SETTLED, {"status": "dreaming"}), {"strategy_id": operations.OTHER}),
        (
            "executions",
            (EXECUTION_SETTLED, {"status": "halted"}),
            {"strategy_id": operations.OTHER, "status": "halted"},
        ),
    ],
)
def test_who_claims_another_identity_may_claim_an_unknown_status_too(
    service: str, bodies: tuple[bytes, Body], claimed: Body
) -> None:
    """It can never be applied, but all of its claims are told."""
    first, change = bodies
    second = orjson.dumps({**orjson.loads(first), "strategy_id": operations.OTHER, **change})
    built = aggregate(service)
    outcome = fold_input(built, records_of((first, second)))
    ((entity_id, history),) = outcome.store.histories.items()
    last = list(steps(built, entity_id, history))[-1]
    assert (last.logged.verdict, last.changed) == ("conflict", {})
    assert last.claimed is not None
    assert {name: orjson.loads(said) for name, (_, said) in last.claimed.items()} == claimed


def _drawn_operation(rng: Random) -> Body:
    whose: Body = {"strategy_id": rng.choice((operations.STRATEGY, operations.OTHER))}
    whose["event"] = rng.choice((None, None, "renamed"))
    if rng.random() < 0.5:
        told = rng.choice(("awaiting_execution", "settled", "rejected", "skipped", "dreaming"))
        whose["event"] = rng.choice(("execution.outcome", "execution.outcome", "renamed"))
        return operations.execution(rng.randrange(3), told, rng.randrange(60), **whose)
    whose["type"] = rng.choice(("enrollment", "enrollment", "gift"))
    whose["request_id"] = rng.choice((operations.STRATEGY, operations.OTHER))
    reason = rng.choice(("", None, "all_rejected", "no_executions", "another"))
    name = rng.choice((*operations.ALL_STATUSES, "dreaming"))
    return operations.status(name, reason, rng.randrange(60), **whose)


def _drawn_execution(rng: Random) -> Body:
    whose = {
        "strategy_id": rng.choice((executions.STRATEGY, executions.OTHER)),
        "operation_id": rng.choice((executions.OPERATION, executions.OTHER)),
        "event": rng.choice((None, "trade_strategy.execution.status_changed", "renamed")),
    }
    return executions.status(rng.choice((*executions.ALL_STATUSES, "halted")), rng.randrange(46, 60), **whose)


def _drawn_agent(rng: Random) -> list[Body]:
    day = [*agents.day(rng), *(agents.clock(rng.randrange(200)) for _ in range(3))]
    return [*day, agents.said("snapshot", 5) | {"event": "mused"}]


def _drawn_strategy(rng: Random) -> list[Body]:
    history = [*strategies.history(rng), strategies.snapshot(rng.randrange(10_000))]
    return [*history, strategies.said("mused", 5), strategies.said("deployed", 3), strategies.scope(9)]


_DRAWN: dict[str, Callable[[Random], list[bytes]]] = {
    "operations": lambda rng: [orjson.dumps(_drawn_operation(rng)) for _ in range(12)],
    "executions": lambda rng: [orjson.dumps(_drawn_execution(rng)) for _ in range(12)],
    "agents": lambda rng: [orjson.dumps(one) for one in _drawn_agent(rng)],
    "strategies": lambda rng: [orjson.dumps(one) for one in _drawn_strategy(rng)],
    "versions": lambda rng: [*versions.history(rng), orjson.dumps(versions.command("version.renamed"))],
}


@pytest.mark.parametrize("service", list(_DRAWN))
@settings(max_examples=200)
@given(seed=st.integers(0, 2**64))
def test_every_history_can_be_told(service: str, seed: int) -> None:
    """Whatever a valid input claims, in any order: unknown statuses and events, identities of somebody else."""
    rng = Random(seed)
    values = _DRAWN[service](rng)
    rng.shuffle(values)
    built, key = aggregate(service), None if service == "versions" else b"acme"
    outcome = fold_input(built, records_of(values, key))
    assert outcome.store.histories
    for entity_id, history in outcome.store.histories.items():
        for step in steps(built.part(entity_id), entity_id, history):
            told = step.logged.verdict in ("late", "conflict")
            assert (step.changed is None, step.claimed is not None) == (False, told)


def test_numbers_keep_the_senders_digits() -> None:
    body = {**json.loads(OPERATION_PRICING), "fee": "X"}
    text = json.dumps(body).replace('"X"', "1.500")
    (only,) = steps(aggregate("operations"), ID, _history(text.encode()))
    assert only.changed is not None
    assert only.changed["fee"] == (b"null", b"1.500")


def test_of_a_history_without_its_beginning_changes_are_unknown() -> None:
    (only,) = steps(aggregate("operations"), ID, _history(OPERATION_PRICING, OPERATION_SETTLED)[1:])
    assert only.changed is None


FAILED = OPERATION_FAILED.replace(b"7fb46299-9e74-4c14-9f04-172a005e9aca", ID.encode())
_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "no JSON": lambda _: b"x",
    "not text": lambda value: value.replace(b'"verdict"', b'"\xff"'),
    "cut off": lambda value: value[:-30],
    "a number for the body": lambda value: value[: value.index(b',"data":')] + b',"data":5}',
    "a list for the verdict": lambda value: re.sub(rb'"verdict":"[^"]*"', b'"verdict":[]', value),
    "no sequence": lambda value: re.sub(rb'"sequence":[0-9]+,', b"", value),
    "a text for the sequence": lambda value: re.sub(rb'"sequence":([0-9]+)', rb'"sequence":"\1"', value),
    "no time": lambda value: re.sub(rb'"time":"[^"]*",', b"", value),
    "a number for the time": lambda value: re.sub(rb'"recordedtime":"[^"]*"', b'"recordedtime":5', value),
}


@pytest.mark.parametrize("damage", list(_DAMAGE))
@pytest.mark.parametrize("first", [0, 1], ids=["whole", "cut off at its beginning"])
def test_a_damaged_record_is_told_by_its_number(damage: str, first: int) -> None:
    """Whatever is wrong with it; what came before it can be told."""
    one, other, last = _history(OPERATION_PRICING, OPERATION_SETTLED, FAILED)
    spoiled = _DAMAGE[damage](last)
    assert spoiled != last
    followed = steps(aggregate("operations"), ID, [one, other, spoiled][first:])
    for _ in range(2 - first):
        next(followed)
    with pytest.raises(ValueError, match=f"record {3 - first}: "):
        next(followed)


@pytest.mark.parametrize("damage", ["no JSON", "cut off", "a list for the verdict", "no sequence"])
def test_a_document_as_of_then_is_none_of_a_damaged_history(damage: str) -> None:
    one, other = _history(OPERATION_PRICING, OPERATION_SETTLED)
    with pytest.raises(ValueError, match="after sequence 1"):
        document_at(aggregate("operations"), ID, [one, _DAMAGE[damage](other)], Moment(sequence=9))


@pytest.mark.parametrize("first", [0, 1], ids=["whole", "cut off at its beginning"])
def test_no_change_is_told_over_a_hole(first: int) -> None:
    """A record that is missing amid a history is damage: what those behind it changed can't be known."""
    values = (OPERATION_PRICING, OPERATION_SETTLED, FAILED, FAILED.replace(b"failed", b"settled"))
    history = _history(*values)[first:]
    followed = steps(aggregate("operations"), ID, [history[0], *history[2:]])
    next(followed)
    with pytest.raises(ValueError, match=f"record 2: .* {first + 3} and not {first + 2}"):
        next(followed)


def test_no_document_is_told_over_a_hole() -> None:
    one, _, last = _history(OPERATION_PRICING, OPERATION_SETTLED, FAILED)
    with pytest.raises(ValueError, match="after sequence 1"):
        document_at(aggregate("operations"), ID, [one, last], Moment(sequence=9))
