"""The contract's table of verdicts, for executions: each test is named for the rule that it guards."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import orjson
import pytest

from services.executions import AGGREGATE
from tests.libs.ledger.folding import events, fold_input, records_of, verdicts
from tests.services.executions.given import ALL_STATUSES, ID, OTHER, TERMINAL, folded, state, status, told


@pytest.mark.parametrize("first", ALL_STATUSES)
def test_the_first_known_status_is_applied_whatever_it_is(first: str) -> None:
    """A rejected without an awaiting_execution is legal."""
    outcome = folded(status(first))
    assert verdicts(outcome) == ["applied"]
    assert state(outcome)["status"] == first


@pytest.mark.parametrize("end", TERMINAL)
def test_an_end_follows_awaiting_and_awaiting_after_an_end_is_late(end: str) -> None:
    """Timestamps never decide."""
    assert verdicts(folded(status("awaiting_execution"), status(end))) == ["applied", "applied"]
    outcome = folded(status(end, second=1), status("awaiting_execution", second=59))
    assert verdicts(outcome) == ["applied", "late"]
    assert (state(outcome)["status"], state(outcome)["sequence"], state(outcome)["disputed"]) == (
        end,
        2,
        False,
    )
    assert len(outcome.store.histories[ID]) == 2


def test_awaiting_again_with_another_body_is_late() -> None:
    """The first body stands."""
    outcome = folded(status("awaiting_execution"), status("awaiting_execution", second=59))
    assert verdicts(outcome) == ["applied", "late"]
    assert state(outcome)["updated_at"] == "2026-05-29T18:56:46Z"


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(TERMINAL, 2)))
def test_another_end_is_a_conflict_and_the_first_stands(first: str, second: str) -> None:
    """The execution is disputed from then on."""
    outcome = folded(status(first), status(second))
    assert verdicts(outcome) == ["applied", "conflict"]
    assert (state(outcome)["status"], state(outcome)["disputed"]) == (first, True)
    assert outcome.store.entities[ID]["disputed"] == "1"
    assert set(outcome.store.indexes) == {f"status:{first}", f"strategy:{status(first)['strategy_id']}"}


@pytest.mark.parametrize("end", TERMINAL)
@pytest.mark.parametrize(
    "change", [{"second": 59}, {"status_reason": "why"}, {"participant_code": "X"}, {"extra": 1}]
)
def test_the_same_end_with_another_body_is_a_conflict(end: str, change: dict[str, Any]) -> None:
    """Whatever differs in it."""
    assert verdicts(folded(status(end), status(end, **change))) == ["applied", "conflict"]


@pytest.mark.parametrize("field", ["strategy_id", "operation_id"])
@pytest.mark.parametrize("name", ALL_STATUSES)
def test_another_identity_than_the_first_fact_s_is_a_conflict(field: str, name: str) -> None:
    """At any rank; participant and trader are no identity."""
    outcome = folded(status("awaiting_execution"), status(name) | {field: OTHER})
    assert verdicts(outcome) == ["applied", "conflict"]
    assert state(outcome)["status"] == "awaiting_execution"
    assert (
        verdicts(folded(status("awaiting_execution"), status("settled") | {"trader_id": OTHER}))
        == ["applied"] * 2
    )


@pytest.mark.parametrize("field", ["strategy_id", "operation_id"])
def test_the_first_fact_says_whose_an_execution_is_even_where_it_was_ignored(field: str) -> None:
    """Another identity afterwards is a conflict, also once the entity was forgotten and loaded again."""
    bodies = [status("dreaming"), status("settled") | {field: OTHER}, status("settled")]
    assert verdicts(folded(*bodies)) == ["ignored", "conflict", "applied"]
    for seed in range(8):
        cut = fold_input(AGGREGATE, records_of(map(orjson.dumps, bodies)), cut=Random(seed))
        assert verdicts(cut) == ["ignored", "conflict", "applied"]


def test_an_unknown_status_is_ignored_and_changes_nothing_but_bookkeeping() -> None:
    """Known only so, an execution has no status and is in no index."""
    outcome = folded(status("awaiting_execution"), status("dreaming"))
    assert verdicts(outcome) == ["applied", "ignored"]
    before = state(folded(status("awaiting_execution")))
    assert {name for name, value in state(outcome).items() if before[name] != value} == {
        "sequence",
        "last_recorded_at",
    }
    alone = folded(status("dreaming"))
    assert verdicts(alone) == ["ignored"]
    assert (alone.store.indexes, alone.events, alone.notices) == ({}, [], [])
    assert (state(alone)["id"], state(alone)["status"], state(alone)["instructions"]) == (ID, None, None)
    assert verdicts(folded(status("dreaming"), status("settled"))) == ["ignored", "applied"]


def test_unknown_reasons_and_instruction_statuses_are_folded_as_usual_and_kept_verbatim() -> None:
    """Only an execution's own unknown status is ignored."""
    instructions = status("awaiting_execution")["instructions"]
    body = status(
        "rejected", status_reason="brand_new", instructions=[one | {"status": "odd"} for one in instructions]
    )
    outcome = folded(body)
    assert verdicts(outcome) == ["applied"]
    assert state(outcome)["status_reason"] == "brand_new"
    assert [one["status"] for one in state(outcome)["instructions"]] == ["odd", "odd"]


