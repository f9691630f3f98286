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
    """At most ``limit`` entities of about ``weight`` bytes stay, but always those of the last two batches.

    One batch is written while the next one waits: an entity whose write is still on its way must not be dropped, for
    Redis would give its past back. The least recently used go first. ``hits`` and ``misses`` count what was asked for
    and was here, or was not.
    """

    def __init__(self, limit: int, weight: int = BYTES) -> None:
        self._limit = limit
        self._weight = weight
        self.entities: OrderedDict[str, Entity[S]] = OrderedDict()
        self._used: set[str] = set()  # since the last trim: what may weigh more now than was counted
        self._used_before: set[str] = set()  # by the batch before
        self._counted: dict[str, int] = {}
        self._total = 0
        self.hits = self.misses = 0

    def missing(self, subjects: Iterable[str]) -> list[str]:
        """Mark the subjects as used; those that have to be loaded."""
        distinct = dict.fromkeys(subjects)
        self._used.update(distinct)
        absent = []
        for subject in distinct:
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
        """To be called once a batch, after its fold: let go of what was used least recently, if there is too much."""
        for subject in self._used:
            if subject not in self.entities:
                continue  # it was asked for, but was too much for one batch
            weight = self.entities[subject].weight
            self._total += weight - self._counted.get(subject, 0)
            self._counted[subject] = weight
        while len(self.entities) > self._limit or self._total > self._weight:
            subject = next(iter(self.entities))
            if subject in self._used or subject in self._used_before:
                break  # as all that follow are
            del self.entities[subject]
            self._total -= self._counted.pop(subject)
        self._used, self._used_before = set(), self._used

    def clear(self) -> None:
        """Forget all."""
        self.entities.clear()
        self._used.clear()
        self._used_before.clear()
        self._counted.clear()
        self._total = 0
