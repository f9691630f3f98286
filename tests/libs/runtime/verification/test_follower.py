"""A log that can't be folded, where the input is gone: told with the offsets, and not by a traceback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from libs.ledger.envelope import Origin
from libs.ledger.records import InputRecord
from libs.runtime.verification.debts import DebtBook
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings
from libs.runtime.verification.follower import Follower, Unfoldable
from services.executions import AGGREGATE
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.executions import given


class _Log:
    """A log in memory, from offset 40 on."""

    def __init__(self, values: list[bytes]) -> None:
        self._records = [InputRecord(40 + at, 0, None, value) for at, value in enumerate(values)]

    async def bounds(self) -> tuple[int, int]:
        return 40, 40 + len(self._records)

    async def read(self, start: int, end: int) -> AsyncIterator[list[InputRecord]]:
        yield [record for record in self._records if start <= record.offset < end]


async def _none(_: int) -> list[InputRecord]:
    return []


def _follower(values: list[bytes]) -> Follower[Any]:
    origin = Origin("executions", "executions.in", 0)
    inputs: Any = SimpleNamespace(through=_none, begin=100, end=100)
    progress: Any = SimpleNamespace(expect=lambda _: None, done=lambda _: None)
    log: Any = _Log(values)
    expected = Expectation(AGGREGATE, origin, 1, 100, DebtBook())
    return Follower(AGGREGATE, 0, 1, log, inputs, expected, Findings(), progress)


def _logged() -> list[bytes]:
    bodies = [orjson.dumps(given.status(status)) for status in ("awaiting_execution", "settled")]
    return [record.value or b"" for record in fold_input(AGGREGATE, records_of(bodies)).log]


async def test_a_log_of_ours_is_followed_without_its_input() -> None:
    follower = _follower(_logged())
    await follower.advance()
    assert follower.known == 1


@pytest.mark.parametrize(
    ("ours", "damaged"), [(b'"status":"settled"', b'"status":"dreaming"'), (b'"strategy_id"', b'"strategy"')]
)
async def test_what_can_not_be_folded_is_named(ours: bytes, damaged: bytes) -> None:
    values = _logged()
    assert ours in values[1]
    with pytest.raises(Unfoldable, match="executions partition 0: of the log records at offsets 40 to 41"):
        await _follower([values[0], values[1].replace(ours, damaged)]).advance()