def test_a_reason_of_null_counts_as_empty() -> None:
    """Also in what the operation is told; the log keeps the null."""
    outcome = folded(status("settled", status_reason=None))
    assert state(outcome)["status_reason"] == ""
    assert orjson.loads(outcome.notices[0].record.value or b"")["status_reason"] == ""
    assert orjson.loads(outcome.log[0].value or b"")["data"]["status_reason"] is None


@pytest.mark.parametrize("again", [0, 1, 2, 3])
def test_what_was_accepted_before_is_a_duplicate_whenever_that_was(again: int) -> None:
    """Be it applied, late, a conflict or ignored at the time; it takes no sequence and leads to nothing."""
    bodies = [status("settled"), status("awaiting_execution"), status("rejected"), status("dreaming")]
    outcome, before = folded(*bodies, bodies[again]), folded(*bodies)
    assert verdicts(outcome) == ["applied", "late", "conflict", "ignored", "duplicate"]
    assert state(outcome) == state(before)
    assert (outcome.events, outcome.notices) == (before.events, before.notices)


def test_an_id_in_upper_case_is_the_same_execution() -> None:
    """Routing keys and entity ids are in lower case."""
    outcome = folded(status("awaiting_execution"), status("settled", id=ID.upper()))
    assert verdicts(outcome) == ["applied", "applied"]
    assert list(outcome.store.entities) == [ID]
    assert outcome.log[1].key == ID.encode()


def test_a_reason_of_null_counts_as_empty_for_duplicates_too() -> None:
    """The same end, once with null and once with an empty reason, is one fact and no dispute."""
    outcome = folded(status("settled"), status("settled", status_reason=None))
    assert verdicts(outcome) == ["applied", "duplicate"]
    assert state(outcome)["status_reason"] == ""


@pytest.mark.parametrize("first", [None, ""])
def test_an_instruction_s_reason_of_null_counts_as_empty(first: str | None) -> None:
    """In the projection, in its event and for telling duplicates; the log keeps the null."""
    instructions = status("settled")["instructions"]
    bodies = [
        status("settled", instructions=[one | {"status_reason": reason} for one in instructions])
        for reason in (first, None, "")
    ]
    outcome = folded(*bodies)
    assert verdicts(outcome) == ["applied", "duplicate", "duplicate"]
    assert [one["status_reason"] for one in state(outcome)["instructions"]] == ["", ""]
    assert [data["status_reason"] for name, data in events(outcome) if name == "instruction.executed"] == [
        "",
        "",
    ]
    kept = orjson.loads(outcome.log[0].value or b"")["data"]["instructions"]
    assert [one["status_reason"] for one in kept] == [first, first]


def test_the_first_fact_says_whose_it_is_even_where_it_was_ignored() -> None:
    """An unknown status is kept without effect, but a later fact of another strategy contradicts it."""
    outcome = folded(status("halted"), status("settled", strategy_id=OTHER))
    assert verdicts(outcome) == ["ignored", "conflict"]
    assert (state(outcome)["status"], state(outcome)["disputed"]) == (None, True)
    assert outcome.store.indexes == {}
    assert verdicts(folded(status("halted"), status("settled"))) == ["ignored", "applied"]


@pytest.mark.parametrize("event", ["execution.outcome", "", "trade_strategy.operation.status_changed"])
def test_an_unknown_event_is_ignored_and_changes_nothing_but_bookkeeping(event: str) -> None:
    """Whatever else it says; it needs no field of a status change, and says nothing of whose the execution is."""
    bare = {"event": event, "id": ID, "updated_at": "2026-05-29T18:56:59Z"}
    whole = status("settled", event=event, strategy_id=OTHER, operation_id=OTHER, instructions=None)
    outcome = folded(bare, whole, status("awaiting_execution"), bare, status("settled", event=None))
    assert verdicts(outcome) == ["ignored", "ignored", "applied", "duplicate", "applied"]
    assert (state(outcome)["sequence"], state(outcome)["disputed"]) == (4, False)
    assert next(name for name, _ in events(outcome)) == "execution.created"
    assert len(told(outcome)) == 2
    kept = [orjson.loads(record.value or b"")["data"] for record in outcome.log[:2]]
    assert kept == [bare, whole]


def test_a_status_change_may_say_that_it_is_one() -> None:
    """By its webhook's name, or null; both are extra fields then."""
    named = status("settled", event="trade_strategy.execution.status_changed")
    assert verdicts(folded(status("awaiting_execution", event=None), named)) == ["applied", "applied"]


@pytest.mark.parametrize("seed", range(5))
def test_an_execution_known_only_by_an_unknown_event_may_be_forgotten_and_loaded_again(seed: int) -> None:
    """Nothing is known of it then, not even whose it is; numbers of the event are kept as they were sent."""
    bare = (
        b'{"event": "renamed", "id": "%b", "updated_at": "2026-05-29T18:56:59Z", "fee": 1.50}' % ID.encode()
    )
    values = [bare, orjson.dumps(status("halted", strategy_id=OTHER)), orjson.dumps(status("settled"))]
    first = fold_input(AGGREGATE, records_of(values[:1]))
    assert (state(first)["status"], first.store.indexes) == (None, {})
    whole = fold_input(AGGREGATE, records_of(values))
    assert verdicts(whole) == ["ignored", "ignored", "conflict"]
    assert b"1.50" in (whole.log[0].value or b"")
    cut = fold_input(AGGREGATE, records_of(values), cut=Random(seed))
    assert (cut.log, cut.events, cut.store) == (whole.log, whole.events, whole.store)
