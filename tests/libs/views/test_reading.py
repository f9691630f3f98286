"""A position says how far, how fresh and how far behind."""

from __future__ import annotations

import pytest

from libs.views.reading import Position, position_of

NOW = 1_780_000_000_000


def test_a_partition_that_nobody_took_is_at_the_beginning_and_not_ready() -> None:
    at = position_of(4, {})
    assert at == Position(4)
    assert (at.input_offset, at.owner, at.ready(NOW)) == (-1, None, False)
    assert at.lag(0, 10) == 10


@pytest.mark.parametrize(
    ("fields", "ready"),
    [
        ({"ready": "1", "_seen_at": str(NOW - 1_000)}, True),
        ({"ready": "0", "_seen_at": str(NOW - 1_000)}, False),
        ({"ready": "1", "_seen_at": str(NOW - 60_000)}, False),
        ({"ready": "1"}, False),
    ],
)
def test_ready_is_what_a_worker_said_that_was_there_a_moment_ago(fields: dict[str, str], ready: bool) -> None:
    assert position_of(0, fields).ready(NOW) is ready


def test_lag_is_what_is_still_kept_and_not_folded() -> None:
    at = Position(0, input_offset=9)
    assert at.lag(0, 10) == 0
    assert at.lag(0, 15) == 5
    assert at.lag(12, 15) == 3
    assert at.lag(0, 5) == 0
