"""The stories: each agrees with itself, with the folds, and with the sources' rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executions.events import validate as validate_execution
from services.operations.events import validate as validate_operation
from services.operations.events import weights_rounded
from services.simulator.endings import HARD_REASONS, SOFT_REASONS
from services.simulator.market import INSTRUMENTS
from services.simulator.scenario import TYPES, Story, new_world, tell
from tests.services.simulator.folding import Folds

START = datetime(2026, 5, 29, 18, 56, 43, tzinfo=UTC)
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
SPACING = 3.0  # seconds between the beginnings of two stories, so that many are under way at once
STORIES = 1_500


def told(seed: int, count: int) -> Iterator[Story]:
    """So many stories of a world that begins empty."""
    world = new_world(Random(seed), START)
    return (tell(world, index * SPACING) for index in range(count))


@cache
def many() -> tuple[Story, ...]:
    """Enough stories that everything rare is among them."""
    return tuple(told(7, STORIES))


def documents(webhook: str) -> Iterator[dict[str, Any]]:
    """All documents of one webhook."""
    return (step.document for story in many() for step in story.steps if step.webhook == webhook)


def settled() -> Iterator[dict[str, Any]]:
    """All executions that were filled."""
    return (document for document in documents("executions") if document["status"] == "settled")


def test_every_body_is_valid() -> None:
    """The services' own validation takes all that a sound upstream says."""
    for document in documents("operations"):
        validate_operation(document)
    for document in documents("executions"):
        validate_execution(document)


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_same_seed_same_stories(seed: int, count: int) -> None:
    """A story depends on the seed and what was told before, on nothing else."""
    first, second = (list(told(seed, count)) for _ in range(2))
    assert first == second


@given(st.integers(0, 2**32))
def test_in_order_a_story_applies_whole(seed: int) -> None:
    """Told in order, every webhook is applied, and all ends without dispute or mismatch."""
    folds = Folds()
    for story in told(seed, 12):
        for step in story.steps:
            assert folds.take(step.webhook, orjson.dumps(step.document)) == "applied"
    assert_consistent(folds)


