"""What is known of an account's stream (004): which of upstream's numbers came, and how many frames it had. Pure.

Upstream counts over all strategies of an account, so that only here a missing number shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from libs.contracts.strategies import EVERYTHING, FRAMES, SCOPE_EVENT, SNAPSHOT_EVENT
from libs.ledger.aggregate import Derived
from libs.ledger.fact import Fact
from libs.ledger.tallies import Tally
from libs.ledger.verdict import Verdict

COMPLETE: Final = "complete"
SUSPECT: Final = "suspect"
REPAIRED: Final = "repaired"
ARRIVAL: Final = "arrival"
SNAPSHOT: Final = "snapshot"
RANGES: Final = 1_000  # missing ones that are told apart; every projection of the account carries them

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that were skipped: first and last as the gap was opened, and what of it is still missing.

    ``lost`` are those from before upstream's counter began anew: what comes with such a number now is another fact.
    Where there are too many to tell apart, neighbours are one: some of its numbers are missing, then.
    """

    first: int
    last: int
    missing: tuple[Range, ...]
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account; ``lowest`` and ``upstream_seq`` bound the numbers since upstream's counter last began anew.

    ``newest`` is the latest time told, in ms, and ``since`` what it was when the counter began anew: what is not later
    is from before; ``resets`` counts how often the counter began anew; ``whole`` is False
    while connectors see only some of the account's strategies; ``frames`` counts what subscribers are shown.
    """

    id: str
    lowest: int | None = None
    upstream_seq: int | None = None
    since: int | None = None
    newest: int = 0
    gaps: tuple[Gap, ...] = ()
    reconciled: bool = False
    resets: int = 0
    whole: bool = True
    frames: int = 0

    @property
    def completeness(self) -> str:
        """``complete``, ``suspect`` while numbers are missing, ``repaired`` once a snapshot stood in for some."""
        if self.gaps:
            return SUSPECT
        return REPAIRED if self.reconciled else COMPLETE

    @property
    def missing(self) -> tuple[Range, ...]:
        """All ranges of numbers that are missing, first and last, in the order of numbers."""
        return tuple(sorted(span for gap in self.gaps for span in gap.missing))


def initial(account: str) -> Account:
    """An account of which nothing is known."""
    return Account(account)


def fold(state: Account, fact: Fact) -> Verdict:
    """Of a fact that is the account's own: what a connector subscribed to always holds from then on."""
    return Verdict.APPLIED


def evolve(state: Account, fact: Fact, verdict: Verdict) -> Account:
    """The account after a fact of its own, or after one of its strategies'."""
    event = fact.body["event"]
    if event == SCOPE_EVENT:
        return replace(state, whole=EVERYTHING in fact.body["data"]["subscriptions"])
    if event in FRAMES and verdict is not Verdict.IGNORED:
        state = replace(state, frames=state.frames + 1)
    seq: int = fact.body["seq"]
    after = (_reconciled if event == SNAPSHOT_EVENT else _counted)(state, seq, fact.at)
    return after if after.gaps is state.gaps else replace(after, gaps=_bounded(after.gaps))


def _counted(state: Account, seq: int, at: int) -> Account:
    lowest, last = state.lowest, state.upstream_seq
    if last is None or lowest is None:
        return replace(state, lowest=seq, upstream_seq=seq, newest=at)
    if _from_before(state, at):
        return replace(state, gaps=_filled(state.gaps, seq, seq, lost=True))
    newest = max(at, state.newest)
    if seq > last:
        return replace(_skipped(state, last + 1, seq - 1), upstream_seq=seq, newest=newest)
    filled = _filled(state.gaps, seq, seq, lost=False)
    if filled != state.gaps:
        return replace(state, gaps=filled, newest=newest)
    if at > state.newest:  # a number from before, at a later time: the counter began anew
        lost = tuple(replace(gap, lost=True) for gap in state.gaps)
        anew = replace(state, lowest=seq, upstream_seq=seq, since=state.newest, newest=at, gaps=lost)
        return replace(anew, resets=state.resets + 1)
    if seq < lowest:  # it was overtaken by all that came: so may others have been
        return replace(_skipped(state, seq + 1, lowest - 1), lowest=seq)
    return state


def _from_before(state: Account, at: int) -> bool:
    return state.since is not None and at <= state.since


def _skipped(state: Account, first: int, last: int) -> Account:
    """With a gap of these numbers, where there are any and all of the account's events pass."""
    if first > last or not state.whole:
        return state
    return replace(state, gaps=(*state.gaps, Gap(first, last, ((first, last),))))


