"""What the events of 004 do to a strategy, and what follows from them; each test is named for its rule."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.strategies import ACCOUNTS, AGGREGATE
from tests.libs.ledger.folding import Outcome, events, verdicts
from tests.services.strategies.given import (
    ACCOUNT,
    ID,
    Body,
    closed,
    fill,
    folded,
    folded_values,
    noise,
    opened,
    said,
    snapshot,
    state,
)


def _names(outcome: Outcome) -> list[str]:
    return [name for name, _ in events(outcome) if "gap" not in name]


def _fatal(seq: int, code: str = "AUTH") -> Body:
    return said("error", seq, code=code, message="refused", fatal=True)


def test_deployed_and_paused_are_its_status() -> None:
    """A change is told, a repetition is not."""
    outcome = folded(said("deployed", 1), said("deployed", 2), said("paused", 3))
    assert state(outcome)["status"] == "paused"
    changes = [
        (data["from"], data["to"]) for name, data in events(outcome) if name == "strategy.status_changed"
    ]
    assert changes == [(None, "deployed"), ("deployed", "paused")]
    assert outcome.store.indexes["status:paused"].keys() == {f"{ACCOUNT}:{ID}"}
    assert "status:deployed" not in outcome.store.indexes


def test_a_fatal_error_is_a_status_and_another_is_not() -> None:
    """With its code, until the strategy is deployed again."""
    outcome = folded(said("deployed", 1), noise(2))
    assert (state(outcome)["status"], state(outcome)["error"]) == ("deployed", None)
    assert _names(outcome) == ["strategy.status_changed", "strategy.error"]
    outcome = folded(said("deployed", 1), _fatal(2))
    assert (state(outcome)["status"], state(outcome)["error"]) == (
        "error",
        {"code": "AUTH", "message": "refused"},
    )
    assert _names(outcome)[1:] == ["strategy.error", "strategy.status_changed", "strategy.halted"]
    assert state(folded(said("deployed", 1), _fatal(2), said("deployed", 3)))["error"] is None


def test_a_status_that_was_overtaken_is_late() -> None:
    """By time and number together: a smaller number alone may mean that the counter began anew."""
    outcome = folded(said("paused", 5), said("deployed", 3), _fatal(4))
    assert verdicts(outcome) == ["applied", "late", "late"]
    assert (state(outcome)["status"], state(outcome)["error"]) == ("paused", None)
    assert state(folded(said("paused", 5), said("deployed", 1, second=99)))["status"] == "deployed"


def test_positions_open_and_close() -> None:
    """With the sender's own digits; a closed one adds its profit and stays closed."""
    outcome = folded(opened(1, "p"), opened(2, "q"))
    assert state(outcome)["positions"] == [opened(1, "p")["data"], opened(2, "q")["data"]]
    outcome = folded(opened(1, "p"), opened(2, "q"), closed(3, "p", "-1.50"), closed(4, "q", "9.83"))
    assert (state(outcome)["positions"], state(outcome)["realized_pnl"]) == ([], "8.33")
    assert _names(outcome) == ["strategy.position_opened"] * 2 + ["strategy.position_closed"] * 2
    outcome = folded(closed(3, "p"), opened(1, "p"))
    assert verdicts(outcome) == ["applied", "late"]
    assert state(outcome)["positions"] == []


def test_fills_are_cumulative_and_their_difference_is_told() -> None:
    """A smaller one is late; its fee was paid all the same."""
    outcome = folded(fill(1, "o", "0.25"), fill(2, "o", "0.75"), fill(3, "o", "1"))
    deltas = [data["delta_quantity"] for name, data in events(outcome) if name == "strategy.order_filled"]
    assert deltas == ["0.25", "0.50", "0.25"]
    assert state(outcome)["orders"] == []
    assert state(outcome)["fees"] == {"USDT": "0.3"}
    outcome = folded(fill(2, "o", "0.75"), fill(1, "o", "0.25"), fill(3, "o", "1"))
    assert verdicts(outcome) == ["applied", "late", "applied"]
    assert [data["delta_quantity"] for name, data in events(outcome) if "filled" in name] == ["0.75", "0.25"]
    assert state(outcome)["fees"] == {"USDT": "0.3"}


