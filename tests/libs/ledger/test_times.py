"""Times to milliseconds and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.times import milliseconds, rfc3339


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)))  # noqa: DTZ001
def test_an_instant_survives_the_way_there_and_back(moment: datetime) -> None:
    """To the millisecond; finer digits are cut off."""
    text = moment.replace(tzinfo=UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    instant = milliseconds(text)
    assert milliseconds(rfc3339(instant)) == instant
    assert rfc3339(instant) == text[:23] + "Z"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-05-29T20:56:43+02:00", "2026-05-29T18:56:43.000Z"),
        ("2026-05-29t18:56:43.9999999z", "2026-05-29T18:56:43.999Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ("2026-05-29T18:56:43-00:00", "2026-05-29T18:56:43.000Z"),
    ],
)
def test_any_offset_becomes_utc(text: str, same: str) -> None:
    """With three digits of a second."""
    assert rfc3339(milliseconds(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_no_such_time(text: str) -> None:
    """Days that no calendar has, and what an offset pushes out of the years 1 to 9999."""
    with pytest.raises(ValueError, match=r"."):
        milliseconds(text)
