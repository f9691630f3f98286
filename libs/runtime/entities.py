"""The entities that a partition's fold has at hand: the ones used last, the others are asked of Redis again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

from libs.ledger.entity import Entity

S = TypeVar("S")


class EntityCache(Generic[S]):
    """At most ``limit`` entities stay; that must exceed what the batches in flight can hold together.

    An entity whose write is still on its way must not be dropped, for Redis would give its past back. The
    least recently used go first, and those in flight are among the most recent.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.entities: OrderedDict[str, Entity[S]] = OrderedDict()

    def missing(self, subjects: Iterable[str]) -> list[str]:
        """Mark the subjects as used; those that have to be loaded."""
        absent = []
        for subject in dict.fromkeys(subjects):
            if subject in self.entities:
                self.entities.move_to_end(subject)
            else:
                absent.append(subject)
        return absent

    def add(self, entity: Entity[S]) -> None:
        """Keep an entity."""
        self.entities[entity.subject] = entity

    def trim(self) -> None:
        """Let the least recently used go."""
        while len(self.entities) > self._limit:
            self.entities.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self.entities.clear()