def _filled(gaps: tuple[Gap, ...], first: int, last: int, lost: bool) -> tuple[Gap, ...]:
    """The gaps without some numbers; only those that are lost, or only those that are not."""
    if not any(gap.lost is lost and gap.first <= last and first <= gap.last for gap in gaps):
        return gaps
    return tuple(
        left for gap in gaps for left in ((gap,) if gap.lost is not lost else _without(gap, first, last))
    )


def _bounded(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """At most so many missing ranges, the oldest ones joined with their neighbours: nothing missing is left out."""
    over = sum(len(gap.missing) for gap in gaps) - RANGES
    while over > 0:
        gaps = _joined(gaps)
        over -= 1
    return gaps


def _joined(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """With one missing range less, out of more than two of them."""
    for at, gap in enumerate(gaps):
        if len(gap.missing) > 1:
            (first, _), (_, last), *rest = gap.missing
            return (*gaps[:at], replace(gap, missing=((first, last), *rest)), *gaps[at + 1 :])
    at = next(at for at in range(len(gaps) - 1) if gaps[at].lost is gaps[at + 1].lost)
    one, two = gaps[at : at + 2]
    first, last = min(one.first, two.first), max(one.last, two.last)
    low, high = min(one.missing[0][0], two.missing[0][0]), max(one.missing[0][1], two.missing[0][1])
    return (*gaps[:at], Gap(first, last, ((low, high),), one.lost), *gaps[at + 2 :])


def _reconciled(state: Account, seq: int, at: int) -> Account:
    """A snapshot speaks for every number up to its own, also for those that nobody missed yet."""
    last = state.upstream_seq
    if _from_before(state, at):
        gaps = _filled(state.gaps, 0, seq, lost=True)
        return replace(state, gaps=gaps, reconciled=state.reconciled or gaps != state.gaps)
    unseen = last is not None and seq > last and state.whole
    gaps = tuple(gap for gap in _filled(state.gaps, 0, seq, lost=False) if not gap.lost)
    return replace(
        state,
        lowest=0,
        upstream_seq=seq if last is None else max(last, seq),
        newest=max(at, state.newest),
        gaps=gaps,
        reconciled=state.reconciled or unseen or gaps != state.gaps,
    )


def _without(gap: Gap, first: int, last: int) -> tuple[Gap, ...]:
    """What is left of a gap after some numbers came: itself with less in it, or nothing."""
    if gap.last < first or last < gap.first:
        return (gap,)
    missing: list[Range] = []
    for begin, end in gap.missing:
        parts = ((begin, min(end, first - 1)), (max(begin, last + 1), end))
        missing += [(low, high) for low, high in parts if low <= high]
    return (replace(gap, missing=tuple(missing)),) if missing else ()


def derive(before: Account, after: Account, fact: Fact, verdict: Verdict) -> list[Derived]:
    """Gaps that opened and closed, in that order."""
    opened, closed = _compared(before.gaps, after.gaps)
    if (
        opened
    ):  # nothing closes where something opens: what is gone was joined with others, and is missing still
        closed = []
    by = SNAPSHOT if fact.body["event"] == SNAPSHOT_EVENT else ARRIVAL
    last, reached = before.upstream_seq, after.upstream_seq
    if by == SNAPSHOT and before.whole and last is not None and reached is not None and reached > last:
        opened.append((last + 1, reached))
        closed.append((last + 1, reached))
    return [Derived("strategy.gap_opened", _range(after.id, *span)) for span in opened] + [
        Derived("strategy.gap_closed", {**_range(after.id, *span), "by": by}) for span in closed
    ]


def _compared(before: tuple[Gap, ...], after: tuple[Gap, ...]) -> tuple[list[Range], list[Range]]:
    """The gaps that came and those that went."""
    kept = set(map(id, before)) & set(map(id, after))  # most are the very same, and there may be many
    # counted, for the same numbers may be missing from before a reset and after it
    was = Counter((gap.first, gap.last) for gap in before if id(gap) not in kept)
    now = Counter((gap.first, gap.last) for gap in after if id(gap) not in kept)
    return sorted((now - was).elements()), sorted((was - now).elements())


def tally(before: Account, after: Account, _derived: Sequence[Derived]) -> list[Tally]:
    """How many gaps are open; not from the events, for gaps that are joined don't close."""
    change = len(after.gaps) - len(before.gaps)
    return [Tally("gaps_open", amount=change)] if change else []


def extend(before: Account, after: Account) -> dict[str, int]:
    """The number under which subscribers are shown this fact, where they are."""
    return {"accountsequence": after.frames} if after.frames > before.frames else {}


def _range(account: str, first: int, last: int) -> dict[str, str | int]:
    return {"account": account, "from": first, "to": last}
