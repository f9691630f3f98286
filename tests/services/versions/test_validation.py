"""What is refused before it is folded, and the field that is named."""

from __future__ import annotations

from typing import Any

import pytest

from libs.ledger.invalid import Invalid
from services.versions import AGGREGATE
from services.versions.events import identify
from tests.libs.ledger.folding import verdicts
from tests.services.versions.given import (
    STRATEGY,
    VERSION,
    Body,
    command,
    drafted,
    execute,
    folded,
    order,
    positions,
    registered,
)

_ONE = {"NVDA": "10.0"}


def _with(body: Body, **data: Any) -> Body:
    return {**body, "data": {**body["data"], **data}}


def _without(body: Body, name: str) -> Body:
    return {**body, "data": {key: value for key, value in body["data"].items() if key != name}}


@pytest.mark.parametrize(
    ("body", "error", "pointer"),
    [
        ({**execute(_ONE), "ts": "today"}, "malformed_time", "/ts"),
        ({**execute(_ONE), "ts": "2026-02-30T00:00:00Z"}, "malformed_time", "/ts"),
        ({**execute(_ONE), "id": ""}, "wrong_type", "/id"),
        (_without(execute(_ONE), "prices"), "missing_field", "/data/prices"),
        (_without(execute(_ONE), "idempotency_key"), "missing_field", "/data/idempotency_key"),
        (_with(execute(_ONE), portfolio_value=15000), "wrong_type", "/data/portfolio_value"),
        (_with(execute(_ONE), portfolio_value="-1"), "unexpected_value", "/data/portfolio_value"),
        (_with(execute(_ONE), prices={"NVDA": "1e3"}), "malformed_amount", "/data/prices/NVDA"),
        (_with(execute(_ONE), prices={"A/B": "0"}), "unexpected_value", "/data/prices/A~1B"),
        (
            _with(execute(_ONE), instruments={"NVDA": {"step": "0"}}),
            "unexpected_value",
            "/data/instruments/NVDA/step",
        ),
        (_with(execute(_ONE), positions=[{"symbol": "NVDA"}]), "missing_field", "/data/positions/0/weight"),
        (execute({"NVDA": "-1"}), "unexpected_value", "/data/positions/0/weight"),
        (execute({"NVDA": "60", "GOOG": "40.01"}), "weights_sum", "/data/positions"),
        (
            _with(execute(_ONE), positions=positions(_ONE) * 2),
            "unexpected_value",
            "/data/positions/1/symbol",
        ),
        (_with(execute(_ONE), idempotency_key="k" * 256), "wrong_type", "/data/idempotency_key"),
        (execute({"N" * 65: "1"}), "wrong_type", "/data/positions/0/symbol"),
        (drafted(_ONE, scheduled_for="soon"), "malformed_time", "/data/scheduled_for"),
        (drafted(_ONE, scheduled_for="2026-02-30T00:00:00Z"), "malformed_time", "/data/scheduled_for"),
        (registered({"NVDA": "60"}, "30"), "weights_sum", "/data/positions"),
        (registered({"NVDA": "60"}, "-40"), "unexpected_value", "/data/cash_weight"),
        (_with(order(0, 0, "SENT"), order_id="7"), "malformed_uuid", "/data/order_id"),
        (_with(order(0, 0, "SENT"), filled_quantity="-1"), "unexpected_value", "/data/filled_quantity"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(body: Body, error: str, pointer: str) -> None:
    """By the first thing that is wrong."""
    with pytest.raises(Invalid) as refused:
        AGGREGATE.validate(body)
    assert (refused.value.error, refused.value.pointer) == (error, pointer)
    assert verdicts(folded(body)) == ["quarantined"]


@pytest.mark.parametrize(
    "weights", [{"A": "33.33", "B": "33.33", "C": "33.33"}, {"A": "33.34", "B": "66.67"}]
)
def test_rounded_weights_are_accepted_of_what_is_held(weights: dict[str, str]) -> None:
    """Within a unit in the last place each."""
    AGGREGATE.validate(registered(weights, "0.00"))


@pytest.mark.parametrize(
    ("body", "error", "pointer"),
    [
        ({"event": "version.drafted"}, "missing_field", "/strategy_id"),
        ({"event": "version.drafted", "strategy_id": "7"}, "malformed_uuid", "/strategy_id"),
        ({"event": "version.drafted", "strategy_id": STRATEGY}, "missing_field", "/data"),
        ({"event": "version.drafted", "strategy_id": STRATEGY, "data": []}, "wrong_type", "/data"),
        (
            {"event": "version.due", "strategy_id": STRATEGY, "data": {}},
            "missing_field",
            "/data/version_id",
        ),
        (
            {"event": "version.due", "strategy_id": STRATEGY, "data": {"version_id": "7"}},
            "malformed_uuid",
            "/data/version_id",
        ),
    ],
)
def test_whose_a_command_is_must_be_readable(body: Body, error: str, pointer: str) -> None:
    """Strategy and version."""
    with pytest.raises(Invalid) as refused:
        identify(body, None)
    assert (refused.value.error, refused.value.pointer) == (error, pointer)


def test_ids_are_compared_in_lower_case() -> None:
    """As the bodies of other services are."""
    shouted = execute(_ONE, VERSION.upper())
    outcome = folded({**shouted, "strategy_id": STRATEGY.upper()}, order(0, 0, "FILLED", "10"))
    assert verdicts(outcome) == ["applied", "applied"]
    assert set(outcome.store.entities) == {VERSION, f"strategy:{STRATEGY}"}


def test_a_command_is_known_by_its_id_alone() -> None:
    """Worded otherwise it is the same, which was judged before."""
    first = drafted(_ONE)
    outcome = folded(first, {**drafted({"GOOG": "5"}), "id": first["id"]}, command("version.drafted", x=1))
    assert verdicts(outcome) == ["applied", "duplicate", "quarantined"]
