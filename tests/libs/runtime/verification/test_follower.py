"""A log where input is gone: what can't be folded is told with the offsets, and what it passes over is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from libs.ledger.envelope import Origin
from libs.ledger.records import InputRecord
from libs.runtime.verification.debts import DebtBook
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.follower import Follower, Unfoldable
from libs.runtime.verification.skipped import Skipped
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


def _follower(
    values: list[bytes],
    kept: list[InputRecord] | None = None,
    begin: int = 100,
    findings: Findings | None = None,
) -> Follower[Any]:
    """One of a log, and of an input that begins at an offset and keeps some records."""

    async def through(offset: int) -> list[InputRecord]:
        return [record for record in kept or [] if record.offset <= offset]

    origin = Origin("executions", "executions.in", 0)
    inputs: Any = SimpleNamespace(through=through, begin=begin, end=100)
    progress: Any = SimpleNamespace(expect=lambda _: None, done=lambda _: None)
    log: Any = _Log(values)
    expected = Expectation(AGGREGATE, origin, 1, 100, DebtBook())
    return Follower(AGGREGATE, 0, 1, log, inputs, expected, findings or Findings(), progress)


def _inputs(*offsets: int) -> list[InputRecord]:
    """An execution that is awaited and then settled, at these offsets."""
    bodies = [orjson.dumps(given.status(status)) for status in ("awaiting_execution", "settled")]
    return [replace(one, offset=at) for one, at in zip(records_of(bodies), offsets, strict=True)]


def _logged(*offsets: int) -> list[bytes]:
    return [record.value or b"" for record in fold_input(AGGREGATE, _inputs(*(offsets or (0, 1)))).log]


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


@pytest.mark.parametrize(
    ("offsets", "begin", "skipped"),
    [
        pytest.param((0, 1), 1, None, id="nothing is passed over"),
        pytest.param((0, 7), 1, None, id="all that is passed over is kept"),
        pytest.param((0, 7), 5, Skipped(4, 1, 1, 4, (1, 4)), id="some of it is kept"),
        pytest.param((0, 7), 7, Skipped(6, 1, 1, 6, (1, 6)), id="none of it is kept"),
        pytest.param((5, 7), 7, Skipped(6, 2, 0, 6, (0, 4)), id="before the first record, too"),
        pytest.param((0, 1), 9, Skipped(7, 1, 2, 8, (2, 8)), id="behind the log's end"),
    ],
)
async def test_what_the_log_passes_over_and_nobody_keeps_is_told(
    offsets: tuple[int, int], begin: int, skipped: Skipped | None
) -> None:
    """Whether it was a marker, an aborted record or input that nobody folded can't be told any more."""
    findings = Findings()
    kept = [record for record in _inputs(*offsets) if record.offset >= begin]
    follower = _follower(_logged(*offsets), kept, begin, findings)
    await follower.advance()
    follower.finish()
    assert findings.skipped == ({} if skipped is None else {0: skipped})
    assert Kind.LOG_MISSING not in findings.counts


async def test_a_record_that_the_log_passes_over_is_a_difference_while_it_is_kept() -> None:
    """It was never folded, and its input is the proof."""
    findings = Findings()
    kept = [InputRecord(6, 0, b"k", b"{}"), *_inputs(0, 7)[1:]]
    await _follower(_logged(0, 7), kept, 5, findings).advance()
    assert findings.counts[Kind.LOG_MISSING] == 1
    assert findings.first[Kind.LOG_MISSING][0].where == "input offset 6"


def test_runs_are_summed_up() -> None:
    """A topic with many transactions has a run for each; the longest is the least like a marker."""
    skipped = Skipped()
    for first, last in ((3, 3), (10, 1_500), (1_600, 1_601)):
        skipped.add(first, last)
    assert str(skipped) == "1,494 input offsets in 3 runs from 3 to 1601, the longest from 10 to 1500"
    one = Skipped()
    one.add(4, 4)
    assert str(one) == "input offset 4"
    one = Skipped()
    one.add(4, 9)
    assert str(one) == "6 input offsets from 4 to 9"
