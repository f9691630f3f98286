"""The topic ``.state``, where the last record of an entity is the one that stays: noticing what others wrote there.

A worker that was frozen with states on their way, and wakes when its partition is somebody else's, appends what is no
longer so; no question asked before can prevent that. But whoever owns the partition knows where his own records end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from libs.ledger.partition import PartitionFold, state_record
from libs.ledger.records import Outgoing
from libs.runtime.patience import Patience
from libs.runtime.ports import Ledger, Store, Writer
from libs.views.ownership import Ownership

UNKNOWN: Final = -1
_LOOK_BACK: Final = 1_000  # records, where nobody knows any more up to where all was well
_AT_ONCE: Final = 250  # entities asked of Redis in one call


class Overwritten(Exception):
    """Somebody else appended states to our partition."""


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

    To be called where nothing is under way and Redis has what the log has. Raises Damaged, NotOurs, Behind, KafkaError.
    """
    begin, end = await patience.kafka("find the end of states", ledger.state_bounds())
    since = max(begin, end - _LOOK_BACK if since == UNKNOWN else min(since, end))
    while since < end:
        keys = await patience.kafka("read states", ledger.state_keys(since, end))
        records = await _present(fold, own, store, keys, patience)
        await patience.redis("make sure of the partition", lambda: store.say(own, {}))
        last = await patience.kafka(
            "append states again", writer.append("state", fold.origin.partition, records)
        )
        since, end = end, last + 1
        if end - since == len(records):
            break  # nobody wrote meanwhile
    return end


async def _present(
    fold: PartitionFold[Any], own: Ownership, store: Store, keys: Iterable[bytes], patience: Patience
) -> list[Outgoing]:
    """The states as Redis has them; a tombstone for whatever is no entity."""
    subjects = sorted({key.decode(errors="replace") for key in keys})
    records = []
    for first in range(0, len(subjects), _AT_ONCE):
        some = subjects[first : first + _AT_ONCE]
        found = await patience.redis("load entities", lambda: store.load(own, some))  # noqa: B023
        for subject in some:
            fields = found.get(subject)
            entity = None if fields is None else fold.recall(subject, fields)
            value = None if entity is None else fold.document(entity)
            records.append(state_record(subject, value, fold.position))
    return records
