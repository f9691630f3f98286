"""What a fold counts of its service's own matters, beside the verdicts. Pure, and the same on every refold.

They stand among a partition's counters, as ``<kind>:<name>``. Where names come from senders there is a bound on how
many are told apart.
"""

from __future__ import annotations

from typing import Final, NamedTuple

NAMES: Final = 64
"""Names of one kind that a partition counts by themselves, where senders choose them."""
NAME_CHARACTERS: Final = 64
NO_NAME: Final = "none"
OTHER: Final = "other"


class Tally(NamedTuple):
    """By how much a count of a kind changes; of ``kind`` itself where there is no ``name`` to tell apart.

    ``listed`` says that all names of the kind are on a list of ours, so that there are no more than those.
    """

    kind: str
    name: str | None = None
    amount: int = 1
    listed: bool = False


def add(counters: dict[str, int], one: Tally) -> None:
    """Count it; a name too many counts as ``other``."""
    kind, name, amount, listed = one
    counter = kind
    if name is not None:
        counter = f"{kind}:{name[:NAME_CHARACTERS] or NO_NAME}"
        if counter not in counters and not listed and _names(counters, kind) >= NAMES:
            counter = f"{kind}:{OTHER}"
    counters[counter] = counters.get(counter, 0) + amount


def _names(counters: dict[str, int], kind: str) -> int:
    beginning = f"{kind}:"
    return sum(counter.startswith(beginning) for counter in counters)
