"""A version's life as 001 tells it: what each command does, what is refused and why, and what follows."""

from __future__ import annotations

from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

import pytest

from libs.ledger.times import rfc3339
from services.versions.strategy import KEYS
from tests.libs.ledger.folding import Outcome, events, verdicts
from tests.services.versions.given import (
    HALF_PAST_TWO_MS,
    NEXT,
    OTHER,
    STRATEGY,
    VERSION,
    Body,
    cancel,
    delete,
    drafted,
    due,
    execute,
    folded,
    order,
    orders,
    refusals,
    registered,
    state,
)

TARGETS = {"NVDA": "10.0", "GOOG": "12.5", "AAPL": "15.0"}
ONE = {"NVDA": "10.0"}


def _statuses(outcome: Outcome) -> list[tuple[str | None, str]]:
    return [(data["from"], data["to"]) for name, data in events(outcome) if name == "version.status_changed"]


def _names(outcome: Outcome) -> list[str]:
    return [name for name, _ in events(outcome)]


def test_the_answer_to_the_execution_of_001() -> None:
    """Its cash weights, its positions and NVDA's order to the letter, ids aside."""
    shown = state(folded(execute(TARGETS)))
    first, second, third = ({k: v for k, v in one.items() if k != "id"} for one in shown["positions"])
    assert first == {"symbol": "NVDA", "old_weight": "0", "weight": "10.0", "action": "ADD"}
    assert (second["symbol"], third["symbol"], third["action"]) == ("GOOG", "AAPL", "ADD")
    nvda = {k: v for k, v in shown["orders"][0].items() if k != "id"}
    assert nvda == {
        "date": "2025-03-10",
        "side": "BUY",
        "symbol": "NVDA",
        "status": "PENDING",
        "status_reason": None,
        "order_quantity": "10",
        "order_value": "1500.00",
        "filled_quantity": None,
        "filled_value": None,
        "filled_average_price": None,
        "inserted_at": "2025-03-10T14:30:00.000000Z",
        "updated_at": "2025-03-10T14:30:00.000000Z",
    }
    names = ("cash_weight", "old_cash_weight", "scheduled_for", "status", "executed_at", "inserted_at")
    at = "2025-03-10T14:30:00.000000Z"
    assert [shown[name] for name in names] == ["62.5", "100.0", None, "PENDING", at, at]


def test_what_is_held_decides_what_is_ordered() -> None:
    """ADD, CHANGE, REMOVE for what is left out, IGNORE for the same weight however it is written."""
    outcome = folded(
        registered({"GOOG": "20", "MSFT": "30.00", "AAPL": "40"}, "10"),
        execute({"NVDA": "10.0", "MSFT": "30", "GOOG": "12.5"}),
    )
    told = [
        (one["symbol"], one["old_weight"], one["weight"], one["action"])
        for one in state(outcome)["positions"]
    ]
    assert told == [
        ("NVDA", "0", "10.0", "ADD"),
        ("MSFT", "30.00", "30", "IGNORE"),
        ("GOOG", "20", "12.5", "CHANGE"),
        ("AAPL", "40", "0", "REMOVE"),
    ]
    assert orders(outcome) == [
        ("BUY", "NVDA", "10", "1500.00"),
        ("SELL", "GOOG", "6", "1125.00"),
        ("SELL", "AAPL", "30", "6000.00"),
    ]
    assert (state(outcome)["cash_weight"], state(outcome)["old_cash_weight"]) == ("47.5", "10.0")


def test_a_quantity_is_rounded_down_to_the_step_and_too_small_an_order_ignored() -> None:
    """With as many decimals as the step; the value is kept exact."""
    terms = {
        "NVDA": {"step": "0.010"},
        "GOOG": {"step": "1000", "minimum": "0"},
        "AAPL": {"minimum": "2250.01"},
    }
    shown = state(folded(execute({**TARGETS, "NVDA": "1.23456"}, instruments=terms)))["orders"]
    assert [
        (one["order_quantity"], one["order_value"], one["status"], one["status_reason"]) for one in shown
    ] == [
        ("1.230", "185.184", "PENDING", None),
        ("0", "1875.00", "IGNORED", "below_step"),
        ("11", "2250.00", "IGNORED", "below_minimum"),
    ]


