"""Bringing a partition up to its log: what Redis lacks is folded again, what the derived topics lack is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog

from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity
from libs.ledger.envelope import Origin, continues, parse_log_record
from libs.ledger.intake import DAMAGED, read_log
from libs.ledger.partition import Diverged, PartitionFold
from libs.ledger.records import Folded, Outgoing, Reading
from libs.ledger.verdict import Verdict
from libs.runtime.entities import EntityCache
from libs.runtime.failpoints import Failpoint
from libs.runtime.patience import Patience
from libs.runtime.ports import Ledger, Reach, Store, Writer
from libs.views.ownership import Damaged, Ownership

S = TypeVar("S")

logger = structlog.get_logger()


class LogShorter(Exception):
    """Redis knows of log records that the log does not have: Kafka lost what it had acknowledged."""


class DamagedLog(Exception):
    """The log holds something that no worker wrote, or that does not follow from what stands before it."""


class InputShorter(Exception):
    """The log accounts for input that the input topic never had: Kafka lost it, or the topic was made anew."""


class Unpublished(Exception):
    """What follows from the next log records was never published: that is the worker's to do, not a rebuild's."""


class DamagedProjection(Damaged):
    """An entity in Redis is not what any fold wrote."""


@dataclass(slots=True)
class _Reach:
    """How far the derived topics speak of the input."""

    events: Reach
    state: Reach
    dead: Reach


class Recovery(Generic[S]):
    """Refolds one partition from where Redis stands to the end of the log.

    ``writer`` None republishes nothing; ``progress`` is told how many log records were read.
    """

    def __init__(
        self,
        aggregate: Aggregate[S],
        origin: Origin,
        store: Store,
        ledger: Ledger,
        writer: Writer | None,
        cache: EntityCache[S],
        patience: Patience,
        failpoint: Failpoint,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._aggregate = aggregate
        self._origin = origin
        self._store = store
        self._ledger = ledger
        self._writer = writer
        self._cache = cache
        self._patience = patience
        self._failpoint = failpoint
        self._progress = progress
        self._log = logger.bind(service=origin.service, partition=origin.partition)
        self.cleared = False  # Redis, so that what it holds since is of the log alone

    async def run(self, own: Ownership, distrust: bool = False, published: int = -1) -> PartitionFold[S]:
        """Refold into Redis; the fold to go on with. What follows up to input offset ``published`` is known to be out.

        Raises LogShorter, DamagedLog, Damaged, PositionDamaged, NotOurs, Behind, KafkaError; without a writer
        Unpublished.
        """
        _, end = await self._patience.kafka("find the log's end", self._ledger.log_bounds())
        if own.log_offset >= end:
            raise LogShorter(
                f"{self._origin.service} partition {self._origin.partition}: Redis was written up to log offset"
                f" {own.log_offset}, but the log ends before {end}. Kafka lost acknowledged records; nothing is"
                f" changed. To accept the loss: stratafold rebuild {self._origin.service}"
            )
        if distrust or not await self._anchored(own):
            await self._patience.redis("clear the partition", lambda: self._store.clear(own))
            self.cleared = True
        fold = PartitionFold(self._aggregate, self._origin, own.input_offset, own.counters)
        reach = await self._find_reach(own) if own.log_offset + 1 < end else None
        self._failpoint.passed("recovery_read")
        before = fold.counters["in_total"]
        async for chunk in self._ledger.read_log(own.log_offset + 1, end):
            rest = chunk
            while rest:
                try:
                    taken = await self._refold(own, fold, rest, reach, published)
                except Diverged as why:
                    # What Redis told of entities may be wrong; where it was cleared before, only the log can be.
                    cleared = self.cleared or self._writer is None
                    raise self._damaged(str(why)) if cleared else DamagedProjection(str(why)) from why
                rest = rest[taken:]
                self._progress(taken)
        if (refolded := fold.counters["in_total"] - before) > 0:
            self._log.info("refolded", records=refolded, position=fold.position)
        return fold

    async def first_unfolded(self, fold: PartitionFold[S]) -> int:
        """The input offset to go on with. Raises InputShorter; says so where the input lost records unfolded."""
        begin, end = await self._patience.kafka("find the input's bounds", self._ledger.input_bounds())
        following = fold.position + 1
        if following > end:
            raise InputShorter(
                f"{self._origin.topic} partition {self._origin.partition} ends before offset {end}, but the log"
                f" accounts for offset {fold.position}: Kafka lost acknowledged input, or the topic was made anew"
            )
        if following < begin:
            self._log.error("input was removed before it was folded", first=following, kept_from=begin)
        return max(following, begin)

    async def _anchored(self, own: Ownership) -> bool:
        """Whether what Redis holds was made from this log; an empty partition must hold nothing."""
        if own.input_offset < 0:
            return not await self._patience.redis("look for leftovers", self._store.holds_anything)
        if not own.counters:
            return False  # they were removed or evicted, and would begin anew
        if own.counters.get("entities") and not own.remembers:
            return False  # what of them is gone could not be told from what is new
        async for (offset, value), *_ in self._ledger.read_log(own.log_offset, own.log_offset + 1):
            try:
                return parse_log_record(value).offset == own.input_offset
            except DAMAGED as why:
                raise self._damaged(f"the log record at offset {offset} can't be read: {why}") from why
        return False

    def _damaged(self, why: str) -> DamagedLog:
        return DamagedLog(f"{self._origin.service} partition {self._origin.partition}: {why}")

    async def _find_reach(self, own: Ownership) -> _Reach:
        found = [
            await self._patience.kafka(f"find the end of {stream}", self._ledger.reach(stream))
            for stream in ("events", "state", "dead")
        ]
        if own.input_offset >= 0:
            # Behind where Redis stands nothing is known to be out, however old: better twice than never.
            found = [replace(reach, gone_before=None) for reach in found]
        return _Reach(*found)

    async def _refold(
        self,
        own: Ownership,
        fold: PartitionFold[S],
        chunk: list[tuple[int, bytes]],
        reach: _Reach | None,
        published: int,
    ) -> int:
        """Refold the first records of a chunk, as many as have their entities loaded at once; how many those are."""
        readings: list[Reading] = []
        places: list[int] = []  # in the chunk
        accepted = fold.position
        for place, (offset, value) in enumerate(chunk):
            try:
                logged = parse_log_record(value)
                if continues(logged, accepted):
                    readings.append(read_log(self._aggregate, logged))
                    places.append(place)
                    accepted = logged.offset
            except DAMAGED as why:
                raise self._damaged(f"the log record at offset {offset} can't be read: {why!r}") from why
        if not readings:
            return len(chunk)
        ready = await load_entities(self._cache, fold, self._store, own, readings, self._patience)
        if len(ready) < len(readings):
            readings, chunk = ready, chunk[: places[len(ready)]]
        log_offset = chunk[places[len(ready) - 1]][0]
        if reach is not None and self._writer is not None:
            await self._exhume(readings, reach)
        counters = dict(fold.counters)
        folded = self._folded(fold, readings)
        self._failpoint.passed("recovery_refolded")
        recorded = {reading.about.offset: reading.about.recorded for reading in readings}
        if reach is not None and self._writer is None:
            try:
                _check_published(folded, recorded, readings, reach, published)
            except Unpublished:
                # Who folds on behind a removal makes no tombstone again: where one lacks, it must be folded whole.
                if len(chunk) > 1 and not any(
                    one.value is None and not _covers(reach.state, one, recorded) for one in folded.states
                ):
                    await self._refold_published(own, counters, chunk, reach, published)
                raise
        elif reach is not None:
            # one that slept meanwhile must not write old states over newer ones
            await self._patience.redis("make sure of the partition", lambda: self._store.say(own, {}))
            await self._emit(folded, recorded, reach)
        self._failpoint.passed("recovery_emitted")
        await self._patience.redis(
            "write what was refolded", lambda: self._store.apply(own, folded, log_offset)
        )
        self._cache.trim()
        self._failpoint.passed("recovery_written")
        return len(chunk)

    def _folded(self, fold: PartitionFold[S], readings: list[Reading]) -> Folded:
        """The fold of what the log says. Raises Diverged; DamagedLog where it can't be folded: Redis stays as it is."""
        try:
            return fold.fold(readings, self._cache.entities)
        except DAMAGED as why:
            first, last = readings[0].about.offset, readings[-1].about.offset
            self._log.exception(
                "the log can't be folded", first=first, last=last
            )  # it may be the fold that is wrong
            raise self._damaged(f"of input offsets {first} to {last} one can't be folded: {why!r}") from why

    async def _refold_published(
        self,
        own: Ownership,
        counters: Mapping[str, int],
        chunk: Iterable[tuple[int, bytes]],
        reach: _Reach,
        published: int,
    ) -> None:
        """Refold what was published of a chunk, from where Redis stands. Raises Unpublished where that ends."""
        self._cache.clear()
        fold = PartitionFold(self._aggregate, self._origin, own.input_offset, counters)
        for one in chunk:
            await self._refold(own, fold, [one], reach, published)

    async def _exhume(self, readings: Iterable[Reading], reach: _Reach) -> None:
        """Fetch the inputs of dead letters that are to be written again; the log keeps only why they were refused."""
        gone: list[int] = []
        for reading in readings:
            if _refused(reading) and not _buried(reading, reach):
                look = self._ledger.input_at(reading.about.offset)
                reading.record = await self._patience.kafka("fetch a refused input again", look)
                if reading.record is None:
                    gone.append(reading.about.offset)
        if gone:
            self._log.error(
                "refused inputs are no longer kept", records=len(gone), first=gone[0], last=gone[-1]
            )

    async def _emit(self, folded: Folded, recorded: Mapping[int, int], reach: _Reach) -> None:
        """Send what the derived topics lack; the last record they speak of may have been sent in part."""
        writer = self._writer
        assert writer is not None
        notices = [one for one in folded.notices if not _covers(reach.events, one.record, recorded)]
        await self._patience.kafka("send notices again", writer.route(notices))
        for stream, records, reached in (
            ("events", folded.events, reach.events),
            ("state", folded.states, reach.state),
            ("dead", folded.dead, reach.dead),
        ):
            lacking = [record for record in records if not _covers(reached, record, recorded)]
            if lacking:
                again = writer.append(stream, self._origin.partition, lacking)
                await self._patience.kafka(f"send {stream} again", again)


