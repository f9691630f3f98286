"""What is quarantined among executions: each with a reason whose pointer names the field at fault."""

from __future__ import annotations

import orjson
import pytest

from libs.contracts.executions import FILL_FIELDS
from libs.ledger.envelope import parse_log_record
from services.executions import AGGREGATE
from tests.libs.ledger.folding import fold_input, records_of, verdicts
from tests.services.executions.given import Body, folded, status


def _refused(body: Body) -> tuple[str, str]:
    outcome = fold_input(AGGREGATE, records_of([orjson.dumps(body)]))
    logged = parse_log_record(outcome.log[0].value or b"")
    assert logged.verdict == "quarantined"
    why = orjson.loads(logged.data)
    return why["error"], why["pointer"]


def _with(change: Body, name: str = "settled", index: int = 1) -> Body:
    body = status(name)
    body["instructions"][index] |= change
    return body


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"event": 5}, "wrong_type", "/event"),
        ({"event": ["trade_strategy.execution.status_changed"]}, "wrong_type", "/event"),
        ({"event": "new", "id": 1}, "wrong_type", "/id"),
        ({"event": "new", "updated_at": "soon"}, "malformed_time", "/updated_at"),
        ({"event": "new", "updated_at": "2026-02-30T00:00:00Z"}, "malformed_time", "/updated_at"),
    ],
)
def test_an_unknown_event_has_a_name_an_execution_and_a_time(change: Body, error: str, pointer: str) -> None:
    """Nothing else of it is judged."""
    assert _refused(status("settled", instructions=[{}]) | change) == (error, pointer)


@pytest.mark.parametrize("field", FILL_FIELDS)
@pytest.mark.parametrize("index", [0, 1])
def test_an_executed_instruction_has_all_fields_of_its_fill(field: str, index: int) -> None:
    """Absent or null; whatever the execution's status."""
    body = status("settled")
    del body["instructions"][index][field]
    assert _refused(body) == ("missing_field", f"/instructions/{index}/{field}")
    assert _refused(body | {"status": "awaiting_execution"}) == (
        "missing_field",
        f"/instructions/{index}/{field}",
    )
    assert _refused(_with({field: None}, index=index)) == ("missing_field", f"/instructions/{index}/{field}")


def test_other_instructions_need_no_fields_of_a_fill() -> None:
    """And may have them."""
    assert verdicts(folded(status("awaiting_execution"))) == ["applied"]
    assert verdicts(folded(_with({"status": "cancelled"}))) == ["applied"]
    assert verdicts(folded(_with({"price": None}, "awaiting_execution"))) == ["applied"]


@pytest.mark.parametrize(
    "field", ["underlying_currency", "side", "amount", "amount_type", "status", "status_reason"]
)
def test_every_documented_field_of_an_instruction_is_required(field: str) -> None:
    """The pointer says of which."""
    body = status("awaiting_execution")
    del body["instructions"][1][field]
    assert _refused(body) == ("missing_field", f"/instructions/1/{field}")


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"price": "1e5"}, "malformed_amount", "price"),
        ({"quantity": "1_000"}, "malformed_amount", "quantity"),
        ({"total_notional": "٣"}, "malformed_amount", "total_notional"),
        ({"amount": "NaN"}, "malformed_amount", "amount"),
        ({"amount": 5}, "wrong_type", "amount"),
        ({"price": 73471.612589025}, "wrong_type", "price"),
        ({"trade_ids": "x"}, "wrong_type", "trade_ids"),
        ({"trade_ids": ["x", 1]}, "wrong_type", "trade_ids/1"),
        ({"executed_at": "2026-05-29"}, "malformed_time", "executed_at"),
        ({"executed_at": "2026-02-30T00:00:00Z"}, "malformed_time", "executed_at"),
        ({"status": None}, "wrong_type", "status"),
    ],
)
def test_a_malformed_field_of_an_instruction_is_named(change: Body, error: str, field: str) -> None:
    """With the index of its instruction."""
    assert _refused(_with(change)) == (error, f"/instructions/1/{field}")


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"id": 1}, "wrong_type", "/id"),
        ({"id": ""}, "malformed_uuid", "/id"),
        (
            {"operation_id": "urn:uuid:663a258c-5e7c-456f-9759-73e02db8b5d9"},
            "malformed_uuid",
            "/operation_id",
        ),
        ({"trader_id": None}, "wrong_type", "/trader_id"),
        ({"trader_id": "nobody"}, "malformed_uuid", "/trader_id"),
        ({"account_label": None}, "wrong_type", "/account_label"),
        ({"instructions": None}, "wrong_type", "/instructions"),
        ({"instructions": {}}, "wrong_type", "/instructions"),
        ({"instructions": [[]]}, "wrong_type", "/instructions/0"),
        ({"created_at": 1780081003}, "wrong_type", "/created_at"),
        ({"updated_at": "2025-02-29T00:00:00Z"}, "malformed_time", "/updated_at"),
        ({"status": 1}, "wrong_type", "/status"),
        ({"status_reason": 0}, "wrong_type", "/status_reason"),
    ],
)
def test_a_malformed_field_is_named(change: Body, error: str, pointer: str) -> None:
    """A missing one as well: see the examples."""
    assert _refused(status("settled") | change) == (error, pointer)


@pytest.mark.parametrize(
    "empty", [{"trader_id": ""}, {"account_label": ""}, {"participant_code": ""}, {"instructions": []}]
)
def test_what_may_be_empty(empty: Body) -> None:
    """An execution may be rejected before its trader is known (003)."""
    assert verdicts(folded(status("rejected") | empty)) == ["applied"]
