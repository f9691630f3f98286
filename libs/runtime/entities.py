"""The entities that a partition's fold has at hand: the ones used last, the others are asked of Redis again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from libs.ledger.entity import Entity

S = TypeVar("S")

BATCH: Final = 400  # records; costs Redis some 12 ms, less than a reader notices
ENTITIES: Final = 1_600
BYTES: Final = 8 * 1024 * 1024  # of their documents


class EntityCache(Generic[S]):
    """At most ``limit`` entities and about ``weight`` bytes stay, but always as many as can be ``in_flight``.

    An entity whose write is still on its way must not be dropped, for Redis would give its past back. The
    least recently used go first, and those in flight are among the most recent. ``hits`` and ``misses`` count what was
    asked for and was here, or was not.
    """

    def __init__(self, limit: int = ENTITIES, weight: int = BYTES, in_flight: int = 3 * BATCH) -> None:
        self._limit = limit
        self._weight = weight
        self._in_flight = in_flight
        self.entities: OrderedDict[str, Entity[S]] = OrderedDict()
        self._used: list[str] = []  # since the last trim: what may weigh more now than was counted
        self._counted: dict[str, int] = {}
        self._total = 0
        self.hits = self.misses = 0

    def missing(self, subjects: Iterable[str]) -> list[str]:
        """Mark the subjects as used; those that have to be loaded."""
        absent = []
        distinct = dict.fromkeys(subjects)
        for subject in distinct:
            self._used.append(subject)
            if subject in self.entities:
                self.entities.move_to_end(subject)
            else:
                absent.append(subject)
        self.misses += len(absent)
        self.hits += len(distinct) - len(absent)
        return absent

    def add(self, entity: Entity[S]) -> None:
        """Keep an entity that was missing."""
        self.entities[entity.subject] = entity

    def trim(self) -> None:
        """Let the least recently used go, while there are too many or they weigh too much."""
        for subject in self._used:
            weight = self.entities[subject].weight
            self._total += weight - self._counted.get(subject, 0)
            self._counted[subject] = weight
        self._used.clear()
        while len(self.entities) > (self._in_flight if self._total > self._weight else self._limit):
            subject, _ = self.entities.popitem(last=False)
            self._total -= self._counted.pop(subject)

    def clear(self) -> None:
        """Forget all."""
        self.entities.clear()
        self._used.clear()
        self._counted.clear()
        self._total = 0
