"""RFC 3339 in UTC with milliseconds; the same seconds come again and again, so they are remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8_192)
def in_utc(text: str) -> str:
    """An RFC 3339 time, finer digits cut off. Raises ValueError where there is no such day, or no such year in UTC."""
    return rfc3339((datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1))


def rfc3339(instant: int) -> str:
    """Milliseconds since 1970. Raises ValueError out of the years 1 to 9999."""
    second, rest = divmod(instant, 1_000)
    return f"{_second(second)}.{rest:03d}Z"


@lru_cache(maxsize=8_192)
def _second(second: int) -> str:
    try:
        return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]
    except OverflowError:
        raise ValueError(f"{second} s after 1970") from None