def test_an_execution_without_anything_to_send_is_complete_at_once() -> None:
    """All orders ignored, or none; the next version may follow."""
    outcome = folded(execute(ONE, portfolio_value="10"), execute(ONE, NEXT), delete())
    assert state(outcome)["status"] == state(outcome, NEXT)["status"] == "COMPLETE"
    assert state(outcome, NEXT)["orders"] == []
    assert _statuses(outcome) == [(None, "PENDING"), ("PENDING", "COMPLETE")] * 2
    assert _names(outcome)[:5] == [
        "version.executed",
        "order.created",
        "version.status_changed",
        "version.status_changed",
        "version.completed",
    ]


def test_orders_lead_a_version_through_its_statuses() -> None:
    """CREATING_ORDERS once a broker has an order, IN_PROGRESS once one is sent, COMPLETE once all are filled."""
    outcome = folded(
        execute({"NVDA": "10", "GOOG": "10"}),
        order(0, 0, "PENDING"),
        order(0, 0, "SENT"),
        order(0, 0, "SENT", "4", filled_value="600.00", filled_average_price="150"),
        order(0, 0, "FILLED", "10", filled_value="1490.50", filled_average_price="149.05"),
        order(0, 1, "FILLED", "8"),
    )
    assert verdicts(outcome) == ["applied"] * 6
    assert _statuses(outcome) == [
        (None, "PENDING"),
        ("PENDING", "CREATING_ORDERS"),
        ("CREATING_ORDERS", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETE"),
    ]
    first, second = state(outcome)["orders"]
    assert (first["filled_quantity"], first["filled_value"], first["filled_average_price"]) == (
        "10",
        "1490.50",
        "149.05",
    )
    assert (second["filled_quantity"], second["filled_value"]) == ("8", None)
    assert _names(outcome)[-1] == "version.completed"


def test_an_order_that_is_filled_without_having_been_sent_passes_all_statuses_at_once() -> None:
    """SENT may be skipped; each step is told."""
    outcome = folded(execute(ONE), order(0, 0, "FILLED", "10"))
    assert [to for _, to in _statuses(outcome)] == ["PENDING", "CREATING_ORDERS", "IN_PROGRESS", "COMPLETE"]


def test_one_failed_order_fails_the_version_once_all_have_ended() -> None:
    """And a version that failed was executed all the same."""
    outcome = folded(
        execute({"NVDA": "10", "GOOG": "10"}),
        order(0, 0, "FAILED", status_reason="no_funds"),
        order(0, 1, "SENT"),
        order(0, 1, "FILLED", "8"),
        execute({"NVDA": "10"}, NEXT),
    )
    assert state(outcome)["status"] == "FAILED"
    failed = next(data for name, data in events(outcome) if name == "version.failed")
    assert failed["orders"] == {"filled": 1, "ignored": 0, "failed": 1}
    assert orders(outcome, NEXT) == [("SELL", "GOOG", "8", "1500.00")]


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (order(0, 0, "SENT", "3"), "late"),
        (order(0, 0, "SENT", "4"), "late"),
        (order(0, 0, "PENDING", "9"), "late"),
        (order(0, 0, "FILLED", "3"), "late"),
        (order(0, 0, "LOST"), "ignored"),
        (order(0, 0, "IGNORED"), "ignored"),
        (order(0, 0, "SENT", "5"), "applied"),
        (order(0, 0, "FAILED"), "applied"),
    ],
)
def test_fills_are_cumulative(told: Body, verdict: str) -> None:
    """What is less than was known, or no more, is late."""
    outcome = folded(execute(ONE), order(0, 0, "SENT", "4"), told)
    assert verdicts(outcome)[-1] == verdict
    kept = "5" if told["data"]["filled_quantity"] == "5" else "4"
    assert state(outcome)["orders"][0]["filled_quantity"] == kept


def test_the_value_that_was_filled_grows_as_the_quantity_does() -> None:
    """A smaller one is late, whatever else is told; the average may go either way."""
    first = order(0, 0, "SENT", "4", filled_value="600", filled_average_price="150")
    less = order(0, 0, "SENT", "5", filled_value="60", filled_average_price="12")
    more = order(0, 0, "SENT", "5", filled_value="740", filled_average_price="148")
    outcome = folded(execute(ONE), first, less, more, order(0, 0, "FILLED", filled_value="3"))
    assert verdicts(outcome)[1:] == ["applied", "late", "applied", "late"]
    shown = state(outcome)["orders"][0]
    assert [
        shown[name] for name in ("status", "filled_quantity", "filled_value", "filled_average_price")
    ] == [
        "SENT",
        "5",
        "740",
        "148",
    ]


