"""The contract's table of verdicts, for operations: each test is named for the rule that it guards."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import orjson
import pytest

from services.operations import AGGREGATE
from tests.libs.ledger.folding import events, fold_input, records_of, verdicts
from tests.services.operations.given import (
    ALL_STATUSES,
    ID,
    OTHER,
    TERMINAL,
    Body,
    execution,
    folded,
    state,
    status,
)


def _verdicts(*bodies: Body) -> list[str]:
    return verdicts(folded(*bodies))


@pytest.mark.parametrize("first", ALL_STATUSES)
def test_the_first_known_status_is_applied_whatever_it_is(first: str) -> None:
    """A history may begin anywhere."""
    outcome = folded(status(first))
    assert verdicts(outcome) == ["applied"]
    assert state(outcome)["status"] == first


@pytest.mark.parametrize(("lower", "higher"), [
    ("validating", "pricing"), ("validating", "settling"), ("pricing", "settling"),
    *itertools.product(("validating", "pricing", "settling"), TERMINAL),
])  # fmt: skip
def test_a_higher_rank_is_applied_and_a_lower_one_afterwards_is_late(lower: str, higher: str) -> None:
    """Late changes no status; ranks decide, never timestamps."""
    assert _verdicts(status(lower), status(higher)) == ["applied", "applied"]
    outcome = folded(status(higher, second=40), status(lower, second=59))
    assert verdicts(outcome) == ["applied", "late"]
    assert (state(outcome)["status"], state(outcome)["sequence"]) == (higher, 2)
    assert not state(outcome)["disputed"]


@pytest.mark.parametrize("name", ["validating", "pricing", "settling"])
def test_the_same_non_terminal_status_with_another_body_is_late(name: str) -> None:
    """The first body stands."""
    outcome = folded(status(name, second=43), status(name, second=44))
    assert verdicts(outcome) == ["applied", "late"]
    assert state(outcome)["updated_at"] == "2026-05-29T18:56:43Z"


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(TERMINAL, 2)))
def test_another_terminal_status_is_a_conflict_and_the_first_stands(first: str, second: str) -> None:
    """The entity is disputed from then on."""
    outcome = folded(status(first), status(second))
    assert verdicts(outcome) == ["applied", "conflict"]
    assert (state(outcome)["status"], state(outcome)["disputed"]) == (first, True)
    assert outcome.store.entities[ID]["disputed"] == "1"
    assert state(folded(status(first), status(second), status("pricing")))["disputed"] is True


@pytest.mark.parametrize("change", [{"second": 44}, {"reason": "no_executions"}, {"extra": 1}])
def test_the_same_terminal_status_with_another_body_is_a_conflict(change: dict[str, Any]) -> None:
    """Whatever differs in it."""
    outcome = folded(status("failed"), status("failed", **change))
    assert verdicts(outcome) == ["applied", "conflict"]
    assert state(outcome)["updated_at"] == "2026-05-29T18:56:43Z"


@pytest.mark.parametrize("field", ["strategy_id", "request_id", "type"])
@pytest.mark.parametrize("name", ["validating", "settling", "failed"])
def test_another_identity_than_the_first_fact_s_is_a_conflict(field: str, name: str) -> None:
    """At any rank: higher, same or lower."""
    outcome = folded(status("pricing"), status(name) | {field: "top_up" if field == "type" else OTHER})
    assert verdicts(outcome) == ["applied", "conflict"]
    assert (state(outcome)["status"], state(outcome)["disputed"]) == ("pricing", True)


def test_an_outcome_of_another_strategy_is_a_conflict_and_so_is_the_reverse() -> None:
    """Whichever came first tells the strategy."""
    assert _verdicts(status("pricing"), execution(1, "settled", strategy_id=OTHER)) == ["applied", "conflict"]
    assert _verdicts(execution(1, "settled"), status("pricing", strategy_id=OTHER)) == ["applied", "conflict"]
    assert _verdicts(execution(1, "settled"), execution(2, "settled", strategy_id=OTHER)) == [
        "applied",
        "conflict",
    ]


def test_the_case_of_a_uuid_is_no_difference_of_identity() -> None:
    """Ids are compared in lower case; the sender's spelling is kept."""
    upper = {name: status("settling")[name].upper() for name in ("id", "strategy_id", "request_id")}
    outcome = folded(status("pricing"), status("settling") | upper)
    assert verdicts(outcome) == ["applied", "applied"]
    assert state(outcome)["strategy_id"] == upper["strategy_id"]
    assert set(outcome.store.indexes) == {"status:settling", f"strategy:{upper['strategy_id'].lower()}"}
    assert list(outcome.store.entities) == [ID]


