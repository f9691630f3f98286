"""The topic ``.state``, where the last record of an entity is the one that stays: noticing what others wrote there.

A worker that was frozen with states on their way, and wakes when its partition is somebody else's, appends what is no
longer so; no question asked before can prevent that. But whoever owns the partition knows where his own records end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from libs.ledger.envelope import continues, parse_log_record
from libs.ledger.partition import PartitionFold, state_record
from libs.ledger.records import Outgoing
from libs.runtime.patience import Patience
from libs.runtime.ports import Ledger, Store, Writer
from libs.runtime.recovery import recalled
from libs.views.ownership import Ownership

UNKNOWN: Final = -1
_LOOK_BACK: Final = 1_000  # records, where nobody knows any more up to where all was well
READ_AT_ONCE: Final = 10_000  # offsets looked at with one connection, of which only the keys are kept
AT_ONCE: Final = 250  # entities asked of Redis in one call, and appended in one
REMEMBERED: Final = 10_000  # subjects, so that who has many records gets few more
_NAMED: Final = 5  # subjects in a line of the log

logger = structlog.get_logger()


class Overwritten(Exception):
    """Somebody else appended states to our partition."""


class Overtaken(Exception):
    """Somebody else folded on while we mended."""


class StateTail:
    """Up to where the records of a partition's ``.state`` are ours, and so right: ``end`` is the offset after them."""

    def __init__(self) -> None:
        self.end = UNKNOWN
        self.appending = False
        self.overwritten = False

    def begin(self, end: int) -> None:
        """Everything before ``end`` is right."""
        self.end, self.appending, self.overwritten = end, False, False

    def appended(self, last: int, count: int) -> None:
        """Take note of records of ours, the last at offset ``last``; what came between is somebody else's."""
        self.appending = False
        if last == self.end + count - 1:
            self.end = last + 1
        else:
            self.overwritten = True


class _Doubtful:
    """Where ``.state`` may say what is no longer so: the offsets that somebody else may have written to.

    ``settled`` are subjects that need no look any more: a record of ours follows all these offsets, or Redis lacks
    them. Only as many are remembered as cost little; who is forgotten gets one more record, which does no harm.
    """

    def __init__(self, since: int, end: int) -> None:
        self.end = end
        self.settled: set[str] = set()
        self._parts = deque([(since, end)] if since < end else [])

    def parts(self) -> Iterator[tuple[int, int]]:
        """First offset and the one after the last of what one look takes in, until there is nothing left to look at."""
        while self._parts:
            first, stop = self._parts.popleft()
            if stop - first > READ_AT_ONCE:
                self._parts.appendleft((first + READ_AT_ONCE, stop))
                stop = first + READ_AT_ONCE
            yield first, stop

    def settle(self, subjects: Sequence[str]) -> None:
        """Take note that these need no look any more."""
        if len(self.settled) + len(subjects) > REMEMBERED:
            self.settled.clear()
        self.settled.update(subjects)

    def appended(self, last: int, subjects: Sequence[str], count: int) -> None:
        """Take note of ``count`` records of ours, the last at offset ``last``; of more, nobody knows which are ours."""
        if last + 1 - self.end == count:
            self.settle(subjects)
        else:
            self._parts.append((self.end, last + 1))
            self.settled.clear()
        self.end = last + 1


async def mend(
    fold: PartitionFold[Any],
    own: Ownership,
    since: int,
    store: Store,
    ledger: Ledger,
    writer: Writer,
    patience: Patience,
) -> int:
    """Append the present states of all that have a record from offset ``since`` on; where ``.state`` ends then.

    To be called where nothing is under way and Redis has what the log has. Few states are held at once, however many
    have to be written. Raises Overtaken where the log has more by then, so that what was appended may be too old;
    Damaged, NotOurs, Behind, KafkaError.
    """
    begin, end = await patience.kafka("find the end of states", ledger.state_bounds())
    since = max(begin, end - _LOOK_BACK if since == UNKNOWN else min(since, end))
    doubtful, absent, mended = _Doubtful(since, end), _Absent(), False
    for first, stop in doubtful.parts():
        keys = await patience.kafka("read states", ledger.state_keys(first, stop))
        subjects = sorted({key.decode(errors="replace") for key in keys} - doubtful.settled)
        while subjects:
            some, records = await _present(fold, own, store, subjects[:AT_ONCE], patience, absent)
            subjects = subjects[len(some) :]
            if not records:
                doubtful.settle(some)
                continue
            await patience.redis("make sure of the partition", lambda: store.say(own, {}))
            appending = writer.append("state", fold.origin.partition, records)
            last = await patience.kafka("append states again", appending)
            doubtful.appended(last, some, len(records))
            mended = True
    absent.tell()
    if mended and await _goes_on(fold, own, ledger, patience):
        raise Overtaken
    return doubtful.end


async def _goes_on(fold: PartitionFold[Any], own: Ownership, ledger: Ledger, patience: Patience) -> bool:
    """Whether somebody folded on meanwhile: the one before us at his last batch, or others while we slept."""
    _, end = await patience.kafka("find the log's end", ledger.log_bounds())
    async for chunk in ledger.read_log(own.log_offset + 1, end):
        for _, value in chunk:
            with suppress(KeyError, ValueError):  # a damaged record is for recovery to tell of
                if continues(parse_log_record(value), fold.position):
                    return True
    return False


async def _present(
    fold: PartitionFold[Any],
    own: Ownership,
    store: Store,
    subjects: Sequence[str],
    patience: Patience,
    absent: _Absent,
) -> tuple[list[str], list[Outgoing]]:
    """The first subjects, as many as are loaded at once, and their states; none of an entity that Redis doesn't have.

    A worker that slept amid this while others made that entity would remove it for good, as long as Redis went back to
    where the partition was his; a state that is only too old is mended by whoever owns it.
    """
    found = await patience.redis("load entities", lambda: store.load(own, subjects))
    records = []
    for subject, fields in found.items():
        if not fields:
            absent.add(subject)
            continue
        document = fold.document(recalled(fold, subject, fields))
        records.append(state_record(subject, document, fold.position))
    return list(found), records


class _Absent:
    """Entities that Redis lacks: how many were met, and some of them by name."""

    def __init__(self) -> None:
        self._count = 0
        self._some: list[str] = []

    def add(self, subject: str) -> None:
        """Take note of one."""
        self._count += 1
        if len(self._some) < _NAMED:
            self._some.append(subject)

    def tell(self) -> None:
        """Log what was left alone, in one line."""
        if self._count:
            logger.warning("states of what is no entity are left alone", subjects=self._some, of=self._count)