@pytest.mark.parametrize("cash", ["0", "0.00"])
@pytest.mark.parametrize("weight", ["33.33", "33.34"])
def test_what_a_rounded_baseline_leaves_is_cash(weight: str, cash: str) -> None:
    """Also where that is less than nothing: what is sold is what cash gains."""
    outcome = folded(registered({"NVDA": weight, "GOOG": weight, "AAPL": weight}, cash), execute({}))
    shown = state(outcome)
    sold = sum(Decimal(one["order_value"]) for one in shown["orders"])
    gained = Decimal(shown["cash_weight"]) - Decimal(shown["old_cash_weight"])
    assert sold * 100 == gained * 15_000


def test_a_key_is_never_forgotten_within_its_day() -> None:
    """Where a strategy has as many as are remembered, one more request is refused, and none is executed twice."""
    kept = [execute({"XXXX": "1"}, str(uuid5(NAMESPACE_OID, str(n))), key=f"k{n}") for n in range(KEYS - 1)]
    first, third = execute(ONE, key="once"), execute(ONE, OTHER, key="once")
    outcome = folded(first, *kept, execute(ONE, NEXT, key="more"), order(0, 0, "FILLED", "10"), third)
    assert refusals(outcome, NEXT) == ["too-many-keys"]
    assert refusals(outcome, OTHER) == ["idempotency-key-repeated"]


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (order(0, 0, "SENT", "10"), "late"),
        (order(0, 0, "FILLED", "10"), "late"),
        (order(0, 0, "FILLED", "11"), "conflict"),
        (order(0, 0, "FAILED"), "conflict"),
    ],
)
def test_an_order_that_ended_stays_as_it_ended(told: Body, verdict: str) -> None:
    """What is merely old is late; what contradicts disputes the version."""
    outcome = folded(execute(ONE), order(0, 0, "FILLED", "10"), told)
    assert verdicts(outcome)[-1] == verdict
    assert state(outcome)["disputed"] is (verdict == "conflict")
    assert state(outcome)["status"] == "COMPLETE"


def test_an_order_that_nobody_made_is_quarantined() -> None:
    """It has no version to be told of; another strategy's order is none of this one's."""
    outcome = folded(execute(ONE), order(7, 0, "SENT"), {**order(0, 0, "SENT"), "strategy_id": OTHER})
    assert verdicts(outcome) == ["applied", "quarantined", "quarantined"]
    headers = dict(outcome.dead[0].headers)
    assert (headers["error"], headers["pointer"]) == (b"unknown_order", b"/data/order_id")


def test_only_one_version_of_a_strategy_is_executed_at_a_time() -> None:
    """The second is refused, as is the same one again; once the first is through there is room."""
    outcome = folded(
        execute(ONE), execute(ONE, NEXT), execute(ONE), order(0, 0, "FILLED", "10"), execute({}, NEXT)
    )
    assert verdicts(outcome) == ["applied", "ignored", "ignored", "applied", "applied"]
    assert refusals(outcome) == refusals(outcome, NEXT) == ["already-executed"]
    assert orders(outcome, NEXT) == [("SELL", "NVDA", "10", "1500.00")]


def test_strategies_do_not_wait_for_each_other() -> None:
    """Though they share a partition."""
    outcome = folded(execute(ONE), {**execute(ONE, NEXT), "strategy_id": OTHER})
    assert verdicts(outcome) == ["applied", "applied"]


def test_a_version_of_another_strategy_is_a_conflict() -> None:
    """The first fact says whose a version is."""
    outcome = folded(execute(ONE), {**delete(), "strategy_id": OTHER}, {**execute(ONE), "strategy_id": OTHER})
    assert verdicts(outcome) == ["applied", "conflict", "conflict"]
    assert state(outcome)["strategy_id"] == STRATEGY


