"""A history told again: what each record changed, with the sender's literals, and no guess where it is cut off."""

from __future__ import annotations

import json

from libs.contracts.partitions import partition_of
from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import InputRecord
from libs.views.changes import steps
from services.cli.folds import aggregate
from tests.e2e.examples import OPERATION_PRICING, OPERATION_SETTLED

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


def test_numbers_keep_the_senders_digits() -> None:
    body = {**json.loads(OPERATION_PRICING), "fee": "X"}
    text = json.dumps(body).replace('"X"', "1.500")
    (only,) = steps(aggregate("operations"), ID, _history(text.encode()))
    assert only.changed is not None
    assert only.changed["fee"] == (b"null", b"1.500")


def test_of_a_history_without_its_beginning_changes_are_unknown() -> None:
    (only,) = steps(aggregate("operations"), ID, _history(OPERATION_PRICING, OPERATION_SETTLED)[1:])
    assert only.changed is None