def test_an_unknown_status_is_ignored_and_changes_nothing_but_bookkeeping() -> None:
    """It is kept in the history all the same."""
    outcome = folded(status("pricing"), status("dreaming"))
    assert verdicts(outcome) == ["applied", "ignored"]
    before = state(folded(status("pricing")))
    changed = {name for name, value in state(outcome).items() if before[name] != value}
    assert changed == {"sequence", "last_recorded_at"}
    assert len(outcome.store.histories[ID]) == 2
    assert outcome.events == folded(status("pricing")).events


@pytest.mark.parametrize("event", ["execution.renamed", "", "trade_strategy.operation.deleted"])
def test_an_unknown_event_is_ignored_and_changes_nothing_but_bookkeeping(event: str) -> None:
    """Whatever else it says; it needs no field of a status change, and says nothing of whose the operation is."""
    bare = {"event": event, "id": ID, "updated_at": "2026-05-29T18:56:59Z"}
    whole = status("settled", event=event, strategy_id=OTHER)
    outcome = folded(bare, whole, status("pricing"), bare, status("settling", event=None))
    assert verdicts(outcome) == ["ignored", "ignored", "applied", "duplicate", "applied"]
    assert (state(outcome)["sequence"], state(outcome)["disputed"]) == (4, False)
    assert [name for name, _ in events(outcome)] == ["operation.started", "operation.status_changed"]
    kept = [orjson.loads(record.value or b"")["data"] for record in outcome.log[:2]]
    assert kept == [bare, whole]


def test_a_status_change_may_say_that_it_is_one() -> None:
    """By its webhook's name, or null; both are extra fields then."""
    named = status("settled", event="trade_strategy.operation.status_changed")
    assert _verdicts(status("pricing", event=None), named) == ["applied", "applied"]


def test_an_operation_known_only_by_ignored_facts_has_no_status_and_is_in_no_index() -> None:
    """Every documented field of it but the id is null."""
    outcome = folded(status("dreaming"))
    assert verdicts(outcome) == ["ignored"]
    assert outcome.store.indexes == {}
    document = state(outcome)
    assert document["id"] == ID
    assert {document[name] for name in ("status", "status_reason", "type", "strategy_id", "updated_at")} == {
        None
    }
    assert {outcome.store.entities[ID][name] for name in ("status", "type", "allocations")} == {"null"}


@pytest.mark.parametrize("field", ["strategy_id", "request_id", "type"])
def test_the_first_fact_says_whose_an_operation_is_even_where_it_was_ignored(field: str) -> None:
    """Another identity afterwards is a conflict, also once the entity was forgotten and loaded again."""
    other = status("pricing") | {field: "top_up" if field == "type" else OTHER}
    assert _verdicts(status("dreaming"), other) == ["ignored", "conflict"]
    assert _verdicts(status("dreaming"), status("pricing"), other) == ["ignored", "applied", "conflict"]
    values = [orjson.dumps(body) for body in (status("dreaming"), other, status("pricing"))]
    for seed in range(8):
        cut = fold_input(AGGREGATE, records_of(values), cut=Random(seed))
        assert verdicts(cut) == ["ignored", "conflict", "applied"]


