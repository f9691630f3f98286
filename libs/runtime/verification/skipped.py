"""Input that a log passes over and that its topic no longer keeps, summed up by partition. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Skipped:
    """Input offsets of a partition of which nobody can tell any more whether they held records.

    Markers of transactions and aborted records leave such runs, and so does input that was removed before it was
    folded. ``longest`` are the first and the last offset of the longest run.
    """

    offsets: int = 0
    runs: int = 0
    first: int = -1
    last: int = -1
    longest: tuple[int, int] = (0, -1)

    def add(self, first: int, last: int) -> None:
        """Count a run, which comes after those before."""
        if self.runs == 0:
            self.first = first
        self.offsets += last - first + 1
        self.runs += 1
        self.last = last
        if last - first > self.longest[1] - self.longest[0]:
            self.longest = first, last

    def __str__(self) -> str:
        if self.offsets == 1:
            return f"input offset {self.first}"
        text = f"{self.offsets:,} input offsets"
        if self.runs == 1:
            return f"{text} from {self.first} to {self.last}"
        first, last = self.longest
        return f"{text} in {self.runs:,} runs from {self.first} to {self.last}, the longest from {first} to {last}"
