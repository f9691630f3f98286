"""The topic ``.state``, where the last record of an entity is the one that stays: noticing what others wrote there.

A worker that was frozen with states on their way, and wakes when its partition is somebody else's, appends what is no
longer so; no question asked before can prevent that. But whoever owns the partition knows where his own records end.
"""

from __future__ import annotations

from collections.abc import Iterable
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
_AT_ONCE: Final = 250  # entities asked of Redis in one call
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

    To be called where nothing is under way and Redis has what the log has. Raises Overtaken where the log has more by
    then, so that what was appended may be too old; Damaged, NotOurs, Behind, KafkaError.
    """
    begin, end = await patience.kafka("find the end of states", ledger.state_bounds())
    since = max(begin, end - _LOOK_BACK if since == UNKNOWN else min(since, end))
    mended = False
    while since < end:
        keys = await patience.kafka("read states", ledger.state_keys(since, end))
        records = await _present(fold, own, store, keys, patience)
        if not records:
            break
        await patience.redis("make sure of the partition", lambda: store.say(own, {}))
        last = await patience.kafka(
            "append states again", writer.append("state", fold.origin.partition, records)
        )
        mended, since, end = True, end, last + 1
        if end - since == len(records):
            break  # nobody wrote meanwhile
    if mended and await _goes_on(fold, own, ledger, patience):
        raise Overtaken
    return end


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
    fold: PartitionFold[Any], own: Ownership, store: Store, keys: Iterable[bytes], patience: Patience
) -> list[Outgoing]:
    """The states as Redis has them; nothing of an entity that it doesn't have.

    A worker that slept amid this while others made that entity would remove it for good, as long as Redis went back to
    where the partition was his; a state that is only too old is mended by whoever owns it.
    """
    subjects = sorted({key.decode(errors="replace") for key in keys})
    records, unknown = [], []
    for first in range(0, len(subjects), _AT_ONCE):
        some = subjects[first : first + _AT_ONCE]
        found = await patience.redis("load entities", lambda: store.load(own, some))  # noqa: B023
        for subject in some:
            fields = found.get(subject)
            if fields is None:
                unknown.append(subject)
                continue
            document = fold.document(recalled(fold, subject, fields))
            records.append(state_record(subject, document, fold.position))
    if unknown:
        logger.warning(
            "states of what is no entity are left alone", subjects=unknown[:_NAMED], of=len(unknown)
        )
    return records
