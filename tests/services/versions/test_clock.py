"""When a scheduled version is told to be due, and what the command says then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from services.versions import AGGREGATE
from services.versions.clock import watch
from tests.libs.ledger.folding import Outcome, fold_input, records_of, verdicts
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
    refusals,
    registered,
)

_NOON = HALF_PAST_TWO_MS + 60_000
_HELD = registered({"GOOG": "50"}, "50")
_DRAFT = drafted({"NVDA": "10.0"}, at=60)


def _quotes(symbols: Iterable[str], prices: Mapping[str, str] = PRICES) -> Mapping[str, Mapping[str, str]]:
    return {one: {"price": prices[one], "step": "0.1", "minimum": "5"} for one in symbols if one in prices}


def _due(
    outcome: Outcome, now: int = _NOON, known: bool = True, prices: Mapping[str, str] = PRICES
) -> Body | None:
    clock = watch((lambda symbols: _quotes(symbols, prices)) if known else lambda _: None)
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


def test_a_version_without_a_price_is_refused_once_and_waits_for_the_price() -> None:
    """Else each tick would leave a record for as long as there is none; a draft with another symbol is told of anew."""
    unknown = drafted({"TSLA": "10.0"}, at=60)
    scheduled = folded(_HELD, unknown)
    told = _due(scheduled)
    assert told is not None
    assert "TSLA" not in told["data"]["prices"]
    refused = folded(_HELD, unknown, told)
    assert _due(refused) is None
    assert _due(folded(_HELD, unknown, told, drafted({"META": "10.0"}, at=60))) is not None
    again = _due(refused, prices={**PRICES, "TSLA": "180"})
    assert again is not None
    assert again["data"]["prices"]["TSLA"] == "180"


def test_a_version_whose_prices_are_too_many_for_a_command_is_refused_once() -> None:
    """What is wanted alone fits; with the prices of what is held besides there are more than 2,000 keys."""
    wanted, held = ({f"{name}{n}": "0.1" for n in range(550)} for name in "AB")
    prices = {**dict.fromkeys(wanted, "1"), **dict.fromkeys(held, "1")}
    scheduled = folded(registered(held, "45"), drafted(wanted, at=60))
    told = _due(scheduled, prices=prices)
    assert told is not None
    refused = folded(registered(held, "45"), drafted(wanted, at=60), told)
    assert verdicts(refused)[-1] == "ignored"
    assert refusals(refused) == ["too-large"]
    assert _due(refused, prices=prices) is None