def _covers(reach: Reach, record: Outgoing, recorded: Mapping[int, int]) -> bool:
    return reach.covers(record, recorded[record.offset])


def _refused(reading: Reading) -> bool:
    return reading.verdict is Verdict.QUARANTINED


def _buried(reading: Reading, reach: _Reach) -> bool:
    """Whether a refused input's dead letter was appended, as far as the topic can tell; one input has but one."""
    about = reading.about
    return about.offset == reach.dead.offset or reach.dead.passed(about.offset, about.recorded)


def _check_published(
    folded: Folded, recorded: Mapping[int, int], readings: Iterable[Reading], reach: _Reach, published: int
) -> None:
    """Raise Unpublished where a derived topic lacks something; what is told to others goes before the events."""
    for records, reached in ((folded.events, reach.events), (folded.states, reach.state)):
        if not all(record.offset <= published or _covers(reached, record, recorded) for record in records):
            raise Unpublished
    # A refold makes no dead letters without the inputs, so it is the readings that say where one belongs.
    for reading in readings:
        if _refused(reading) and reading.about.offset > published and not _buried(reading, reach):
            raise Unpublished


async def load_entities(
    cache: EntityCache[S],
    fold: PartitionFold[S],
    store: Store,
    own: Ownership,
    readings: list[Reading],
    patience: Patience,
) -> list[Reading]:
    """Bring the subjects of a batch's facts into the cache; the first readings, those that can be folded now.

    That is all of them, unless their entities weigh too much to be held at once; but at least one. Raises Damaged,
    NotOurs, Behind. In one call, and another one where companions have to tell whose some facts are.
    """
    ready = readings
    for subjects in (fold.concerned, lambda some: _referred(fold, some, cache)):
        while not await _load(cache, fold, store, own, subjects(ready), patience):
            if at_hand := _at_hand(ready, subjects, cache):
                ready = at_hand
                break
            ready = ready[:1]
    return ready