@pytest.mark.parametrize("reason", ["brand_new", "", "no_executions", "null"])
def test_an_unknown_reason_or_type_is_folded_as_usual_and_kept_verbatim(reason: str) -> None:
    """Only an unknown status is ignored."""
    outcome = folded(status("failed", reason, type="rebalance"))
    assert verdicts(outcome) == ["applied"]
    assert (state(outcome)["status_reason"], state(outcome)["type"]) == (reason, "rebalance")
    assert outcome.store.entities[ID]["status_reason"] == reason


def test_a_reason_of_null_counts_as_empty() -> None:
    """In the projection and in what follows from it; the log keeps the null."""
    outcome = folded(status("settled", None))
    assert state(outcome)["status_reason"] == ""
    assert outcome.store.entities[ID]["status_reason"] == ""
    assert orjson.loads(outcome.log[0].value or b"")["data"]["status_reason"] is None


def test_a_reason_of_null_and_an_empty_one_are_the_same_fact() -> None:
    """Otherwise equal, they are duplicates."""
    assert _verdicts(status("settled", None), status("settled", "")) == ["applied", "duplicate"]
    assert _verdicts(status("settled", ""), status("settled", None)) == ["applied", "duplicate"]


@pytest.mark.parametrize("again", [0, 1, 2, 3, 4])
def test_what_was_accepted_before_is_a_duplicate_whenever_that_was(again: int) -> None:
    """Be it applied, late, a conflict or ignored at the time; it takes no sequence."""
    bodies = [
        status("pricing"),
        status("validating"),
        status("settled"),
        status("failed"),
        status("dreaming"),
    ]
    outcome = folded(*bodies, bodies[again])
    assert verdicts(outcome) == ["applied", "late", "applied", "conflict", "ignored", "duplicate"]
    assert orjson.loads(outcome.log[-1].value or b"")["sequence"] is None
    assert state(outcome)["sequence"] == 5


def test_a_duplicate_is_told_by_its_json_not_by_its_bytes() -> None:
    """Key order, white space and escapes aside."""
    one = status("pricing", note="é")
    other = orjson.dumps(dict(reversed(one.items())), option=orjson.OPT_INDENT_2).replace(
        "é".encode(), b"\\u00e9"
    )
    outcome = fold_input(AGGREGATE, records_of([orjson.dumps(one), other]))
    assert verdicts(outcome) == ["applied", "duplicate"]


def test_outcomes_have_ranks_of_their_own_execution() -> None:
    """Awaiting after an end is late, another end a conflict, the same again a duplicate, another execution news."""
    bodies = [execution(1, "settled"), execution(1, "awaiting_execution"), execution(1, "rejected")]
    bodies += [execution(1, "settled"), execution(2, "awaiting_execution"), execution(2, "rejected")]
    outcome = folded(*bodies)
    assert verdicts(outcome) == ["applied", "late", "conflict", "duplicate", "applied", "applied"]
    assert state(outcome)["executions"] == {
        "total": 2, "awaiting_execution": 0, "settled": 1, "rejected": 1, "skipped": 0,
    }  # fmt: skip


def test_an_outcome_with_an_unknown_status_is_ignored() -> None:
    """And counts as no execution."""
    outcome = folded(execution(1, "dreaming"))
    assert verdicts(outcome) == ["ignored"]
    assert state(outcome)["executions"]["total"] == 0


def test_executions_may_come_before_their_operation() -> None:
    """It is known by them and by its strategy, and in no status index until it has a status."""
    outcome = folded(execution(2, "settled"), execution(1, "awaiting_execution"))
    document = state(outcome)
    assert (document["status"], document["strategy_id"]) == (None, execution(1, "settled")["strategy_id"])
    assert document["execution_ids"] == sorted(execution(n, "settled")["execution_id"] for n in (1, 2))
    assert set(outcome.store.indexes) == {f"strategy:{document['strategy_id']}", "known:outcomes"}
    assert verdicts(folded(execution(1, "settled"), status("validating"))) == ["applied", "applied"]
