"""A folding service as a process: FastStream for wiring and life cycle, one task a partition for the work."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, Generic, TypeVar
from uuid import uuid4

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import FastStream
from faststream.kafka import KafkaBroker

from libs.contracts.names import STREAMS, Names
from libs.ledger.aggregate import Aggregate
from libs.runtime.consumer import Listener, Source, by_partition, start_subscriber, subscribe
from libs.runtime.eviction import warn_of_eviction
from libs.runtime.failpoints import Failpoint
from libs.runtime.header_keys import tolerate
from libs.runtime.journal import Journal, ProducerBroken
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.kafka_probe import kafka_answers
from libs.runtime.ledger import input_record, open_ledger
from libs.runtime.partition import Machinery, Partition
from libs.runtime.patience import Patience, Stuck
from libs.runtime.poller import Poller
from libs.runtime.predecessors import dismiss_the_dead, member_name
from libs.runtime.producer import make_producer, stop_producer
from libs.runtime.reader import let_go
from libs.runtime.silence import FetchSilence
from libs.runtime.topics import create_topics, missing_topics
from libs.runtime.wakefulness import GLANCE, Wakefulness
from libs.settings import Settings
from libs.telemetry.traces import close_traces, open_traces
from libs.telemetry.worker_metrics import Standing, WorkerMetrics
from libs.views.redis_access import RedisAccess
from libs.views.store import PartitionStore

S = TypeVar("S")

STUCK: Final = 3  # exit status
DEADLINE: Final = 60.0  # seconds of an answering broker after which a silent client is stuck
_LAST_BATCH: Final = 6.0  # seconds that a stop waits for the batches in hand
_ORDERLY: Final = 9.0  # seconds that the orderly way out may take: more than its waits, less than `up` gives
_RETRY: Final = 2.0
_FLUSHES_WITHIN: Final = 1.0  # seconds for what a producer has under way: what was cut off, at most

logger = structlog.get_logger()


class Worker(Generic[S]):
    """Runs one service's fold over the partitions that its group gives it, and ``beside`` it what else it needs."""

    def __init__(
        self,
        aggregate: Aggregate[S],
        settings: Settings,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._beside = beside
        self._minders: list[asyncio.Task[None]] = []
        self._aggregate = aggregate
        self._settings = settings
        self._names = Names(settings.namespace)
        self._kafka = KafkaAccess.of(settings)
        self.service = self._service = aggregate.service
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._failpoint = Failpoint.from_environment()
        self.metrics = WorkerMetrics(self._service)
        self.metrics.watch(self._standing)
        self._partitions: dict[int, Partition[S]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._status = 0
        self._poller = Poller(self._unreadable)
        self._fetches = FetchSilence()
        # FastStream logs a line for every poll at this level; ours is what the partitions say.
        faststream_log = logging.getLogger("stratafold.faststream")
        faststream_log.setLevel(logging.ERROR)
        self.broker = KafkaBroker(
            self._kafka.servers.split(","),
            security=self._kafka.security,
            client_id=member_name(self._owner),
            apply_types=False,
            logger=faststream_log,
            log_level=logging.DEBUG,
            allow_auto_create_topics=False,
            request_timeout_ms=10_000,
            consumer_only=True,
        )
        self._subscriber = subscribe(
            self.broker,
            self._names.topic(f"{self._service}.in"),
            self._names.group(self._service),
            self._handle,
            Listener(self._assigned, self._revoked),
            self._poller,
        )
        self.app = FastStream(
            self.broker,
            logger=faststream_log,
            on_startup=[self._prepare],
            on_shutdown=[self._wind_down],
            after_shutdown=[self._close],
        )

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT; the exit status: 0, or 3 where a client of Kafka was stuck."""
        tolerate()
        logger.info("worker starts", service=self._service, owner=self._owner)
        await self.app.run(log_level=logging.DEBUG)
        logger.info("worker stopped", service=self._service)
        return self._status

    def obstacle(self) -> str | None:
        """Why this process is not ready; a group may well give it no partition."""
        if not hasattr(self, "_machinery"):
            return "Kafka has not answered yet, or has not all topics"
        waiting = [number for number, partition in self._partitions.items() if not partition.ready]
        return f"not ready: partitions {', '.join(map(str, sorted(waiting)))}" if waiting else None

    def _standing(self) -> Standing:
        return {
            number: (partition.ready, self._lag(number, partition))
            for number, partition in self._partitions.items()
        }

    def _lag(self, number: int, partition: Partition[S]) -> int | None:
        """By what the last fetch told of the input's end; None before there was one."""
        tp = TopicPartition(self._names.topic(f"{self._service}.in"), number)
        consumer = self._subscriber.consumer
        if consumer is None or tp not in consumer.assignment() or not partition.ready:
            return None
        end = consumer.highwater(tp)
        return None if end is None else max(0, end - partition.folded - 1)

    async def _prepare(self) -> None:
        """Wait for Kafka, see to the topics, and open what the partitions share."""
        settings, kafka = self._settings, self._kafka
        patience = Patience(lambda: kafka_answers(kafka), DEADLINE)
        await patience.kafka_is_there(kafka.servers)
        while not await self._topics_are_there():  # noqa: ASYNC110  # nothing tells of a topic: one has to ask
            await asyncio.sleep(_RETRY)
        self._redis = RedisAccess.of(settings).client(health_check_interval=10, socket_timeout=10)
        self._producer = make_producer(kafka, self._owner)
        self._compressing = make_producer(kafka, f"{self._owner}-compressing", "zstd")
        for producer in (self._producer, self._compressing):
            await patience.start(producer.start, kafka.servers)
        await dismiss_the_dead(kafka, self._names.group(self._service))
        begin = partial(start_subscriber, self._subscriber, self._subscriber.start)
        self._subscriber.start = partial(patience.start, begin, kafka.servers)  # type: ignore[method-assign]
        self._traces = open_traces(settings, self._service)
        self._machinery = Machinery(
            aggregate=self._aggregate,
            names=self._names,
            partitions=settings.partitions,
            owner=self._owner,
            writer=Journal(
                self._producer,
                self._names,
                self._service,
                settings.partitions,
                self._failpoint,
                self._compressing,
            ),
            open_ledger=lambda partition: open_ledger(kafka, self._names, self._service, partition),
            patience=patience,
            failpoint=self._failpoint,
            metrics=self.metrics,
            traces=self._traces,
        )
        self._minders.append(asyncio.create_task(self._mind_the_consumer()))
        self._minders.append(asyncio.create_task(warn_of_eviction(self._redis, patience)))
        if self._beside is not None:
            self._minders.append(asyncio.create_task(self._beside()))

    async def _topics_are_there(self) -> bool:
        """Make the topics that are missing, or say that somebody has to. Raises WrongTopic."""
        settings, names = self._settings, self._names
        services = dict.fromkeys((self._service, *self._aggregate.tells))
        try:
            if settings.create_topics:
                await create_topics(self._kafka, names, services, settings.partitions, settings.replication)
                return True
            missing = await missing_topics(self._kafka, names, services, settings.partitions)
            missing = [topic for topic in missing if topic not in self._others_own()]
        except (KafkaError, OSError) as why:
            logger.warning("topics can't be seen to yet", why=repr(why))
            return False
        if missing:
            logger.warning(
                "waiting for topics, which STRATAFOLD_CREATE_TOPICS=false leaves to others", missing=missing
            )
        return not missing

    def _others_own(self) -> set[str]:
        """What only the workers of the services that are told need; this one may not be allowed to see it."""
        streams = [stream for stream in STREAMS if stream != "in"]
        return {self._names.topic(f"{told}.{one}") for told in self._aggregate.tells for one in streams}

    async def _handle(self, records: Any) -> None:
        """Hand a poll's records to their partitions; never waits, so that the group is never lost."""
        for number, run in by_partition(records):
            partition = self._partitions.get(number)
            if partition is not None:
                partition.inbox.offer([input_record(record) for record in run])

    def _unreadable(self, tp: TopicPartition, why: Exception) -> None:
        partition = self._partitions.get(tp.partition)
        if partition is not None:
            partition.inbox.fail(why)

    async def _assigned(self, assigned: Iterable[TopicPartition]) -> None:
        consumer = self._subscriber.consumer
        assert consumer is not None
        for tp in sorted(assigned):
            store = PartitionStore(
                self._redis, self._names, self._service, tp.partition, self._settings.history
            )
            source = Source(consumer, tp, self._names.topic(f"{self._service}.state"))
            source.hold()
            partition = Partition(self._machinery, tp.partition, store, source)
            self._partitions[tp.partition] = partition
            task = asyncio.create_task(partition.run(), name=f"{self._service}-{tp.partition}")
            task.add_done_callback(self._ended)
            self._tasks[tp.partition] = task

    async def _revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._let_go([tp.partition for tp in revoked])

    async def _let_go(self, numbers: Iterable[int]) -> None:
        """Stop partitions after the batch in hand; what does not end in time is cut off, and recovers elsewhere."""
        going = []
        for number in numbers:
            if number in self._partitions:
                self._partitions.pop(number).stop()
                going.append(self._tasks.pop(number))
        if going:
            _, late = await asyncio.wait(going, timeout=_LAST_BATCH)
            for task in late:
                logger.warning("cut off amid a batch", task=task.get_name())
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A partition's task ends when it is stopped; any other end is the process's."""
        if task.cancelled():
            if task in self._tasks.values():  # it was not let go: nobody would fold the partition any more
                self._give_up(RuntimeError(f"{task.get_name()} was cancelled, but not by us"))
        elif (why := task.exception()) is not None:
            self._give_up(why)

    def _give_up(self, why: BaseException) -> None:
        """End the process; a client that is stuck would hang the orderly way out as well."""
        stuck = isinstance(why, Stuck | ProducerBroken)
        self._status = STUCK if stuck else 1
        logger.critical("worker gives up", why=str(why), exc_info=None if stuck else why)
        if stuck:
            os._exit(STUCK)
        self.app.exit()

    async def _mind_the_consumer(self) -> None:
        """End the process when the consumer has come to a standstill while the broker answers others."""
        wakefulness = Wakefulness(GLANCE, time.monotonic())
        while True:
            await asyncio.sleep(GLANCE)
            now = time.monotonic()
            silent = min(self._consumer_silence(now), wakefulness.look(now))
            if silent > DEADLINE and await kafka_answers(self._kafka):
                self._give_up(
                    Stuck(f"the consumer fetched nothing for {silent:.0f} s from a broker that is up")
                )

    def _consumer_silence(self, now: float) -> float:
        """Seconds since the last poll, or since the last answer to a fetch of a partition that should be fetched."""
        silent = now - self._poller.beat
        consumer = self._subscriber.consumer
        if consumer is None:
            return silent
        fetched = consumer.assignment() - consumer.paused()
        answers = {tp: consumer.last_poll_timestamp(tp) for tp in fetched}
        return max(silent, self._fetches.look(answers, now))

    async def _wind_down(self) -> None:
        # A thread, for a hanging client would hold up anything that waits its turn in the loop.
        loop = asyncio.get_running_loop()
        timer = threading.Timer(_ORDERLY, lambda: self._leave(loop))
        timer.daemon = True
        timer.start()
        await self._let_go(list(self._partitions))
        if (consumer := self._subscriber.consumer) is not None:
            consumer.stop = partial(let_go, consumer, consumer.stop)  # FastStream calls it next

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the process as it is, and say what held it up."""
        status = self._status or STUCK
        last = threading.Timer(1, lambda: os._exit(status))  # the line below may hang as well
        last.daemon = True
        last.start()
        try:
            waiting = [f"{task.get_name()}: {_place(task)}" for task in asyncio.all_tasks(loop)]
            logger.critical("the worker can't be stopped in order", waiting=waiting)
        finally:
            os._exit(status)

    async def _close(self) -> None:
        if not hasattr(self, "_machinery"):
            return
        for task in self._minders:
            task.cancel()
        await asyncio.gather(*self._minders, return_exceptions=True)
        await asyncio.gather(
            *(stop_producer(one, _FLUSHES_WITHIN) for one in (self._producer, self._compressing))
        )
        await self._redis.aclose()
        await close_traces(self._traces)


def _place(task: asyncio.Task[Any]) -> str:
    """Where a task waits, from the outside in."""
    places: list[str] = []
    inner: Any = task.get_coro()
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None)
        if frame is not None:
            places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    return " > ".join(places)
