"""What is measured is what the fold takes: every execution makes all of its orders."""

from __future__ import annotations

import orjson
import pytest

from libs.ledger.records import InputRecord
from services.versions import AGGREGATE
from tests.bench import portfolios
from tests.libs.ledger.folding import EPOCH_MS, fold_input, verdicts


@pytest.mark.parametrize("positions", portfolios.POSITIONS)
def test_each_execution_is_of_a_strategy_of_its_own_and_orders_everything(positions: int) -> None:
    values = [*portfolios.registrations(3), *portfolios.executions(3, positions)]
    records = [InputRecord(at, EPOCH_MS, portfolios.key_of(value), value) for at, value in enumerate(values)]
    outcome = fold_input(AGGREGATE, records)
    assert verdicts(outcome) == ["applied"] * 6
    documents = [orjson.loads(value or b"") for value in outcome.last_states().values()]
    assert len({one["strategy_id"] for one in documents}) == 3
    assert [[order["status"] for order in one["orders"]] for one in documents] == [
        ["PENDING"] * positions
    ] * 3
    assert {portfolios.key_of(value).decode() for value in values} == {
        portfolios.strategy_id(number) for number in range(3)
    }
