"""What a verification found, counted by kind, with the first few of each. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from libs.runtime.verification.skipped import Skipped

SHOWN: Final = 5  # findings of a kind that are kept in words


class Kind(StrEnum):
    """What can be wrong; the part before the point says where."""

    LOG_MISSING = "log.missing"
    LOG_UNCAUSED = "log.uncaused"
    LOG_DIFFERS = "log.differs"
    LOG_DOUBLE_DIFFERS = "log.double_differs"
    LOG_UNREACHABLE = "log.unreachable"
    LOG_UNREADABLE = "log.unreadable"
    LOG_CUT_OFF = "log.cut_off"
    EVENTS_MISSING = "events.missing"
    EVENTS_DIFFERS = "events.differs"
    EVENTS_GAP = "events.gap"
    EVENTS_UNCAUSED = "events.uncaused"
    STATE_MISSING = "state.missing"
    STATE_DIFFERS = "state.differs"
    STATE_UNCAUSED = "state.uncaused"
    DEAD_MISSING = "dead.missing"
    DEAD_DIFFERS = "dead.differs"
    DEAD_UNCAUSED = "dead.uncaused"
    COPY_MISSING = "forwarded.missing"
    NOTICE_MISSING = "notices.missing"
    REDIS_POSITION = "redis.position"
    REDIS_COUNTERS = "redis.counters"
    REDIS_ENTITY = "redis.entity"
    REDIS_FIELD = "redis.field"
    REDIS_HISTORY = "redis.history"
    REDIS_STREAM = "redis.stream"
    REDIS_INDEX = "redis.index"
    REDIS_KNOWN = "redis.known"
    REDIS_EXTRA = "redis.extra"


MEANING: Final[dict[Kind, str]] = {
    Kind.LOG_MISSING: "input that the log does not account for",
    Kind.LOG_UNCAUSED: "log records of input that does not exist",
    Kind.LOG_DIFFERS: "log records that are not what the fold makes of the input",
    Kind.LOG_DOUBLE_DIFFERS: "doubles in the log that differ from the record that counts",
    Kind.LOG_UNREACHABLE: "log records that continue nothing",
    Kind.LOG_UNREADABLE: "records in the log that are no log records",
    Kind.LOG_CUT_OFF: "logs whose beginning is gone",
    Kind.EVENTS_MISSING: "derived events that were not published",
    Kind.EVENTS_DIFFERS: "derived events that are not what follows from the log",
    Kind.EVENTS_GAP: "holes in a subject's sequence of events",
    Kind.EVENTS_UNCAUSED: "events that follow from no log record",
    Kind.STATE_MISSING: "entities without a state document",
    Kind.STATE_DIFFERS: "state documents that are not the entity's last",
    Kind.STATE_UNCAUSED: "state documents of entities that do not exist",
    Kind.DEAD_MISSING: "quarantined input that is not among the dead letters",
    Kind.DEAD_DIFFERS: "dead letters that differ from the input",
    Kind.DEAD_UNCAUSED: "dead letters of input that was not quarantined",
    Kind.COPY_MISSING: "forwarded input without its copy on the right partition",
    Kind.NOTICE_MISSING: "events for another service that its input lacks",
    Kind.REDIS_POSITION: "positions in Redis that are not the log's",
    Kind.REDIS_COUNTERS: "counters in Redis that are not the log's",
    Kind.REDIS_ENTITY: "entities that Redis lacks",
    Kind.REDIS_FIELD: "fields in Redis that differ",
    Kind.REDIS_HISTORY: "histories in Redis that differ",
    Kind.REDIS_STREAM: "append-only streams of entities that are not what the log gives",
    Kind.REDIS_INDEX: "sorted sets in Redis that differ",
    Kind.REDIS_KNOWN: "ids that Redis doesn't remember, or nobody ever had",
    Kind.REDIS_EXTRA: "keys in Redis that belong to nothing",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: where it is and what it is, in words."""

    kind: Kind
    partition: int
    where: str
    detail: str


@dataclass(slots=True)
class Findings:
    """All differences of a service, how much was compared, and what could not be.

    ``checked`` counts by name what was compared; ``excused`` what is older than a topic keeps it; ``skipped`` by
    partition what was removed and may never have been folded; ``unchecked`` says in words why a partition could not
    be compared as it should.
    """

    counts: Counter[Kind] = field(default_factory=Counter)
    first: dict[Kind, list[Finding]] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    skipped: dict[int, Skipped] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)

    def add(self, kind: Kind, partition: int, where: str, detail: str) -> None:
        """Note a difference."""
        self.counts[kind] += 1
        kept = self.first.setdefault(kind, [])
        if len(kept) < SHOWN:
            kept.append(Finding(kind, partition, where, detail))

    def skip(self, partition: int, first: int, last: int) -> None:
        """Note input offsets that are no longer kept and that no log record accounts for, if there are any."""
        if first <= last:
            self.skipped.setdefault(partition, Skipped()).add(first, last)

    def merge(self, other: Findings) -> None:
        """Add what was found in other partitions."""
        self.counts += other.counts
        self.checked += other.checked
        self.excused += other.excused
        self.skipped |= other.skipped
        self.unchecked += other.unchecked
        for kind, found in other.first.items():
            kept = self.first.setdefault(kind, [])
            kept += found[: SHOWN - len(kept)]
