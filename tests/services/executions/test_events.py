"""What is derived from an execution's facts, and what its operation is told; each test is named for its rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.libs.ledger.folding import events
from tests.services.executions.given import (
    ID,
    OPERATION,
    OTHER,
    STRATEGY,
    TERMINAL,
    Body,
    folded,
    state,
    status,
    told,
)


def _names(*bodies: Body) -> list[str]:
    return [name for name, _ in events(folded(*bodies))]


def test_created_comes_once_whatever_came_first() -> None:
    """Soft-rejected executions skip awaiting_execution (003)."""
    assert _names(status("awaiting_execution"), status("awaiting_execution", second=59)) == [
        "execution.created"
    ]
    assert _names(status("rejected"), status("awaiting_execution")) == [
        "execution.created",
        "execution.rejected",
    ]
    name, data = events(folded(status("dreaming"), status("awaiting_execution")))[0]
    assert name == "execution.created"
    assert {field: data[field] for field in ("strategy_id", "operation_id", "status", "created_at")} == {
        "strategy_id": STRATEGY,
        "operation_id": OPERATION,
        "status": "awaiting_execution",
        "created_at": "2026-05-29T18:56:43Z",
    }


@pytest.mark.parametrize("end", TERMINAL)
def test_an_end_is_told_once_and_by_its_name(end: str) -> None:
    """Last, after the instructions that it filled."""
    told_of = events(folded(status("awaiting_execution"), status(end, status_reason="why")))
    assert [name for name, _ in told_of].count(f"execution.{end}") == 1
    name, data = told_of[-1]
    assert (name, data["status"], data["status_reason"]) == (f"execution.{end}", end, "why")


def _fills(*bodies: Body) -> list[dict[str, Any]]:
    return [data for name, data in events(folded(*bodies)) if name == "instruction.executed"]


def test_one_event_for_each_filled_instruction_with_its_fields() -> None:
    """The sender's strings; the order is the instructions'."""
    settled = status("settled")
    fills = _fills(status("awaiting_execution"), settled)
    assert [fill["index"] for fill in fills] == [0, 1]
    for fill, instruction in zip(fills, settled["instructions"], strict=True):
        assert {name: fill[name] for name in instruction} == instruction
        assert (fill["operation_id"], fill["strategy_id"]) == (OPERATION, STRATEGY)


def test_a_fill_is_told_once_even_where_it_comes_before_the_end() -> None:
    """An awaiting execution may have filled some instructions already."""
    settled = status("settled")
    first, second = settled["instructions"]
    pending = status("awaiting_execution")["instructions"][1]
    assert [
        fill["index"] for fill in _fills(status("awaiting_execution", instructions=[first, pending]))
    ] == [0]
    assert [fill["index"] for fill in _fills(
        status("awaiting_execution", instructions=[first, pending]),
        status("settled", instructions=[first, second]),
    )] == [0, 1]  # fmt: skip


@pytest.mark.parametrize("end", ["skipped", "rejected"])
def test_nothing_is_filled_where_nothing_was_executed(end: str) -> None:
    """Pending instructions of an end stay what they are."""
    assert _fills(status(end)) == []
    assert _fills(status("settled", instructions=status("awaiting_execution")["instructions"])) == []


@pytest.mark.parametrize(
    "claim", [status("rejected"), status("settled", second=59), status("settled") | {"operation_id": OTHER}]
)
def test_every_conflict_is_told_as_disputed_with_what_stands_and_what_was_claimed(claim: Body) -> None:
    """Once for each; it fills nothing and ends nothing."""
    before = events(folded(status("settled")))
    after = events(folded(status("settled"), claim, claim))
    assert after[:-1] == before
    name, data = after[-1]
    assert name == "execution.disputed"
    assert data["stands"] == {"status": "settled", "status_reason": ""}
    assert data["claimed"] == {field: claim[field] for field in data["claimed"]}
    assert {"status", "operation_id", "strategy_id"} <= set(data["claimed"])


def test_a_dispute_names_what_contradicts_even_where_the_status_is_the_same() -> None:
    """Down to the instruction's field; the identity alone where no status was applied."""
    first, second = status("settled")["instructions"]
    claim = status("settled", instructions=[first, second | {"price": "99.5"}])
    assert events(folded(status("settled"), claim))[-1][1]["differs"] == ["/instructions/1/price"]
    foreign = status("settled") | {"operation_id": OTHER}
    assert events(folded(status("settled"), foreign))[-1][1]["differs"] == ["/operation_id"]
    assert events(folded(status("dreaming"), foreign))[-1][1]["differs"] == ["/operation_id"]


def test_the_operation_is_told_of_every_applied_status_and_of_nothing_else() -> None:
    """Awaiting too; late, disputed, ignored and repeated facts are no news to it."""
    outcome = folded(
        status("awaiting_execution", second=44), status("dreaming"), status("settled"), status("settled"),
        status("rejected"), status("awaiting_execution", second=59),
    )  # fmt: skip
    assert told(outcome) == [
        {
            "event": "execution.outcome",
            "id": OPERATION,
            "execution_id": ID,
            "status": name,
            "status_reason": "",
            "strategy_id": STRATEGY,
            "updated_at": f"2026-05-29T18:56:{second}Z",
        }
        for name, second in (("awaiting_execution", 44), ("settled", 46))
    ]
    assert {(one.topic, one.routing_key, one.record.key) for one in outcome.notices} == {
        ("operations.in", OPERATION, OPERATION.encode())
    }


def test_what_the_operation_is_told_is_in_lower_case() -> None:
    """So that it lands on the operation's partition; the strategy is kept as it was sent."""
    upper = {name: status("settled")[name].upper() for name in ("id", "operation_id", "strategy_id")}
    outcome = folded(status("settled") | upper)
    (notice,) = told(outcome)
    assert (notice["id"], notice["execution_id"], notice["strategy_id"]) == (OPERATION, ID, STRATEGY.upper())
    assert state(outcome)["operation_id"] == OPERATION.upper()
