"""A made-up broker's words: the same again, cumulative, to an end, from wherever an order stands."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from services.simulator.broker_book import Book
from services.simulator.broker_plan import (
    FAILED,
    FILLED,
    SENT,
    Order,
    Word,
    body,
    id_of,
    order_of,
    rest,
    words,
)
from services.simulator.version_commands import order_updated
from tests.libs.ledger.folding import Outcome, verdicts
from tests.services.versions.given import STRATEGY, execute, folded_values, registered, state

QUANTITIES = ("1", "10", "3.75", "0.000001", "15.0", "123456789.123456789")


def an_order(number: int, quantity: str = "10", **more: Any) -> Order:
    known = {"status": "PENDING", "value": Decimal("1500.00"), **more}
    return Order(str(uuid.UUID(int=number)), STRATEGY, Decimal(quantity), **known)


def some_orders() -> list[Order]:
    return [an_order(number, quantity) for number in range(400) for quantity in QUANTITIES]


def test_the_same_order_is_told_the_same_under_a_seed_and_another_under_another() -> None:
    assert [words(order, 1) for order in some_orders()] == [words(order, 1) for order in some_orders()]
    assert [words(order, 1) for order in some_orders()] != [words(order, 2) for order in some_orders()]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_fills_are_cumulative_and_end_at_the_whole_quantity_or_in_a_failure(quantity: str) -> None:
    for number in range(400):
        order = an_order(number, quantity)
        told = words(order, 3)
        ends = [at for at, word in enumerate(told) if word.ends]
        assert ends
        assert len({told[at].status for at in ends}) == 1
        highest = value = Decimal(0)
        for word in told:
            assert 0 <= word.quantity <= order.quantity
            if word.quantity > highest:
                assert word.value > value or word.value == 0
                highest, value = word.quantity, word.value
        if told[ends[0]].status == FILLED:
            assert told[ends[0]].quantity == order.quantity
            assert abs(value / order.value - 1) < Decimal("0.01")
        else:
            assert highest < order.quantity
            assert told[ends[0]].reason


def test_all_that_a_broker_may_do_is_done() -> None:
    told = [words(an_order(number, "12.50"), 1) for number in range(1_000)]
    pairs = [pair for one in told for pair in pairwise(one)]
    order = an_order(0)
    assert sum(any(word.status == FAILED for word in one) for one in told) in range(15, 60)
    assert any(len({word.quantity for word in one}) > 3 for one in told), "parts"
    assert any(one[0].status == FILLED for one in told), "never called sent"
    assert any(id_of(order, before) == id_of(order, after) for before, after in pairs), "doubled"
    assert any(after.quantity < before.quantity for before, after in pairs), "overtaken"


def told_of(order: Order, said: list[Word]) -> list[bytes]:
    return [
        order_updated(id_of(order, word), "2025-03-10T14:31:00Z", order.strategy_id, body(order, word))
        for word in said
    ]


EXECUTION = [
    json.dumps(one).encode()
    for one in (registered({"GOOG": "40"}, "60"), execute({"NVDA": "10.0", "GOOG": "12.5", "AAPL": "15"}))
]


def orders_of(outcome: Outcome) -> list[Order]:
    return [order_of({**one, "strategy_id": STRATEGY}) for one in state(outcome)["orders"]]


@pytest.mark.parametrize("number", range(60))
def test_every_order_ends_wherever_the_broker_is_killed_and_whatever_seed_it_has_then(number: int) -> None:
    rng = Random(number)
    values = list(EXECUTION)
    for seed in (number, number + 1_000, number + 2_000):
        outcome = folded_values(values)
        for order in orders_of(outcome):
            told = rest(words(order, seed), order) if order.status not in (FILLED, FAILED) else []
            values += told_of(order, told[: rng.randrange(len(told) + 1)] if seed < number + 2_000 else told)
    outcome = folded_values(values)
    assert state(outcome)["status"] in ("COMPLETE", "FAILED")
    for one in state(outcome)["orders"]:
        assert one["status"] in (FILLED, FAILED)
        assert one["filled_quantity"] == one["order_quantity"] or one["status"] == FAILED
    assert set(verdicts(outcome)) <= {"applied", "duplicate", "late"}


def test_a_word_under_another_seed_is_not_taken_for_one_that_was_told() -> None:
    order = an_order(1)
    assert id_of(order, Word(0, SENT, Decimal(3))) != id_of(order, Word(0, SENT, Decimal(4)))
    assert id_of(order, Word(0, SENT, Decimal("3.0"))) == id_of(order, Word(1, SENT, Decimal(3)))


def event(kind: str, number: int, status: str, filled: str | None = None) -> dict[str, Any]:
    data = {"id": f"o{number}", "strategy_id": STRATEGY, "order_quantity": "10", "order_value": "1500.00"}
    return {"type": f"stratafold.{kind}.v1", "data": {**data, "status": status, "filled_quantity": filled}}


def test_a_book_begins_anew_at_the_oldest_order_that_has_not_ended() -> None:
    book = Book()
    assert book.mark(5) == 5
    told = [
        event("order.created", 1, "PENDING"),
        event("order.created", 2, "IGNORED"),
        event("order.created", 3, "PENDING"),
        event("version.status_changed", 0, ""),
        event("order.updated", 3, "SENT", "4"),
        event("order.updated", 1, "FILLED", "10"),
    ]
    for offset, one in enumerate(told[:5]):
        book.take(10 + offset, one)
    assert [order.id for order in book.outstanding()] == ["o1", "o3"]
    assert book.mark(15) == 10
    book.take(15, told[5])
    assert (book.get("o1"), book.mark(16)) == (None, 12)
    again = Book()
    for offset, one in enumerate(told[2:]):
        again.take(12 + offset, one)
    assert again.outstanding() == book.outstanding()
    assert again.outstanding()[0].filled == 4


def test_events_that_stand_twice_change_nothing() -> None:
    told = [event("order.created", 1, "PENDING"), event("order.updated", 1, "FILLED", "10")]
    book = Book()
    for offset, one in enumerate([*told, *told]):
        book.take(offset, one)
    assert (book.outstanding(), book.mark(4)) == ([], 4)