def test_unknown_symbols_are_named_and_nothing_is_there_then() -> None:
    """A version that is known only as refused is in no index and has no time of its own."""
    outcome = folded(execute({"NVDA": "1", "XXX": "2", "YYY": "3"}))
    (name, data) = events(outcome)[0]
    assert (name, data["code"], data["unknown_symbols"]) == (
        "version.refused",
        "unknown-symbols",
        ["XXX", "YYY"],
    )
    shown = state(outcome)
    assert (shown["inserted_at"], shown["status"], shown["strategy_id"]) == (None, None, STRATEGY)
    assert outcome.store.indexes == {}


def test_a_price_of_what_is_held_must_be_there_too() -> None:
    """An API that saw an older portfolio sends it again: its key is not used up."""
    old = execute(ONE, key="k", prices={"NVDA": "150"})
    outcome = folded(registered({"GOOG": "90"}, "10"), old, execute(ONE, NEXT, key="k"))
    assert refusals(outcome) == ["missing-prices"]
    assert verdicts(outcome)[-1] == "applied"


def test_another_organization_has_no_such_strategy() -> None:
    """Whatever it asks for."""
    other: Body = {"organization_id": "org_2"}
    outcome = folded(
        registered({}, "100"),
        execute(ONE, **other),
        drafted(ONE, **other),
        delete(**other),
        cancel(**other),
        registered({}, "100", organization_id="org_2"),
    )
    assert verdicts(outcome) == ["applied", "ignored", "ignored", "ignored", "ignored", "conflict"]
    assert refusals(outcome) == ["not-found"] * 4


def test_a_registration_counts_until_a_version_was_executed() -> None:
    """Later ones change the portfolio's value only."""
    outcome = folded(
        registered({"GOOG": "90"}, "10"), registered({"AAPL": "90"}, "10", "777"), execute({"GOOG": "90"})
    )
    assert state(outcome)["orders"] == []
    strategy = outcome.store.entities[f"strategy:{STRATEGY}"]
    assert (strategy["portfolio_value"], strategy["executed"]) == ("777", VERSION)


def test_a_key_gets_its_first_answer_again() -> None:
    """Another request under it is refused."""
    outcome = folded(
        execute(ONE, key="k"),
        execute(ONE, NEXT, key="k"),
        execute({"GOOG": "1"}, NEXT, key="k"),
        execute(ONE, NEXT, key="other"),
        execute(ONE, NEXT.replace("1", "2"), key="other"),
    )
    assert refusals(outcome, NEXT) == [
        "idempotency-key-repeated",
        "idempotency-key-reused",
        "already-executed",
    ]
    told = [data["version_id"] for name, data in events(outcome) if name == "version.refused"]
    assert told == [VERSION, VERSION, VERSION, NEXT], "the version whose answer it is, and the one in flight"


def test_a_key_is_an_organization_s_own() -> None:
    """Of a strategy that nobody registered several may ask."""
    outcome = folded(execute(ONE, key="k"), execute({"GOOG": "1"}, NEXT, key="k", organization_id="org_2"))
    assert refusals(outcome, NEXT) == ["already-executed"]


def test_a_draft_is_executed_later() -> None:
    """Against what is held by then; its positions keep their ids, itself its time."""
    outcome = folded(drafted(ONE), execute({"GOOG": "10"}, NEXT, second=1), order(1, 0, "FILLED", "8"))
    draft = state(outcome)
    assert (draft["status"], draft["executed_at"], draft["old_cash_weight"]) == (None, None, "100.0")
    outcome = folded(
        drafted(ONE), execute({"GOOG": "10"}, NEXT), order(1, 0, "FILLED", "8"), execute(ONE, second=5)
    )
    shown = state(outcome)
    assert shown["positions"][0]["id"] == draft["positions"][0]["id"]
    assert [one["action"] for one in shown["positions"]] == ["ADD", "REMOVE"]
    assert (shown["inserted_at"][-10:], shown["executed_at"][-10:]) == ("00.000000Z", "05.000000Z")
    assert shown["old_cash_weight"] == "90.0"


