"""When a scheduled version is told to be due, and what the command says then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from services.versions import AGGREGATE
from services.versions.clock import watch
from tests.libs.ledger.folding import Outcome, fold_input, records_of
from tests.services.versions.given import (
    HALF_PAST_TWO_MS,
    NEXT,
    PRICES,
    STRATEGY,
    VERSION,
    Body,
    drafted,
    execute,
    folded,
    registered,
)

_NOON = HALF_PAST_TWO_MS + 60_000
_HELD = registered({"GOOG": "50"}, "50")
_DRAFT = drafted({"NVDA": "10.0"}, at=60)


def _quotes(symbols: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    return {one: {"price": PRICES[one], "step": "0.1", "minimum": "5"} for one in symbols}


def _due(outcome: Outcome, now: int = _NOON, known: bool = True) -> Body | None:
    clock = watch(_quotes if known else lambda _: None)
    fields = outcome.store.entities[VERSION]
    assert clock.routing_key(VERSION, fields) == STRATEGY
    return clock.due(VERSION, fields, outcome.store.entities[f"strategy:{STRATEGY}"], now)


def test_a_version_is_due_at_its_time() -> None:
    """With the prices of what is wanted and of what is held, and the value that was registered."""
    scheduled = folded(_HELD, _DRAFT)
    assert _due(scheduled, _NOON - 1) is None
    told = _due(scheduled)
    assert told is not None
    assert (told["event"], told["strategy_id"]) == ("version.due", STRATEGY)
    assert told["data"]["prices"] == {"NVDA": "150", "GOOG": "170.25"}
    assert told["data"]["portfolio_value"] == "15000"
    values = [orjson.dumps(body) for body in (_HELD, _DRAFT, told)]
    outcome = fold_input(AGGREGATE, records_of(values))
    assert outcome.store.indexes.keys() == {"status:PENDING", f"strategy:{STRATEGY}"}


def test_only_scheduled_versions_are_watched() -> None:
    """The index of those that the scheduler looks at."""
    index = watch(_quotes).index
    assert f"{index[0]}:{index[1]}" in folded(_HELD, _DRAFT).store.indexes
    assert f"{index[0]}:{index[1]}" not in folded(_HELD, drafted({"NVDA": "1"})).store.indexes


def test_nothing_is_due_before_all_is_known_that_it_takes() -> None:
    """Prices, the portfolio's value, and that no other version is on its way."""
    assert _due(folded(_HELD, _DRAFT), known=False) is None
    assert _due(folded(_DRAFT)) is None
    busy = execute({"AAPL": "1"}, NEXT)
    assert _due(folded(_HELD, _DRAFT, busy)) is None
