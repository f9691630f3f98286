"""What a connector needs of Kafka, so that it can be tried without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

# Bytes of a value that surely fits into the topic; what the fold refuses for its size, it refuses visibly.
LARGEST: Final = 1024 * 1024


class Appends(Protocol):
    """Kafka, as far as a writer needs it."""

    async def append(self, key: str, values: Sequence[bytes]) -> None:
        """Return once Kafka has the values, in order, all under one key."""
        ...


class Topic(Appends, Protocol):
    """An input topic."""

    async def open(self) -> None:
        """Connect, for as long as that takes."""
        ...

    async def tail(
        self, key: str, enough: Callable[[list[bytes | None]], bool], most: int
    ) -> list[bytes | None]:
        """The last values under a key, in order: as many as are enough, or all that ``most`` records hold."""
        ...
