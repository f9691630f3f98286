"""What is derived from an operation's facts; each test is named for the rule that it guards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.libs.ledger.folding import events
from tests.services.operations.given import OTHER, STRATEGY, Body, execution, folded, status


def _events(*bodies: Body) -> list[tuple[str, dict[str, Any]]]:
    return events(folded(*bodies))


def _names(*bodies: Body) -> list[str]:
    return [name.removeprefix("operation.") for name, _ in _events(*bodies)]


def test_started_comes_once_with_the_first_applied_status() -> None:
    """Whichever it is; outcomes and ignored facts start nothing."""
    assert _names(status("dreaming"), execution(1, "awaiting_execution")) == []
    ((name, data),) = _events(execution(1, "awaiting_execution"), status("settling"), status("pricing"))
    assert name == "operation.started"
    assert data == {
        "strategy_id": STRATEGY,
        "request_id": "e4edff9d-422e-41e2-a2a2-a887c6444fde",
        "type": "enrollment",
        "status": "settling",
        "created_at": "2026-05-29T18:56:43Z",
    }


def test_status_changed_says_from_what_to_what_and_how_long_that_lasted() -> None:
    """By the source's clock, which may run backwards."""
    told = _events(
        status("validating", second=43), status("pricing", second=46), status("settling", second=45)
    )
    assert [name for name, _ in told] == [
        "operation.started",
        "operation.status_changed",
        "operation.status_changed",
    ]
    assert [(data["from"], data["to"], data["dwell_ms"]) for _, data in told[1:]] == [
        ("validating", "pricing", 3_000),
        ("pricing", "settling", -1_000),
    ]


@pytest.mark.parametrize("end", ["settled", "skipped", "failed"])
def test_completed_follows_the_terminal_status(end: str) -> None:
    """With reason, duration since the creation, and the executions known by then."""
    name, data = _events(execution(1, "settled"), execution(2, "skipped"), status(end, "because", second=53))[
        -1
    ]
    assert name == "operation.completed"
    assert data == {
        "status": end,
        "status_reason": "because",
        "duration_ms": 10_000,
        "executions": {"total": 2, "settled": 1, "rejected": 0, "skipped": 1},
    }
    assert _names(status("pricing"), status(end, "because")) == ["started", "status_changed", "completed"]


def test_what_is_late_ignored_or_a_duplicate_leads_to_no_event() -> None:
    """Only applied facts and conflicts do."""
    assert _names(status("pricing"), status("validating"), status("dreaming"), status("pricing")) == [
        "started"
    ]


@pytest.mark.parametrize(
    "contradiction",
    [
        status("failed"),
        status("settled", second=44),
        status("pricing", strategy_id=OTHER),
        execution(1, "rejected"),
    ],
)
def test_every_conflict_is_told_as_disputed_with_what_stands_and_what_was_claimed(
    contradiction: Body,
) -> None:
    """Once for each conflict."""
    told = _events(execution(1, "settled"), status("settled"), contradiction, contradiction)
    assert [name for name, _ in told] == ["operation.started", "operation.completed", "operation.disputed"]
    assert told[-1][1]["stands"] == {"status": "settled", "status_reason": ""}
    assert told[-1][1]["claimed"]["status"] == contradiction["status"]


@pytest.mark.parametrize(
    ("contradiction", "differs"),
    [
        (status("failed"), ["/status"]),
        (status("settled", second=44), ["/updated_at"]),
        (status("settled", strategy_id=OTHER), ["/strategy_id"]),
        (execution(1, "rejected"), ["/status"]),
    ],
)
def test_a_dispute_names_what_contradicts(contradiction: Body, differs: list[str]) -> None:
    """An outcome is held against what the execution told before, not against the operation's status."""
    name, data = _events(execution(1, "settled"), status("settled"), contradiction)[-1]
    assert (name, data["differs"]) == ("operation.disputed", differs)
    assert data.get("execution_status") == ("settled" if "event" in contradiction else None)


def test_of_an_operation_without_a_status_the_identity_alone_can_be_contradicted() -> None:
    """As that of one which only its executions told of."""
    _, data = _events(execution(1, "settled"), status("pricing", strategy_id=OTHER))[-1]
    assert data["differs"] == ["/strategy_id"]


def _executions(letters: str) -> list[Body]:
    names = {"s": "settled", "r": "rejected", "k": "skipped", "a": "awaiting_execution"}
    return [execution(number, names[letter]) for number, letter in enumerate(letters)]