def test_fees_are_kept_by_currency() -> None:
    """No sum over several."""
    outcome = folded(fill(1, "a", "1", "0.1"), fill(2, "b", "1", "0.00002", fee_currency="BNB"))
    assert state(outcome)["fees"] == {"USDT": "0.1", "BNB": "0.00002"}


def test_an_order_is_open_until_it_is_filled_or_cancelled() -> None:
    """What was told of it last, but for the fee of a fill."""
    outcome = folded(said("order_placed", 1, order_id="o", limit=1.50), fill(2, "o", "0.5"))
    (order,) = state(outcome)["orders"]
    assert (order["order_id"], order["filled_quantity"], order["limit"]) == ("o", "0.5", 1.5)
    assert "fee" not in order
    outcome = folded(
        fill(2, "o", "0.5"), said("order_cancelled", 3, order_id="o"), said("order_placed", 1, order_id="o")
    )
    assert state(outcome)["orders"] == []
    assert verdicts(outcome) == ["applied", "applied", "late"]
    assert _names(outcome) == ["strategy.order_filled", "strategy.order_cancelled"]


def test_an_order_and_a_position_may_have_the_same_id() -> None:
    """One's end is not the other's."""
    outcome = folded(
        opened(1, "1"), closed(2, "1"), said("order_placed", 3, order_id="1"), fill(4, "1", "0.5")
    )
    assert verdicts(outcome) == ["applied"] * 4
    assert [order["filled_quantity"] for order in state(outcome)["orders"]] == ["0.5"]


@pytest.mark.parametrize("odd", [None, "", "abc", 1, 1.5, [], {"a": 1}, "1e5", "NaN", "0.2"])
def test_whatever_an_order_was_placed_with_it_can_be_filled(odd: object) -> None:
    """004 does not say what an order is placed with, so that anything may stand there."""
    placed = said("order_placed", 1, order_id="o", filled_quantity=odd)
    outcome = folded(placed, fill(2, "o", "0.5"), fill(3, "o", "1"))
    assert verdicts(outcome) == ["applied"] * 3
    deltas = [data["delta_quantity"] for name, data in events(outcome) if "filled" in name]
    assert deltas == (["0.3", "0.5"] if odd == "0.2" else ["0.5", "0.5"])
    reconciled = snapshot(1, orders=[{"order_id": "o", "filled_quantity": odd}])
    assert verdicts(folded(reconciled, fill(2, "o", "0.5"))) == ["applied"] * 2


def test_a_message_can_t_speak_in_our_name() -> None:
    """Fields of the event that are ours stay ours."""
    lies: Body = {"account": "other", "strategy_id": "other", "seq": 99, "delta_quantity": "7"}
    outcome = folded(fill(1, "o", "1", **{n: lies[n] for n in ("account", "delta_quantity")}))
    (data,) = (data for name, data in events(outcome) if "filled" in name)
    assert (data["account"], data["strategy_id"], data["seq"], data["delta_quantity"]) == (
        ACCOUNT,
        ID,
        1,
        "1",
    )
    body = said("order_placed", 1, order_id="o")
    body["data"] |= lies
    (data,) = (data for name, data in events(folded(body)) if "placed" in name)
    assert (data["account"], data["strategy_id"], data["seq"]) == (ACCOUNT, ID, 1)


def test_a_snapshot_stands_for_all_that_came_before_it() -> None:
    """What is older, by time and number, is in it: neither its fee nor its profit counts again."""
    held = {"position_id": "p", "entry_price": "1"}
    now = snapshot(10, positions=[held], realized_pnl="5.0", fees={"USDT": "0.9"}, status="paused")
    outcome = folded(said("deployed", 1), now, closed(9, "x"), fill(8, "o", "1"), opened(7, "y"))
    assert verdicts(outcome) == ["applied", "applied", "late", "late", "late"]
    told = state(outcome)
    assert (told["status"], told["positions"], told["orders"]) == ("paused", [held], [])
    assert (told["realized_pnl"], told["fees"]) == ("5.0", {"USDT": "0.9"})
    outcome = folded(now, closed(11, "p", "1"), fill(12, "o", "1"))
    assert (state(outcome)["realized_pnl"], state(outcome)["fees"]) == ("6.0", {"USDT": "1.0"})


