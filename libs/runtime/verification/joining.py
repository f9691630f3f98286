"""Laying log and input side by side: what the fold is to decide anew, and what one of the two lacks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from libs.ledger.aggregate import Aggregate
from libs.ledger.intake import DAMAGED, read_input, read_log
from libs.ledger.records import InputRecord, Reading
from libs.runtime.verification.chain import Accepted
from libs.runtime.verification.findings import Findings, Kind

S = TypeVar("S")


@dataclass(slots=True)
class Joined:
    """What to fold, in order; ``remembered`` holds the input offsets of those that only the log can still tell."""

    readings: list[Reading] = field(default_factory=list)
    accepted: dict[int, Accepted] = field(default_factory=dict)
    remembered: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the input topic still has: offsets from ``begin`` up to but without ``end``."""

    begin: int
    end: int


def join(
    aggregate: Aggregate[S],
    partition: int,
    partitions: int,
    accepted: Iterable[Accepted],
    inputs: Iterable[InputRecord],
    kept: Kept,
    findings: Findings,
) -> Joined:
    """Pair accepted log records with the input up to the last of them.

    Where the input is kept the fold decides anew; where it is not, the log says what was decided, and nobody what it
    passed over.
    """
    joined = Joined()
    by_offset = {record.offset: record for record in inputs}
    for one in accepted:
        offset = one.logged.offset
        joined.accepted[offset] = one
        findings.skip(partition, one.logged.previous + 1, min(offset, kept.begin) - 1)
        record = by_offset.pop(offset, None)
        if record is not None:
            joined.readings.append(read_input(aggregate, partition, partitions, record))
            findings.checked["input"] += 1
            continue
        if offset >= kept.begin:
            reason = "lies behind the input's end" if offset >= kept.end else "the input has no such record"
            findings.add(
                Kind.LOG_UNCAUSED, partition, f"log offset {one.record.offset}", f"{offset}: {reason}"
            )
        else:
            findings.excused["input"] += 1
        try:
            joined.readings.append(_from_log(aggregate, one))
            joined.remembered.add(offset)
        except DAMAGED as why:
            findings.add(
                Kind.LOG_UNREADABLE,
                partition,
                f"log offset {one.record.offset}",
                f"{type(why).__name__}: {why}",
            )
    for offset in by_offset:
        findings.add(Kind.LOG_MISSING, partition, f"input offset {offset}", "no log record accounts for it")
    return joined


def _from_log(aggregate: Aggregate[S], one: Accepted) -> Reading:
    """What the log says, made such that the fold writes the record again: its bytes are checked all the same."""
    reading = read_log(aggregate, one.logged)
    about = reading.about
    reading.record = InputRecord(about.offset, about.recorded, one.record.key, one.logged.data)
    reading.logged = None
    return reading
