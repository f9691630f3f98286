"""A derived event in a few words: every event of the kept ones, on one line, with what a person asks first."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts.derived import EVENTS
from libs.views.summaries import contradiction, summary
from tests.contracts.golden import KEYS, outcomes
from tests.libs.ledger.folding import events

_TOLD = [one for service, outcome in outcomes().items() if service in KEYS for one in events(outcome)]
_ASKED = {
    "agent.snapshot": "equity 10250.75, drawdown 1.2 %, SCANNING",
    "agent.traded": "buy BNB/USDT for 150.00 at 612.45",
    "agent.status_changed": "RUNNING → PAUSED",
    "agent.demoted": "to paper by max_drawdown (max), locked until 2026-05-30 18:59:59 UTC",
    "strategy.position_opened": "long 0.0150 BTCUSDT at 67234.50",
    "strategy.position_closed": "BTCUSDT, exit_rule, profit 9.83",
    "strategy.order_filled": "buy 0.0150 BTCUSDT at 67234.50, 0.0150 of 0.0150",
    "strategy.error": "EXCHANGE_AUTH_FAILED: Exchange API key rejected by Binance",
}


@pytest.mark.parametrize(("name", "data"), _TOLD, ids=[name for name, _ in _TOLD])
def test_an_event_is_told_on_one_line(name: str, data: dict[str, Any]) -> None:
    """Nothing in it is unknown."""
    said = summary(name, data)
    assert said
    assert "\n" not in said
    assert "None" not in said.replace("None → error", "")
    assert said == _ASKED.get(name, said)


def test_a_block_says_who_and_why() -> None:
    """A quote has a code where the others have a rule."""
    blocks = [summary(name, data) for name, data in _TOLD if name == "agent.blocked"]
    assert [one.partition(":")[0] for one in blocks] == [
        "by policy, daily_drawdown",
        "by signer, per_trade_cap",
        "by quote, QUOTE_DIVERGENCE",
    ]


def test_a_version_is_told_by_what_it_does_and_its_orders_by_how_far_they_are() -> None:
    """With the cash before and after, and what came of all orders."""
    positions = [{"symbol": "NVDA", "action": "ADD"}, {"symbol": "GOOG", "action": "CHANGE"}]
    positions.append({"symbol": "AAPL", "action": "ADD"})
    executed = {"positions": positions, "old_cash_weight": "100.0", "cash_weight": "62.5"}
    assert summary("version.executed", executed) == "2 add, 1 change, cash 100.0 → 62.5"
    assert summary("version.executed", {**executed, "positions": []}).startswith("no positions")
    assert summary("version.status_changed", {"from": None, "to": "SCHEDULED"}) == "draft → SCHEDULED"
    orders = {"filled": 3, "ignored": 0, "failed": 1}
    assert summary("version.failed", {"orders": orders}) == "3 filled, 1 failed"
    assert summary("version.completed", {"orders": {"filled": 0}}) == "no orders"
    order: dict[str, Any] = {
        "side": "BUY",
        "symbol": "NVDA",
        "order_quantity": "10",
        "order_value": "1500.00",
    }
    order |= {"status": "PENDING", "status_reason": None, "filled_quantity": None}
    assert summary("order.created", order) == "BUY 10 NVDA for 1500.00"
    assert summary("order.updated", {**order, "status": "SENT"}) == "SENT, 0 of 10 NVDA"
    failed = {**order, "status": "FAILED", "status_reason": "trading_halted", "filled_quantity": "4"}
    assert summary("order.updated", failed) == "FAILED (trading_halted), 4 of 10 NVDA"
    refused = {"code": "already-executed", "detail": "another version is being executed"}
    assert summary("version.refused", refused) == "already-executed: another version is being executed"


def test_gaps_and_silence_are_told() -> None:
    """With their bounds."""
    assert summary("strategy.gap_opened", {"account": "a", "from": 2, "to": 4}) == "missing 2 to 4"
    assert summary("strategy.gap_closed", {"from": 2, "to": 4, "by": "arrival"}) == "2 to 4 by arrival"
    assert summary("agent.quiet", {"silent_ms": 2_400_000}) == "no snapshot for 2400.0 s"


def test_a_version_is_told_without_the_ids_that_its_line_has_anyway() -> None:
    ids = {"version_id": "v", "strategy_id": "s"}
    scheduled = {**ids, "scheduled_for": "2026-11-22T01:25:16.985000Z"}
    assert summary("version.scheduled", scheduled) == "to be executed at 2026-11-22 01:25:16 UTC"
    assert summary("version.deleted", ids) == "before it was executed"
    assert summary("version.cancelled", ids) == "before an order was sent"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_of_the_contract_has_words_of_its_own(name: str) -> None:
    """Not a list of its fields, as one that nobody knows has."""
    assert summary("nobody.knows", {"strategy_id": "s"}) == "strategy_id s"
    assert summary(name, {"strategy_id": "s"}) != "strategy_id s"


@pytest.mark.parametrize(
    ("fraction", "percent"),
    [
        ("0.0048", "0.48 %"),
        ("0.9", "90 %"),
        ("0", "0 %"),
        ("0.00001", "0 %"),
        ("1.23456", "123.46 %"),
        ("-0.5", "-50 %"),
        ("1e9", "1e9"),
        ("x", "x"),
    ],
)
def test_fractions_are_told_in_percent(fraction: str, percent: str) -> None:
    """And what is none as it came."""
    said = summary("agent.snapshot", {"equity": "1", "drawdown": fraction, "phase": "LIVE"})
    assert said == f"equity 1, drawdown {percent}, LIVE"
    crossed = {"threshold": "0.8", "daily_drawdown_used": fraction}
    assert summary("agent.drawdown_crossed", crossed) == (
        f"over 80 % of the daily budget for losses: {percent} used"
    )


def test_a_dispute_says_in_what_they_differ_where_the_status_is_the_same() -> None:
    settled = {"status": "settled", "status_reason": ""}
    dispute: dict[str, Any] = {"stands": settled, "claimed": settled}
    same = "stands: settled; claimed: settled"
    assert summary("execution.disputed", dispute) == same  # as it was told before there was more to tell
    one = {**dispute, "differs": ["/instructions/0/price"]}
    assert summary("execution.disputed", one) == f"{same}; they differ in instructions/0/price"
    many = {**dispute, "differs": [f"/{name}" for name in "abcdef"]}
    assert summary("operation.disputed", many) == f"{same}; they differ in a, b, c, d and 2 more"


def test_an_outcome_is_held_against_what_its_execution_told_before() -> None:
    """Not against the operation's status, which may well be the same."""
    claimed = {"execution_id": "5ccbde67-d034", "status": "rejected"}
    stands = {"status": "skipped", "status_reason": ""}
    dispute = {"stands": stands, "claimed": claimed, "execution_status": "settled", "differs": ["/status"]}
    said = "execution 5ccbde67 stands: settled; claimed: rejected; they differ in status"
    assert summary("operation.disputed", dispute) == said


def test_of_a_contradicting_fact_what_it_tells_is_listed_not_its_envelope() -> None:
    told = {"order_id": "o", "status": "FILLED", "filled_quantity": None}
    fact = {"event": "order.updated", "id": "i", "ts": "t", "strategy_id": "s", "data": told}
    assert contradiction(fact) == "order.updated: order_id o, status FILLED"
    assert contradiction({"status": "FILLED"}) == "status FILLED"
