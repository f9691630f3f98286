"""RFC 3339 to milliseconds since 1970 and back; the same seconds come again and again, so they are remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8_192)
def milliseconds(text: str) -> int:
    """An instant, finer digits cut off. Raises ValueError where there is no such day, or no such year in UTC."""
    instant = (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1)
    rfc3339(instant)
    return instant


def rfc3339(instant: int) -> str:
    """UTC with milliseconds. Raises ValueError out of the years 1 to 9999."""
    second, rest = divmod(instant, 1_000)
    return f"{_second(second)}.{rest:03d}Z"


@lru_cache(maxsize=8_192)
def _second(second: int) -> str:
    try:
        return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]
    except OverflowError:
        raise ValueError(f"{second} s after 1970") from None
