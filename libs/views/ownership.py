"""Whose a partition is, and how far it is written: what the store answers and the runtime acts on."""

from __future__ import annotations

from dataclasses import dataclass, field


class NotOurs(Exception):
    """The store refused, because the partition has another owner now."""


class Behind(Exception):
    """The store refused, because it knows less than it acknowledged: it went back or forgot."""


class BeingRebuilt(Exception):
    """The store refused to hand the partition over, because a rebuild holds it."""


class Damaged(Exception):
    """The store holds of the partition what no worker wrote, such as a key of another type: it is to be made anew."""


class PositionDamaged(Exception):
    """The key that says whose the partition is, and how far it is written, is no hash: only people can mend that."""


@dataclass(slots=True)
class Ownership:
    """A partition taken: input and log offsets of the last record written (-1 = none), and its counters."""

    owner: str
    epoch: str
    input_offset: int
    log_offset: int
    counters: dict[str, int] = field(default_factory=dict)
    state_end: int = -1  # the offset up to which ``.state`` was right, as far as an owner said
    remembers: bool = False  # whether Redis has kept account of all ids that there ever were
