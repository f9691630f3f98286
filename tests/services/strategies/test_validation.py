"""What is quarantined among strategies' envelopes: each with a reason whose pointer names the field at fault."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from libs.ledger.envelope import parse_log_record
from libs.ledger.invalid import Invalid
from services.strategies import AGGREGATE
from tests.contracts.golden import MESSAGES, message
from tests.libs.ledger.folding import fold_input, records_of, verdicts
from tests.services.strategies.given import ACCOUNT, Body, noise, said, scope, snapshot

_EXAMPLES: dict[str, Body] = {
    name: orjson.loads(message("strategies", name)) for name in MESSAGES["strategies"]
}
_EXAMPLES["order_placed"] = said("order_placed", 1, order_id="o")
_EXAMPLES["order_cancelled"] = said("order_cancelled", 1, order_id="o")
_EXAMPLES["strategy.snapshot"] = snapshot(1)
_ENVELOPE = [(name, field) for name, body in _EXAMPLES.items() for field in body]
_DATA = [
    (name, field)
    for name, body in _EXAMPLES.items()
    for field in body["data"]
    if (name, field) != ("order_filled", "position_id")
]


def _refused(body: Body, key: bytes | None = ACCOUNT.encode()) -> tuple[str, str]:
    outcome = fold_input(AGGREGATE, records_of([orjson.dumps(body)], key))
    logged = parse_log_record(outcome.log[0].value or b"")
    assert logged.verdict == "quarantined", logged.data
    why = orjson.loads(logged.data)
    assert why["detail"]
    headers = dict(outcome.dead[0].headers)
    assert {name: (headers[name] or b"").decode() for name in ("error", "detail", "pointer")} == why
    assert outcome.store.entities == {}, "no account comes of what is refused"
    return why["error"], why["pointer"]


@pytest.mark.parametrize(("event", "field"), _ENVELOPE)
def test_the_envelope_lacks_nothing(event: str, field: str) -> None:
    """Each of its six fields is required, and typed."""
    body = _EXAMPLES[event]
    assert _refused({name: value for name, value in body.items() if name != field}) == (
        "missing_field",
        f"/{field}",
    )
    for wrong in (None, True, [1]):
        error, pointer = _refused(body | {field: wrong})
        assert (error, pointer) == ("unexpected_value" if field == "channel" else "wrong_type", f"/{field}")


@pytest.mark.parametrize(("event", "field"), _DATA)
def test_the_data_of_an_event_lacks_nothing_that_is_documented(event: str, field: str) -> None:
    """004's fields; those of orders placed and cancelled are not named there but for the id."""
    body = _EXAMPLES[event]
    data: dict[str, Any] = body["data"]
    lacking = {name: value for name, value in data.items() if name != field}
    assert _refused(body | {"data": lacking}) == ("missing_field", f"/data/{field}")
    wrongs: tuple[Any, ...] = (1.5, {"a": 1})
    for wrong in wrongs:
        if field == "fees" and wrong != 1.5:
            wrong = {"USDT": "much"}
            assert _refused(body | {"data": data | {field: wrong}}) == ("malformed_amount", "/data/fees/USDT")
            continue
        error, pointer = _refused(body | {"data": data | {field: wrong}})
        if (event, field, wrong) == ("strategy.snapshot", "error", {"a": 1}):
            assert (error, pointer) == ("missing_field", "/data/error/code")
        else:
            assert error in ("wrong_type", "unexpected_value")
            assert pointer == f"/data/{field}"


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"channel": "strategy.orders"}, "unexpected_value", "/channel"),
        ({"seq": -1}, "wrong_type", "/seq"),
        ({"seq": 1.0}, "wrong_type", "/seq"),
        ({"seq": 2**63}, "wrong_type", "/seq"),
        ({"seq": "12"}, "wrong_type", "/seq"),
        ({"ts": "2026-02-30T00:00:00.000Z"}, "malformed_time", "/ts"),
        ({"ts": "12:00"}, "malformed_time", "/ts"),
        ({"strategy_id": ""}, "unexpected_value", "/strategy_id"),
        ({"strategy_id": "*"}, "unexpected_value", "/strategy_id"),
        ({"strategy_id": "a:log"}, "unexpected_value", "/strategy_id"),
        ({"data": []}, "wrong_type", "/data"),
    ],
)
def test_a_malformed_envelope_is_named(change: dict[str, Any], error: str, pointer: str) -> None:
    """With the code of its kind."""
    assert _refused(noise(1) | change) == (error, pointer)


@pytest.mark.parametrize("amount", ["1e5", "", " 1", "01", "NaN", "1_000", "٣", "1" * 19, 5])
@pytest.mark.parametrize("field", ["price", "quantity", "filled_quantity", "fee"])
def test_a_malformed_amount_is_named(field: str, amount: object) -> None:
    """004 has decimal strings, never numbers."""
    body = _EXAMPLES["order_filled"]
    wanted = "malformed_amount" if isinstance(amount, str) else "wrong_type"
    assert _refused(body | {"data": body["data"] | {field: amount}}) == (wanted, f"/data/{field}")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"orders": [{}]}, "/data/orders/0/order_id"),
        ({"orders": [{"order_id": "a"}, {"order_id": 5}]}, "/data/orders/1/order_id"),
        ({"orders": ["a"]}, "/data/orders/0"),
        ({"positions": [{"symbol": "X"}]}, "/data/positions/0/position_id"),
        ({"positions": {}}, "/data/positions"),
        ({"status": "halted"}, "/data/status"),
        ({"realized_pnl": None}, "/data/realized_pnl"),
    ],
)
def test_a_snapshot_that_can_t_stand_for_a_strategy_is_refused(change: dict[str, Any], pointer: str) -> None:
    """What is open is known by its id."""
    assert _refused(snapshot(1, **change))[1] == pointer


def test_what_a_connector_says_is_validated_too() -> None:
    """Subscriptions are a list of ids."""
    body = scope(1, "*")
    assert _refused(body | {"data": {}}) == ("missing_field", "/data/subscriptions")
    assert _refused(body | {"data": {"subscriptions": ["*", 5]}}) == ("wrong_type", "/data/subscriptions/1")
    assert _refused({**body, "channel": "x"}) == ("unexpected_value", "/channel")


@pytest.mark.parametrize("key", [b"\xff", b"a:b", b":"])
def test_a_key_that_is_no_account_is_refused(key: bytes) -> None:
    """The colon stands between an account and a strategy."""
    assert _refused(noise(1), key) == ("malformed_key", "")


@pytest.mark.parametrize("key", [None, b""])
def test_without_a_key_the_account_is_default(key: bytes | None) -> None:
    """Section 1."""
    outcome = fold_input(AGGREGATE, records_of([orjson.dumps(noise(1))], key))
    assert verdicts(outcome) == ["applied"]
    assert outcome.log[0].key == b"default"
    assert outcome.store.entities.keys() == {"default", "default:strat_1"}


def test_a_reason_says_what_is_wanted() -> None:
    """As JSON has it: null and not None, an object and not a dictionary."""
    for change, wanted in (
        ({"data": None}, "data is not an object: null"),
        ({"seq": 1.5}, "seq is not an integer: 1.5"),
        ({"seq": -1}, "seq is not 0 or more: -1"),
        ({"seq": 2**63}, "seq is not 9223372036854775807 or less: 9223372036854775808"),
        ({"seq": True}, "seq is not an integer: true"),
    ):
        with pytest.raises(Invalid) as refused:
            AGGREGATE.validate({**noise(1), **change})
        assert refused.value.detail == wanted
