"""The readers' rule for a reader that begins somewhere in a log partition. Pure."""

from __future__ import annotations

from enum import Enum

from libs.ledger.envelope import Logged, continues


class Verdict(Enum):
    """What becomes of a record."""

    COUNTS = "counts"
    DOES_NOT = "a double, or a stray that ran ahead of a hole"
    BEGINS_ANEW = "counts, and what was accepted before it does not"


class Following:
    """Accepts the records that continue the one accepted last.

    Where it begins nothing tells a stray from the chain; until ``settle`` is called a record from before the one
    that it began with shows that this was a stray or a double, and it begins anew from there.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._last = -1
        self._settled = False

    def settle(self) -> None:
        """What was accepted by now stands."""
        self._settled = True

    def judge(self, logged: Logged) -> Verdict:
        """Whether a record counts; it is remembered if so."""
        if self._first is not None and continues(logged, self._last):
            self._last = logged.offset
            return Verdict.COUNTS
        if self._first is None or (not self._settled and logged.offset < self._first):
            verdict = Verdict.COUNTS if self._first is None else Verdict.BEGINS_ANEW
            self._first = self._last = logged.offset
            return verdict
        return Verdict.DOES_NOT
