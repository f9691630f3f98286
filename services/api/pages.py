"""Lists by the page: ``?limit=&cursor=``, and ``next_cursor`` in the answer. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

import orjson
from starlette.datastructures import QueryParams

from services.api.refusals import wrong_parameter

LIMIT: Final = 100
MOST: Final = 1_000
_LONGEST: Final = 2_048  # characters of a cursor


def limit_of(query: QueryParams) -> int:
    """How many items are asked for. Raises Refusal (422)."""
    text = query.get("limit")
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MOST):
        raise wrong_parameter("limit", f"is not a number from 1 to {MOST}")
    return int(text)


def numbered(query: QueryParams) -> int | None:
    """The number that the page before ended with, None for the first page. Raises Refusal (422)."""
    place = _place(query)
    if place is None:
        return None
    if isinstance(place, list) and len(place) == 1 and _number(place[0]):
        return int(place[0])
    raise _strange()


def ranked(query: QueryParams) -> tuple[int, str] | None:
    """Score (ms) and id that the page before ended with, None for the first page. Raises Refusal (422)."""
    place = _place(query)
    if place is None:
        return None
    if isinstance(place, list) and len(place) == 2 and _number(place[0]) and isinstance(place[1], str):
        return int(place[0]), place[1]
    raise _strange()


def cursor(*place: int | str) -> str:
    """The cursor of the page after a place."""
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def listed(items: Sequence[bytes], next_cursor: str | None) -> bytes:
    """A list's answer; the items are JSON."""
    return b'{"data":[' + b",".join(items) + b'],"next_cursor":' + orjson.dumps(next_cursor) + b"}"


def _place(query: QueryParams) -> object:
    text = query.get("cursor")
    if text is None:
        return None
    try:
        if len(text) > _LONGEST:
            raise ValueError
        place: object = orjson.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except ValueError:
        raise _strange() from None
    return () if place is None else place


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _strange() -> Exception:
    return wrong_parameter("cursor", "is none that a list gave")
