"""What is quarantined among operations: each with a reason whose pointer names the field at fault."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from libs.ledger.envelope import parse_log_record
from services.operations import AGGREGATE
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.operations.given import Body, execution, folded, state, status


def _refused(body: Body) -> tuple[str, str]:
    outcome = fold_input(AGGREGATE, records_of([orjson.dumps(body)]))
    logged = parse_log_record(outcome.log[0].value or b"")
    assert logged.verdict == "quarantined"
    why = orjson.loads(logged.data)
    assert why["detail"]
    headers = dict(outcome.dead[0].headers)
    assert {name: (headers[name] or b"").decode() for name in ("error", "detail", "pointer")} == why
    return why["error"], why["pointer"]


def _weights(*weights: Any) -> Body:
    return status(
        "pricing", allocations=[{"underlying_currency": "BTC", "weight": weight} for weight in weights]
    )


@pytest.mark.parametrize("field", list(execution(1, "settled")))
def test_an_outcome_lacks_nothing(field: str) -> None:
    """Without its event it is taken for a status change, and lacks what those have."""
    body = {name: value for name, value in execution(1, "settled").items() if name != field}
    assert _refused(body) == ("missing_field", "/request_id" if field == "event" else f"/{field}")


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"event": 5}, "wrong_type", "/event"),
        ({"event": ["execution.outcome"]}, "wrong_type", "/event"),
        ({"event": "new", "id": 1}, "wrong_type", "/id"),
        ({"event": "new", "updated_at": "soon"}, "malformed_time", "/updated_at"),
        ({"event": "new", "updated_at": "2026-02-30T00:00:00Z"}, "malformed_time", "/updated_at"),
    ],
)
def test_an_unknown_event_has_a_name_an_operation_and_a_time(change: Body, error: str, pointer: str) -> None:
    """Nothing else of it is judged."""
    assert _refused(status("pricing", allocations=[]) | change) == (error, pointer)


@pytest.mark.parametrize("field", list(status("pricing")))
@pytest.mark.parametrize("value", [1, True, {"a": 1}, None])
def test_a_mistyped_field_is_named(field: str, value: object) -> None:
    """Only a reason may be null."""
    if (field, value) == ("status_reason", None):
        return
    error, pointer = _refused(status("pricing") | {field: value})
    assert (error, pointer) == ("wrong_type", f"/{field}")


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"id": "663a258c"}, "malformed_uuid", "/id"),
        ({"request_id": "{663a258c-5e7c-456f-9759-73e02db8b5d9}"}, "malformed_uuid", "/request_id"),
        ({"strategy_id": ""}, "malformed_uuid", "/strategy_id"),
        ({"updated_at": "2026-02-30T00:00:00Z"}, "malformed_time", "/updated_at"),
        ({"created_at": "yesterday"}, "malformed_time", "/created_at"),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, "malformed_time", "/created_at"),
        ({"allocations": [1]}, "wrong_type", "/allocations/0"),
        ({"allocations": [{"weight": "1"}]}, "missing_field", "/allocations/0/underlying_currency"),
        ({"allocations": [{"underlying_currency": "BTC"}]}, "missing_field", "/allocations/0/weight"),
        (
            {"allocations": [{"underlying_currency": "BTC", "weight": 1}]},
            "wrong_type",
            "/allocations/0/weight",
        ),
        (
            {"allocations": [{"underlying_currency": "B", "weight": "1e0"}]},
            "malformed_amount",
            "/allocations/0/weight",
        ),
    ],
)
def test_a_malformed_field_is_named(change: Body, error: str, pointer: str) -> None:
    """However deep it lies."""
    assert _refused(status("pricing") | change) == (error, pointer)


@pytest.mark.parametrize(
    "weights",
    [
        (), ("0.5",), ("0.5", "0.4"), ("0.6", "0.5"), ("1", "0.000000000000000001", "0.5"), ("0.3", "0.3", "0.3"),
        ("0.33", "0.33", "0.29"), ("0.9", "0.9", "0.9"), ("1.1",), ("2", "-0.5"), ("0",), ("0.10", "0.86"),
        ("999999999999999999.000000000000000003", "-999999999999999998"),
    ],
)  # fmt: skip
def test_weights_that_do_not_sum_to_1_are_refused(weights: tuple[str, ...]) -> None:
    """The pointer names the array."""
    assert _refused(_weights(*weights)) == ("weights_sum", "/allocations")


@pytest.mark.parametrize(
    ("weights", "rounded"),
    [
        (("1",), False), (("0.5", "0.5"), False), (("1.000", "0.00"), False), (("0.1",) * 10, False),
        (("1.5", "-0.5"), False),
        (("0.33", "0.33", "0.33"), True), (("0.34", "0.34", "0.34"), True), (("0.333", "0.333", "0.333"), True),
        (("0.333333333333333333",) * 3, True), (("0.17",) * 6, True), (("0.3333", "0.3333", "0.3333"), True),
        (("0.33", "0.33", "0.31"), True), (("999999999999999999.000000000000000001", "-999999999999999998"), True),
    ],
)  # fmt: skip
def test_thirds_that_were_rounded_are_accepted_and_flagged(weights: tuple[str, ...], rounded: bool) -> None:
    """Off by at most one unit of the last place for each weight, of two places or more; summed without rounding."""
    outcome = folded(_weights(*weights))
    assert state(outcome)["weights_rounded"] is rounded
    assert [one["weight"] for one in state(outcome)["allocations"]] == list(weights)
    assert next(iter(outcome.store.entities.values()))["weights_rounded"] == str(int(rounded))
