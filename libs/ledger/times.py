"""RFC 3339 text to milliseconds since 1970 and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@lru_cache(maxsize=8_192)
def milliseconds(text: str) -> int:
    """The instant of an RFC 3339 time, finer digits cut off. Raises ValueError for no such day."""
    instant = (datetime.fromisoformat(text.upper()) - _EPOCH) // _MILLISECOND
    rfc3339(instant)  # an offset can push a time out of the years 1 to 9999
    return instant


@lru_cache(maxsize=8_192)
def rfc3339(instant: int) -> str:
    """UTC with milliseconds, such as ``2026-05-29T18:56:43.000Z``. Raises ValueError out of range."""
    second, rest = divmod(instant, 1_000)
    return f"{_to_the_second(second)}.{rest:03d}Z"


@lru_cache(maxsize=8_192)
def _to_the_second(second: int) -> str:
    """Cached by the second as well: the milliseconds of records rarely repeat, their seconds do."""
    try:
        return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]
    except OverflowError:
        raise ValueError(f"{second} s is outside the years 1 to 9999") from None