def _referred(fold: PartitionFold[S], readings: Iterable[Reading], cache: EntityCache[S]) -> list[str]:
    try:
        return fold.referred(readings, cache.entities)
    except DAMAGED as why:
        raise DamagedProjection(f"what entities share can't be asked: {why!r}") from why


def _at_hand(
    readings: list[Reading], subjects: Callable[[list[Reading]], list[str]], cache: EntityCache[S]
) -> list[Reading]:
    """The first readings of which all subjects are in the cache."""
    lacking = (at for at, one in enumerate(readings) if not cache.entities.keys() >= set(subjects([one])))
    return readings[: next(lacking, len(readings))]


async def _load(
    cache: EntityCache[S],
    fold: PartitionFold[S],
    store: Store,
    own: Ownership,
    subjects: Iterable[str],
    patience: Patience,
) -> bool:
    """Load what the cache lacks, or as much of it as is read at once; whether that was all."""
    missing = cache.missing(subjects)
    if not missing:
        return True
    found = await patience.redis("load entities", lambda: store.load(own, missing))
    for subject, fields in found.items():
        cache.add(recalled(fold, subject, fields) if fields else fold.new_entity(subject))
    return len(found) == len(missing)


def recalled(fold: PartitionFold[S], subject: str, fields: Mapping[str, str]) -> Entity[S]:
    """The entity as its projection remembers it. Raises DamagedProjection."""
    try:
        return fold.recall(subject, fields)
    except DAMAGED as why:
        raise DamagedProjection(f"{subject}: {type(why).__name__}: {why}") from why
