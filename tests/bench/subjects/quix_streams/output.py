"""A record to be written."""

from __future__ import annotations

from typing import NamedTuple

Headers = list[tuple[str, bytes | None]]
ANY_PARTITION = -1


class Output(NamedTuple):
    """``topic`` is without its namespace; without a ``partition`` the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
    partition: int = ANY_PARTITION
