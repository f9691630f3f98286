"""What a partition owes to input topics: copies of forwarded records, and events for another service. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from libs.runtime.verification.findings import Findings, Kind


class Beginning(NamedTuple):
    """Of an input partition whose beginning is gone: the time (ms) of its first record, None where it keeps none.

    What is older than ``aged`` (ms) may have gone by its age; the rest somebody had removed, or it never came.
    """

    oldest: int | None
    aged: int

    def may_have_had(self, since: int) -> bool:
        """Whether what was due since then may have been among what is gone."""
        return self.oldest is None or since < self.oldest


@dataclass(slots=True)
class Debts:
    """Records that must stand in one input partition: fingerprints, where each comes from, and since when (ms)."""

    prints: array[int] = field(default_factory=lambda: array("Q"))
    partitions: array[int] = field(default_factory=lambda: array("l"))
    offsets: array[int] = field(default_factory=lambda: array("q"))
    since: array[int] = field(default_factory=lambda: array("q"))

    def add(self, mark: int, partition: int, offset: int, recorded: int) -> None:
        """Owe a record because of an input record."""
        self.prints.append(mark)
        self.partitions.append(partition)
        self.offsets.append(offset)
        self.since.append(recorded)

    def unpaid(self, found: set[int]) -> Iterator[int]:
        """The indexes of what was not found."""
        return (index for index, mark in enumerate(self.prints) if mark not in found)


@dataclass(slots=True)
class DebtBook:
    """All debts of a service by (topic without its namespace, partition, kind)."""

    owed: dict[tuple[str, int, Kind], Debts] = field(default_factory=dict)

    def of(self, topic: str, partition: int, kind: Kind) -> Debts:
        """The debts to one input partition."""
        return self.owed.setdefault((topic, partition, kind), Debts())

    def absorb(self, other: DebtBook) -> None:
        """Take over the debts of another partition."""
        for place, debts in other.owed.items():
            mine = self.owed.setdefault(place, Debts())
            mine.prints.extend(debts.prints)
            mine.partitions.extend(debts.partitions)
            mine.offsets.extend(debts.offsets)
            mine.since.extend(debts.since)

    def prints(self, topic: str, partition: int) -> set[int]:
        """The fingerprints to look for in an input partition."""
        return {
            mark
            for (owing, number, _), debts in self.owed.items()
            if (owing, number) == (topic, partition)
            for mark in debts.prints
        }

    def places(self) -> list[tuple[str, int]]:
        """The input partitions to be read."""
        return sorted({(topic, partition) for topic, partition, _ in self.owed})

    def settle(
        self, topic: str, partition: int, found: set[int], beginning: Beginning | None, findings: Findings
    ) -> None:
        """Compare with what stands there; ``beginning`` is None where all is kept."""
        for kind in (Kind.COPY_MISSING, Kind.NOTICE_MISSING):
            debts = self.owed.get((topic, partition, kind))
            if debts is None:
                continue
            what = kind.partition(".")[0]
            findings.checked[what] += len(debts.prints)
            untold = 0
            for index in debts.unpaid(found):
                since = debts.since[index]
                if beginning is None or not beginning.may_have_had(since):
                    findings.add(
                        kind,
                        debts.partitions[index],
                        f"input offset {debts.offsets[index]}",
                        f"what it owes to {topic} partition {partition} is not there",
                    )
                elif since < beginning.aged:
                    findings.excused[what] += 1
                else:
                    untold += 1
            if untold:
                findings.unchecked.append(
                    f"{untold:,} {what} owed to {topic} partition {partition}: they are not there, nor is its"
                    " beginning, but too young to have gone by their age"
                )