@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_in_any_order_with_repeats_the_end_is_the_same(seed: int, order: Random) -> None:
    """However the webhooks of consistent stories are shuffled and repeated, they end where they end in order."""
    bodies = [(step.webhook, orjson.dumps(step.document)) for story in told(seed, 6) for step in story.steps]
    in_order, disordered = Folds(), Folds()
    for webhook, body in bodies:
        in_order.take(webhook, body)
    shuffled = bodies + order.choices(bodies, k=len(bodies) // 4)
    order.shuffle(shuffled)
    for webhook, body in shuffled:
        disordered.take(webhook, body)
    assert_consistent(disordered)
    assert {key: one.state for key, one in disordered.executions.items()} == {
        key: one.state for key, one in in_order.executions.items()
    }
    assert {key: one.state for key, one in disordered.operations.items()} == {
        key: one.state for key, one in in_order.operations.items()
    }


def assert_consistent(folds: Folds) -> None:
    """Everything is final, nothing disputed, and operations agree with their executions."""
    for operation in folds.operations.values():
        assert not operation.disputed
        assert not operation.state.mismatched
        assert operation.state.status in ("settled", "skipped", "failed")
        assert "awaiting_execution" not in operation.state.executions.values()
    for execution in folds.executions.values():
        assert not execution.disputed
        assert execution.state.status in ("settled", "skipped", "rejected")


def test_every_status_and_reason_of_the_sources_appears() -> None:
    """000 and 003 list them; none may be missing from a demo."""
    operations = {(document["status"], document["status_reason"]) for document in documents("operations")}
    assert operations == {
        ("validating", ""),
        ("pricing", ""),
        ("settling", ""),
        ("settled", ""),
        ("settled", "partial_success"),
        ("skipped", "all_skipped"),
        ("failed", "all_rejected"),
        ("failed", "no_executions"),
    }
    executions = {(document["status"], document["status_reason"]) for document in documents("executions")}
    assert executions == {
        ("awaiting_execution", ""),
        ("settled", ""),
        ("skipped", ""),
        ("rejected", "participant_not_approved"),
        ("rejected", "participant_not_found"),
        ("rejected", "trader_already_enrolled"),
        ("rejected", "trader_not_enrolled"),
        ("rejected", "trader_not_found"),
        ("rejected", "insufficient_funds"),
        ("rejected", "below_instrument_minimum"),
    }
    assert {story.type for story in many()} == set(TYPES)
    assert max(len(story.steps) for story in many()) > 15
    sides = {
        (i["side"], i["amount_type"], i["status"])
        for document in documents("executions")
        for i in document["instructions"]
    }
    assert sides == {
        (*order, status)
        for order in (("buy", "notional"), ("sell", "notional"), ("sell", "quantity"))
        for status in ("pending", "executed", "skipped")
    }


def test_weights_come_exact_and_rounded() -> None:
    """Rounded thirds are in the population, beside weights that sum to 1."""
    assert {weights_rounded(document) for document in documents("operations")} == {True, False}


def test_a_soft_rejection_was_never_awaited() -> None:
    """003: a soft-rejected execution emits only ``rejected``, for a reason of its type of operation."""
    hard = 0
    for story in many():
        awaited = {step.entity for step in story.steps if step.document["status"] == "awaiting_execution"}
        for step in story.steps:
            if step.document["status"] == "rejected":
                assert step.document["instructions"] == []
                reason = step.document["status_reason"]
                assert reason in (HARD_REASONS if step.entity in awaited else SOFT_REASONS[story.type])
                hard += step.entity in awaited
    assert hard


def test_fill_fields_stand_only_where_executed() -> None:
    """003: post-fill fields appear only once an instruction is executed."""
    fill = {"price", "quantity", "total_notional", "trade_ids", "executed_at"}
    for document in documents("executions"):
        for instruction in document["instructions"]:
            assert fill & instruction.keys() == (fill if instruction["status"] == "executed" else set())
            expected = {"awaiting_execution": "pending", "settled": "executed", "skipped": "skipped"}
            assert instruction["status"] == expected[document["status"]]


def test_purchases_sum_to_what_was_put_in() -> None:
    """Money is conserved: the amounts of a buying execution sum to its funding, to the cent."""
    funding = {key: total for story in many() for key, total in story.funding.items()}
    bought = set()
    for document in documents("executions"):
        if document["id"] in funding and document["instructions"]:
            amounts = [Decimal(instruction["amount"]) for instruction in document["instructions"]]
            assert min(amounts) > 0
            assert sum(amounts) == funding[document["id"]]
            bought.add(document["id"])
    assert bought == funding.keys()


def test_fills_follow_from_amount_and_price() -> None:
    """A notional order keeps its notional and rounds the quantity, a quantity order rounds the notional to cents."""
    for document in settled():
        for i in document["instructions"]:
            price, quantity = Decimal(i["price"]), Decimal(i["quantity"])
            assert quantity > 0
            if i["amount_type"] == "notional":
                digits = INSTRUMENTS[i["underlying_currency"]].quantity_digits
                assert i["total_notional"] == i["amount"]
                exact = EXACT.divide(Decimal(i["amount"]), price)
                assert quantity == EXACT.quantize(exact, Decimal(1).scaleb(-digits))
            else:
                assert i["quantity"] == i["amount"]
                exact = EXACT.multiply(price, quantity)
                assert Decimal(i["total_notional"]) == EXACT.quantize(exact, Decimal("0.01"))


def test_nobody_sells_what_he_does_not_hold() -> None:
    """Per trader and asset, what was bought covers what is sold, at every moment."""
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    sold = 0
    ended = sorted((step for story in many() for step in story.steps), key=lambda step: step.at)
    for document in (step.document for step in ended):
        if document["status"] == "settled" and "instructions" in document:
            for i in document["instructions"]:
                key, quantity = (document["trader_id"], i["underlying_currency"]), Decimal(i["quantity"])
                held[key] = (EXACT.add if i["side"] == "buy" else EXACT.subtract)(held[key], quantity)
                sold += i["side"] == "sell"
                assert held[key] >= 0
    assert sold > 100


def test_a_trader_enrolls_once_and_before_all_else() -> None:
    """Trader and participant stay the same pair; top-ups and sales are of those who enrolled before."""
    enrolled: dict[tuple[str, str], str] = {}
    began = {step.entity: story.type for story in many() for step in story.steps}
    for document in settled():
        place = (document["strategy_id"], document["participant_code"])
        if began[document["operation_id"]] == "enrollment":
            assert place not in enrolled
            enrolled[place] = document["trader_id"]
        assert enrolled[place] == document["trader_id"]
        assert document["account_label"] == document["strategy_id"]
    assert len(set(enrolled.values())) == len(enrolled)
    codes = [code for _, code in enrolled]
    assert len(set(codes)) < len(codes), "some take part in several strategies"


def test_an_operation_ends_after_its_executions() -> None:
    """Time runs forward within a story, and an operation's last webhook is the story's last."""
    for story in many():
        last = story.steps[-1]
        assert last.webhook == "operations"
        assert last.terminal
        stamps: dict[str, str] = {}
        for step in story.steps:
            document = step.document
            assert document["created_at"] <= document["updated_at"] <= last.document["updated_at"]
            assert stamps.get(step.entity, "") <= document["updated_at"]
            stamps[step.entity] = document["updated_at"]


def test_prices_wander_and_stay_near_their_anchor() -> None:
    """A random walk that neither stands still nor runs away, in the digits of the instrument."""
    prices: dict[str, list[Decimal]] = defaultdict(list)
    for document in settled():
        for i in document["instructions"]:
            prices[i["underlying_currency"]].append(Decimal(i["price"]))
    assert prices.keys() == INSTRUMENTS.keys()
    for symbol, seen in prices.items():
        anchor = INSTRUMENTS[symbol].anchor
        assert len(set(seen)) > len(seen) // 2
        assert anchor / 2 < min(seen) < max(seen) < anchor * 2


@pytest.mark.parametrize("field", ["id", "request_id"])
def test_identifiers_are_never_used_twice(field: str) -> None:
    """Each operation has an id and a request of its own."""
    of_story = [story.steps[0].document[field] for story in many()]
    assert len(set(of_story)) == len(of_story)