def test_a_snapshot_that_was_overtaken_is_late() -> None:
    """Of two the newer stands."""
    outcome = folded(snapshot(10, status="paused"), snapshot(9, status="deployed"))
    assert verdicts(outcome) == ["applied", "late"]
    assert state(outcome)["status"] == "paused"


def test_an_unknown_event_is_kept_and_changes_nothing() -> None:
    """Only its number counts."""
    outcome = folded(said("liquidated", 7, anything=[1.50]))
    assert verdicts(outcome) == ["ignored"]
    assert (state(outcome)["status"], state(outcome)["sequence"]) == (None, 1)
    assert [name for name in outcome.store.indexes if name.startswith("status")] == []


def test_content_decides_what_is_a_duplicate() -> None:
    """Account, strategy, event, seq, ts and data; order of keys, white space and other fields aside."""
    body = opened(1, "p")
    shuffled = {name: body[name] for name in reversed(body)} | {"trace": 5}
    values = [orjson.dumps(body), orjson.dumps(shuffled, option=orjson.OPT_INDENT_2)]
    assert verdicts(folded_values(values)) == ["applied", "duplicate"]
    others: list[dict[str, Any]] = [
        {"seq": 2},
        {"ts": "2026-05-29T12:00:02Z"},
        {"strategy_id": "z"},
        {"data": closed(1, "p")["data"] | {"leverage": 1, "notional": "1"}},
    ]
    for change in others:
        assert verdicts(folded(body, body | change))[1] != "duplicate", change


def test_a_duplicate_is_known_for_a_thousand_facts() -> None:
    """Section 2: for strategies within the last 1,000 facts."""
    others = [noise(number) for number in range(2, 1001)]
    assert verdicts(folded(noise(1), *others, noise(1)))[-1] == "duplicate"
    again = folded(noise(1), *others, noise(1001), noise(1))
    assert verdicts(again)[-1] == "applied"
    assert orjson.loads(again.log[-1].value or b"")["sequence"] == 1002


def test_numbers_keep_the_senders_digits_wherever_they_are_shown() -> None:
    """In state and Redis, also once forgotten and loaded again."""
    value = orjson.dumps(opened(1, "p")).replace(
        b'"leverage":3', b'"leverage":3,"weight":1.50,"big":12345678901234567890123'
    )
    outcome = folded_values([value])
    shown = outcome.last_states()[f"{ACCOUNT}:{ID}".encode()] or b""
    fields = outcome.store.entities[f"{ACCOUNT}:{ID}"]
    assert b'"weight":1.50,"big":12345678901234567890123' in shown
    assert '"weight":1.50,"big":12345678901234567890123' in fields["positions"]
    again = AGGREGATE.render(AGGREGATE.restore(f"{ACCOUNT}:{ID}", fields))
    assert {name: fields[name] for name in again.fields} == again.fields


@pytest.mark.parametrize("hostile", ["null", "", "a:b", "ü 😀", '"', "\\", "0", "[]", "x" * 5_000])
def test_hostile_words_come_back_from_redis_as_they_went(hostile: str) -> None:
    """Of the strategy and of its account."""
    strategy_id = hostile or "s"
    bodies = [
        opened(1, hostile, strategy_id) | {"strategy_id": strategy_id},
        fill(3, hostile, "0.5", fee_currency=hostile, strategy_id=strategy_id),
        said("error", 5, strategy_id, code=hostile, message=hostile, fatal=True),
        snapshot(
            6,
            strategy_id=strategy_id,
            error={"code": hostile, "message": hostile, "n": 1.50},
            fees={hostile: "1"},
        ),
        closed(7, hostile, strategy_id=strategy_id),
        noise(1, strategy_id, second=99),
    ]
    outcome = folded(*bodies)
    for subject, fields in outcome.store.entities.items():
        part = AGGREGATE.part(subject)
        again = part.render(part.restore(subject, fields))
        assert {name: fields[name] for name in again.fields} == again.fields
    account_fields = outcome.store.entities[ACCOUNT]
    now = ACCOUNTS.restore(ACCOUNT, account_fields)
    assert ACCOUNTS.restore(ACCOUNT, ACCOUNTS.render(now).fields) == now
    assert now.resets == 1
