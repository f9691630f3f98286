"""One partition at work: recover, then fold batch after batch, each taking effect in the order that makes it safe.

Log first, then what is derived from it, then Redis; each awaits the one before, and what Redis has is committed, beside
the batches. Where much waits, the next batch is folded while one is written. Whatever goes wrong, the partition starts
again from the log.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import structlog
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin
from libs.ledger.intake import DAMAGED, read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import Folded, InputRecord, Outgoing, Reading
from libs.ledger.verdict import Verdict
from libs.runtime.batch_traces import BatchTraces
from libs.runtime.entities import BATCH, ENTITIES, EntityCache
from libs.runtime.failpoints import Failpoint
from libs.runtime.inbox import Inbox, InputUnreadable
from libs.runtime.journal import PlaceUnknown
from libs.runtime.patience import Patience
from libs.runtime.ports import Input, OpenLedger, Store, Writer
from libs.runtime.reasons import in_words
from libs.runtime.recovery import (
    DamagedLog,
    DamagedProjection,
    InputShorter,
    LogShorter,
    Recovery,
    load_entities,
)
from libs.runtime.states import Overtaken, Overwritten, StateTail, mend
from libs.runtime.ticker import Ticker
from libs.runtime.together import together
from libs.telemetry.latency import Latencies
from libs.telemetry.worker_metrics import WorkerMetrics
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs, Ownership, PositionDamaged

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

S = TypeVar("S")

_WATCH: Final = 1.0  # seconds between two looks at whether Redis still knows us
_STATES_EVERY: Final = 2  # of these looks: is the end of `.state` still ours?
_COMMIT: Final = 1.0  # seconds between two commits; they are hints to lag monitors
# Seconds: a fenced worker waits longer than the group takes to tell it of its loss; a rebuild is waited for closely.
_PAUSES: Final[dict[type[Exception], float]] = {NotOurs: 4.0, BeingRebuilt: 1.0}
# Seconds for which Redis, made of the log alone, is not made so again for the same reason.
_BELIEVED: Final = 600.0
_HALTED: Final = 10.0  # seconds between two looks at whether what halted us was mended
_SURE: Final = (
    3.0  # seconds that Redis' word is good for whose a partition is; less than a session's time-out
)
_FIRST_BACKOFF: Final = 0.2
_LAST_BACKOFF: Final = 10.0
_STEADY: Final = 60.0  # seconds of serving after which what comes is not what was before
_COUNTED: Final = (*(f"{verdict}_total" for verdict in Verdict), "events_total")

_STARTS_AGAIN: Final = (
    Behind,
    NotOurs,
    BeingRebuilt,
    Damaged,
    InputUnreadable,
    PlaceUnknown,
    Overwritten,
    Overtaken,
    KafkaError,
    OSError,
)

logger = structlog.get_logger()


@dataclass(frozen=True)
class Machinery(Generic[S]):
    """What all partitions of a worker share."""

    aggregate: Aggregate[S]
    names: Names
    partitions: int
    owner: str
    writer: Writer
    open_ledger: OpenLedger
    patience: Patience
    failpoint: Failpoint
    metrics: WorkerMetrics
    traces: Traces | None = None


class Partition(Generic[S]):
    """One partition while this process owns it: ``run`` it as a task, feed its ``inbox``, ``stop`` it."""

    def __init__(self, machinery: Machinery[S], partition: int, store: Store, source: Input) -> None:
        self._m = machinery
        self._store = store
        self._source = source
        self.number = partition
        topic = machinery.names.topic(f"{machinery.aggregate.service}.in")
        self._origin = Origin(machinery.aggregate.service, topic, partition)
        self._cache: EntityCache[S] = EntityCache(ENTITIES)
        self.ready = False
        self.folded = -1  # the input offset that was written last
        self.halted: str | None = None
        self.latencies = Latencies()
        self._stopping = asyncio.Event()
        self._distrust = False
        self._cleared = False  # Redis, and nobody but us wrote to it since
        self._anew_at: float | None = None  # when Redis was made of the log alone, with no batch folded since
        self._counted: dict[str, int] = {}  # the counters at the last batch
        self._sure_at = 0.0
        self._states = StateTail()
        traces, metrics = machinery.traces, machinery.metrics
        self._traces = None if traces is None else BatchTraces(traces, self._origin, metrics)
        self._stage = metrics.stage if self._traces is None else self._traces.stage
        self._log = logger.bind(service=machinery.aggregate.service, partition=partition)
        self.inbox = Inbox(source, self._log)

    async def run(self) -> None:
        """Work until stopped. Raises only what the process can't live with, such as Stuck."""
        backoff = _FIRST_BACKOFF
        while not self._stopping.is_set():
            own, ready_at, reached = None, None, -1
            try:
                own, fold = await self._recover()
                ready_at, reached = time.monotonic(), self.folded
                await self._serve(own, fold)
            except (LogShorter, InputShorter, DamagedLog, PositionDamaged) as why:
                await self._halt(str(why))
            except _STARTS_AGAIN as why:
                if own is not None and isinstance(why, DamagedProjection) and self._anew():
                    await self._step_down(own)
                    await self._halt(f"{why}; Redis was made of the log alone a moment ago")
                    continue
                if isinstance(why, Damaged | Behind | NotOurs | BeingRebuilt):
                    self._cleared = False
                    self._distrust = isinstance(why, Damaged)  # what others own is made right by them
                if ready_at is not None and _got_on(why, self.folded - reached, time.monotonic() - ready_at):
                    backoff = _FIRST_BACKOFF
                pause = _PAUSES.get(type(why), backoff)
                self._m.metrics.starts_again(type(why).__name__)
                self._log.warning("starting again from the log", why=in_words(why), seconds=round(pause, 1))
                await self._sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311
                backoff = min(2 * backoff, _LAST_BACKOFF)
            finally:
                self.ready = False

    def stop(self) -> None:
        """Ask for an end after the batch in hand."""
        self._stopping.set()
        self.inbox.shut()

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _anew(self) -> bool:
        """Whether what is damaged now can hardly have been damaged by others."""
        return self._anew_at is not None and time.monotonic() - self._anew_at < _BELIEVED

    async def _step_down(self, own: Ownership) -> None:
        """Say that this partition is not ready any more."""
        self.ready = False
        goodbye = {"ready": "0", "_state_end": str(self._states.end)}
        with suppress(
            NotOurs, Behind, Damaged, PositionDamaged
        ):  # which the next start meets, if there is one
            await self._m.patience.redis("say goodbye", lambda: self._store.say(own, goodbye))

    async def _halt(self, why: str) -> None:
        """Stand still, and look again later: somebody has to mend it."""
        self.halted, self.ready = why, False
        self._log.error("halted", why=why)
        await self._sleep(_HALTED)

    async def _recover(self) -> tuple[Ownership, PartitionFold[S]]:
        m, began = self._m, time.monotonic()
        self.inbox.shut()
        self._cache.clear()
        self._sure_at = 0.0
        if self._traces is not None:
            self._traces.forget()
        own = await m.patience.redis("take the partition", lambda: self._store.take(m.owner))
        m.failpoint.passed("recovery_taken")
        async with m.open_ledger(self.number) as ledger:
            recovery = Recovery(
                m.aggregate, self._origin, self._store, ledger, m.writer, self._cache, m.patience, m.failpoint
            )
            recovery.cleared = self._cleared
            try:
                fold = await recovery.run(own, self._distrust)
            finally:
                # What Redis holds from there on is of this refold: one that is interrupted goes on where it was.
                self._cleared = recovery.cleared
                self._distrust = self._distrust and not self._cleared
            since = max(own.state_end, self._states.end)
            self._states.begin(await mend(fold, own, since, self._store, ledger, m.writer, m.patience))
            following = await recovery.first_unfolded(fold)
        if self._cleared:
            self._anew_at = time.monotonic()
        self.halted, self._cleared = None, False
        self._counted = {name: fold.counters[name] for name in _COUNTED}
        if not self._stopping.is_set():  # who was told to stop meanwhile finds it shut, and ends
            self.inbox.reopen(following)
        m.failpoint.passed("recovery_sought")
        ready = {
            "ready": "1",
            "_seen_at": str(round(time.time() * 1000)),
            "_state_end": str(self._states.end),
        }
        await m.patience.redis("say that it is ready", lambda: self._store.say(own, ready))
        self.ready, self.folded = True, fold.position
        m.metrics.recovered(time.monotonic() - began)
        self._log.info("ready", epoch=own.epoch, position=fold.position)
        return own, fold

    async def _serve(self, own: Ownership, fold: PartitionFold[S]) -> None:
        m = self._m
        try:
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(self._watch(own)), group.create_task(self._commit_all())]
                if m.aggregate.watch is not None:
                    ticker = Ticker(m.aggregate, m.aggregate.watch, self._store, m.writer, m.patience)
                    beside.append(group.create_task(ticker.run(own)))
                folded: asyncio.Queue[tuple[Folded, list[InputRecord]] | None] = asyncio.Queue(1)
                write = group.create_task(self._write_all(own, folded))
                await self._fold_all(own, fold, folded)
                await write
                for task in beside:
                    task.cancel()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        await self._step_down(own)

    async def _fold_all(
        self,
        own: Ownership,
        fold: PartitionFold[S],
        out: asyncio.Queue[tuple[Folded, list[InputRecord]] | None],
    ) -> None:
        while await self.inbox.filled():
            records = self.inbox.take(BATCH)
            self._m.failpoint.passed("after_read")
            readings = self._read(records)
            while readings:
                folded, taken = await self._fold(own, fold, readings)
                # What is read or handed on weighs megabytes, and is not kept longer than it is wanted.
                batch = folded, records[:taken]
                readings, records = readings[taken:], records[taken:]
                await out.put(batch)
                del folded, batch
                self._cache.trim()
            # Folding ahead pays where a full batch waits already; otherwise what comes meanwhile had better join it.
            if len(self.inbox) < BATCH:
                await out.join()
        await out.put(None)

    def _read(self, records: list[InputRecord]) -> list[Reading]:
        m = self._m
        with self._stage("read"):
            return [read_input(m.aggregate, self.number, m.partitions, record) for record in records]

    async def _fold(
        self, own: Ownership, fold: PartitionFold[S], readings: list[Reading]
    ) -> tuple[Folded, int]:
        """Fold the first readings, as many as have their entities loaded at once; and how many those are."""
        m, cache = self._m, self._cache
        hits, misses = cache.hits, cache.misses
        with self._stage("load"):
            readings = await load_entities(cache, fold, self._store, own, readings, m.patience)
        m.metrics.looked_up(cache.hits - hits, cache.misses - misses)
        with self._stage("fold"):
            folded = self._folded(fold, readings)
        if self._traces is not None:
            self._traces.folded(readings, folded)
        return folded, len(readings)

    def _folded(self, fold: PartitionFold[S], readings: list[Reading]) -> Folded:
        """The fold of a batch. Raises DamagedProjection where it fails: what it rests on is the first to be doubted."""
        try:
            return fold.fold(readings, self._cache.entities)
        except DAMAGED as why:
            first, last = readings[0].about.offset, readings[-1].about.offset
            self._log.exception("a batch can't be folded", first=first, last=last)
            raise DamagedProjection(
                f"of input offsets {first} to {last} one can't be folded: {why!r}"
            ) from why

    async def _write_all(
        self, own: Ownership, batches: asyncio.Queue[tuple[Folded, list[InputRecord]] | None]
    ) -> None:
        while (batch := await batches.get()) is not None:
            folded, records = batch
            await self._write(own, folded)
            self._count(folded, records)
            batches.task_done()

    def _count(self, folded: Folded, records: list[InputRecord]) -> None:
        """Tell of a batch that took effect."""
        now_ms, self.folded, self._anew_at = time.time() * 1000, folded.last, None
        self.latencies.add(now_ms, records)
        counters, before = folded.counters, self._counted
        risen = {name: counters[name] - before[name] for name in _COUNTED}
        self._counted = {name: counters[name] for name in _COUNTED}
        verdicts = {verdict.value: risen[f"{verdict}_total"] for verdict in Verdict}
        self._m.metrics.batch(verdicts, risen["events_total"], (now_ms - records[0].recorded) / 1000)
        if self._traces is not None:
            self._traces.written(verdicts)
        oldest = records[0]
        waited = round(now_ms - oldest.recorded)
        self._log.debug(
            "batch", records=len(records), first=oldest.offset, last=folded.last, oldest_ms=waited, **verdicts
        )

    async def _write(self, own: Ownership, folded: Folded) -> None:
        """Let a batch take effect, each step after the one before; recovery relies on that order.

        Forwards come before the log, for a refold of it has no more what to forward. Notices come before the events,
        whose end tells recovery what was sent, and beside the log: whoever folds this input gives the same ones.
        """
        m, kafka, redis = self._m, self._m.patience.kafka, self._m.patience.redis
        await self._make_sure(own)
        if folded.forwards:
            await kafka("forward records", m.writer.route(folded.forwards))
        with self._stage("append"):
            log_offset = await kafka("append to the log", self._append_to_log(folded))
        folded.log.clear()  # what is out is not kept: a batch weighs some megabytes, and every partition has one
        m.failpoint.passed("after_log")
        with self._stage("publish"):
            # The check comes right before: of an entity's states the last one stays.
            await self._make_sure(own)
            await kafka("publish", self._publish(folded))
        folded.events.clear()
        folded.states.clear()
        m.failpoint.passed("after_events")
        m.failpoint.passed("before_script")
        with self._stage("apply"):
            await redis("write the batch", lambda: self._store.apply(own, folded, log_offset))
        m.failpoint.passed("after_script")
        if self._states.overwritten:
            raise Overwritten

    async def _make_sure(self, own: Ownership) -> None:
        """Ask whose the partition is, unless that was asked a moment ago. Raises NotOurs, Behind.

        A process that slept through the loss of its partition would write what others wrote long ago: harmless
        doubles in the log and in events, but in ``state`` the last record of an entity is the one that stays.
        """
        if time.monotonic() - self._sure_at > _SURE:
            asked_at = time.monotonic()
            await self._m.patience.redis("make sure of the partition", lambda: self._store.say(own, {}))
            self._sure_at = asked_at

    async def _append_to_log(self, folded: Folded) -> int:
        """The log offset of the batch's last record; its notices go in the same request."""
        appending = self._m.writer.append("log", self.number, folded.log)
        log_offset: int
        log_offset, _ = await together(appending, self._m.writer.route(folded.notices), lesser=_STARTS_AGAIN)
        return log_offset

    async def _publish(self, folded: Folded) -> None:
        """Append what follows from a batch, all in one request; each topic's own end tells recovery what is out."""
        append = self._m.writer.append
        streams = {"events": folded.events, "dead": folded.dead}
        appends = [append(stream, self.number, records) for stream, records in streams.items() if records]
        await together(*appends, self._publish_states(folded.states), lesser=_STARTS_AGAIN)

    async def _publish_states(self, states: list[Outgoing]) -> None:
        if states:
            self._states.appending = True
            last = await self._m.writer.append("state", self.number, states)
            self._states.appended(last, len(states))

    async def _commit_all(self) -> None:
        """Tell the group how far we are; no batch waits for it, as only lag monitors read it and all commits queue."""
        committed = -1
        while True:
            await asyncio.sleep(_COMMIT)
            if (reached := self.folded) == committed:
                continue
            self._m.failpoint.passed("before_commit")
            try:
                await self._source.commit(reached + 1)
                committed = reached
            except KafkaError as why:
                self._log.info("commit failed", why=repr(why))

    async def _watch(self, own: Ownership) -> None:
        """Look whether Redis still knows us, and leave there what a status view shows.

        Raises NotOurs, Behind, PositionDamaged, Overwritten.
        """
        looks = 0
        while True:
            await asyncio.sleep(_WATCH)
            p50, p99 = self.latencies.percentiles()
            seen = {
                "_seen_at": str(round(time.time() * 1000)),
                "_p50_ms": f"{p50:.1f}",
                "_p99_ms": f"{p99:.1f}",
                "_state_end": str(self._states.end),
            }
            asked_at = time.monotonic()
            await self._m.patience.redis("look after the partition", lambda: self._store.say(own, seen))  # noqa: B023
            self._sure_at = asked_at
            looks += 1
            if looks % _STATES_EVERY == 0 and await self._written_by_others():
                raise Overwritten

    async def _written_by_others(self) -> bool:
        """Whether ``.state`` goes on behind our last record; while records of ours are on their way nobody can say."""
        end = self._states.end
        if self._states.appending:
            return False
        try:
            there = await self._m.patience.kafka("find the end of states", self._source.state_end())
        except KafkaError:
            return False  # asked again soon
        return there > end == self._states.end and not self._states.appending


def _got_on(why: Exception, folded: int, seconds: float) -> bool:
    """Whether serving ended by something new; what is damaged again and again is made anew more and more slowly."""
    return seconds > _STEADY or (folded > 0 and not isinstance(why, Damaged))