def test_a_scheduled_version_is_executed_once_when_it_is_due() -> None:
    """A tick before its time, of other positions, or after all, is late."""
    outcome = folded(
        drafted(ONE, at=60),
        due(ONE, second=59),
        due({"NVDA": "11"}, second=61),
        due(ONE, second=61),
        due(ONE, second=62),
    )
    assert verdicts(outcome) == ["applied", "late", "late", "applied", "late"]
    assert _names(outcome)[:3] == ["version.drafted", "version.scheduled", "version.status_changed"]
    assert _statuses(outcome) == [(None, "SCHEDULED"), ("SCHEDULED", "PENDING")]
    assert state(outcome)["scheduled_for"] == f"{rfc3339(HALF_PAST_TWO_MS + 60_000)[:-1]}000Z"


def test_a_due_version_waits_for_the_one_before_it() -> None:
    """It stays scheduled, no refusal is told, and it follows then."""
    outcome = folded(
        execute(ONE, NEXT),
        drafted(ONE, at=0),
        due(ONE, second=1),
        due(ONE, second=61),
        order(0, 0, "FILLED", "10"),
        due(ONE, second=121),
    )
    assert verdicts(outcome)[2:] == ["late", "late", "applied", "applied"]
    assert "version.refused" not in _names(outcome)
    assert (state(outcome)["status"], state(outcome)["orders"]) == ("COMPLETE", [])


def test_a_version_is_cancelled_as_long_as_nothing_was_sent() -> None:
    """Its orders are ignored, what was held before is held again, and the next one may follow."""
    outcome = folded(
        registered({"GOOG": "90"}, "10"),
        execute({"NVDA": "10", "GOOG": "90"}),
        order(1, 0, "PENDING"),
        cancel(),
        cancel(),
        order(1, 0, "SENT"),
        execute({"GOOG": "80"}, NEXT),
    )
    assert verdicts(outcome) == ["applied"] * 4 + ["late", "conflict", "applied"]
    shown = state(outcome)
    assert shown["status"] == "CANCELLED"
    assert [(one["status"], one["status_reason"]) for one in shown["orders"]] == [("IGNORED", "cancelled")]
    assert orders(outcome, NEXT) == [("SELL", "GOOG", "8", "1500.00")]
    assert "version.cancelled" in _names(outcome)


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ([], "not-found"),
        ([drafted(ONE)], "nothing-to-cancel"),
        ([execute(ONE), order(0, 0, "SENT")], "already-executed"),
        ([execute(ONE), order(0, 0, "FILLED", "10")], "already-executed"),
        ([drafted(ONE), delete()], None),
    ],
)
def test_what_can_not_be_cancelled(before: list[Body], code: str | None) -> None:
    """And why."""
    outcome = folded(*before, cancel())
    assert verdicts(outcome)[-1] == "ignored"
    refused = [data["code"] for name, data in events(outcome) if name == "version.refused"]
    assert refused == [code or "not-found"]


def test_what_was_executed_can_not_be_deleted() -> None:
    """Nor what is executed and cancelled; what was only scheduled can."""
    outcome = folded(
        execute(ONE), delete(), cancel(), delete(), drafted(ONE, NEXT, 60), cancel(NEXT), delete(NEXT)
    )
    assert verdicts(outcome) == ["applied", "ignored", "applied", "ignored", "applied", "applied", "applied"]
    assert refusals(outcome) == ["already-executed"] * 2
    assert _names(outcome)[-1] == "version.deleted"


def test_what_was_deleted_stays_deleted() -> None:
    """A repeated draft is a duplicate, a new one of that id is refused; its sequences go on."""
    draft = drafted(ONE)
    late = [due(ONE), due(ONE)]
    outcome = folded(draft, delete(), draft, drafted(ONE), delete(), execute(ONE), cancel(), *late)
    assert verdicts(outcome) == ["applied", "applied", "duplicate"] + ["ignored"] * 6
    codes = [data["code"] for name, data in events(outcome) if name == "version.refused"]
    assert codes == ["deleted", "not-found", "not-found", "not-found", "not-found"], "a tick is refused once"
    assert VERSION not in outcome.store.entities
    assert outcome.last_states()[VERSION.encode()] is None
    assert outcome.store.deleted[VERSION]["sequence"] == "8"


def test_an_unknown_event_is_kept_with_the_strategy() -> None:
    """It changes nothing."""
    outcome = folded(execute(ONE) | {"event": "strategy.renamed"})
    assert verdicts(outcome) == ["ignored"]
    assert outcome.states == []