_AGREE = [
    ("settled", "", "s"), ("settled", "", "ss"), ("settled", "", "sk"),
    ("settled", "partial_success", "sr"), ("settled", "partial_success", "srk"),
    ("failed", "all_rejected", "r"), ("failed", "all_rejected", "rr"),
    ("skipped", "", "k"), ("skipped", "all_skipped", "kk"),
]  # fmt: skip
_DISAGREE = [
    ("settled", "", "r"), ("settled", "", "sr"), ("settled", "", "k"),
    ("settled", "partial_success", "s"), ("settled", "partial_success", "r"), ("settled", "partial_success", "sk"),
    ("failed", "all_rejected", "s"), ("failed", "all_rejected", "sr"), ("failed", "all_rejected", "rk"),
    ("skipped", "", "s"), ("skipped", "all_skipped", "kr"),
    ("failed", "no_executions", "s"), ("failed", "no_executions", "r"), ("skipped", "no_executions", "k"),
]  # fmt: skip
_NO_JUDGEMENT = [
    ("settled", "brand_new", "r"), ("failed", "", "s"), ("failed", "brand_new", "s"),  # a reason that claims nothing
    ("settled", "", ""), ("failed", "all_rejected", ""), ("failed", "no_executions", ""),  # no execution is known
    ("settled", "", "asr"), ("failed", "all_rejected", "as"), ("settled", "", "a"),  # one is still awaited
]  # fmt: skip


@pytest.mark.parametrize(("end", "reason", "letters"), _AGREE)
def test_no_mismatch_where_an_end_and_its_executions_agree(end: str, reason: str, letters: str) -> None:
    """By the reasons of 000."""
    assert _names(*_executions(letters), status(end, reason)) == ["started", "completed"]


@pytest.mark.parametrize(("end", "reason", "letters"), _DISAGREE)
def test_a_mismatch_where_an_end_and_its_executions_disagree(end: str, reason: str, letters: str) -> None:
    """With both sides of it."""
    told = _events(*_executions(letters), status(end, reason))
    assert [name for name, _ in told] == ["operation.started", "operation.completed", "operation.mismatch"]
    counted = {"settled": letters.count("s"), "rejected": letters.count("r"), "skipped": letters.count("k")}
    assert told[-1][1] == {
        "status": end,
        "status_reason": reason,
        "executions": {"total": len(letters), **counted},
    }


@pytest.mark.parametrize(("end", "reason", "letters"), _NO_JUDGEMENT)
def test_no_judgement_without_all_executions_or_with_a_reason_that_claims_nothing(
    end: str, reason: str, letters: str
) -> None:
    """Nothing is said then, in either order."""
    assert _names(*_executions(letters), status(end, reason)) == ["started", "completed"]
    assert _names(status(end, reason), *_executions(letters)) == ["started", "completed"]


def test_a_judgement_waits_for_the_end() -> None:
    """Whatever the executions are by then."""
    assert _names(status("settling"), *_executions("rr")) == ["started"]


def test_reconciled_comes_once_both_agree_again() -> None:
    """Here by an execution that arrives later than the end."""
    first, second = _executions("sr")
    told = _events(status("settled", "partial_success"), first, second)
    assert [name for name, _ in told][2:] == ["operation.mismatch", "operation.reconciled"]
    assert told[-1][1]["executions"] == {"total": 2, "settled": 1, "rejected": 1, "skipped": 0}


def test_mismatch_and_reconciled_come_strictly_in_turn() -> None:
    """Never two of a kind in a row, however often the judgement is passed; an awaited execution suspends it."""
    s, r, awaited = execution(1, "settled"), execution(2, "rejected"), execution(3, "awaiting_execution")
    end, more = execution(3, "settled"), execution(4, "rejected")
    told = _names(status("settled", ""), s, r, awaited, end, more)
    assert told == ["started", "completed", "mismatch"]
    told = _names(status("failed", "all_rejected"), r, s, awaited, end)
    assert told == ["started", "completed", "mismatch"]
    told = _names(status("settled", "partial_success"), r, awaited, end, s, more, execution(5, "skipped"))
    assert told == ["started", "completed", "mismatch", "reconciled"]


def test_reconciled_never_comes_first() -> None:
    """Agreement from the beginning is nothing to tell."""
    assert "reconciled" not in _names(*_executions("ss"), status("settled", ""))
