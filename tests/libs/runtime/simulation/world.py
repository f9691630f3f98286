"""Kafka and Redis in memory, and the processes that use them: everything a schedule of faults can go wrong with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from aiokafka.errors import KafkaError
from redis.exceptions import ConnectionError as RedisAway

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.partition import cause_of
from libs.ledger.records import Folded, InputRecord, Outgoing, Routed
from libs.runtime.failpoints import Failpoint
from libs.runtime.journal import PlaceUnknown, ProducerBroken
from libs.runtime.partition import Machinery, Partition
from libs.runtime.patience import Patience
from libs.runtime.ports import Reach
from libs.runtime.rebuild import Interrupted, Rebuild
from libs.telemetry.spans import Traces
from libs.telemetry.worker_metrics import WorkerMetrics
from libs.views.memory import Keyspace, MemoryStore
from libs.views.ownership import Ownership
from tests.libs.ledger.folding import EPOCH_MS

T = TypeVar("T")

PARTITIONS = 2
HISTORY = 5
LOADED_AT_ONCE = 2_000  # bytes: one entity or two, where a batch may want five
_TAIL = 60  # records; more than a batch of this world leaves behind
Place = tuple[str, int]


@dataclass
class Faults:
    """How often things go wrong: chances at each step, and what may happen at all."""

    crash: float = 0.012
    freeze: float = 0.004
    kafka_error: float = 0.004
    redis_error: float = 0.01
    redis_back: float = 0.15
    rebuild: float = 0.02
    zombies: bool = True
    strays: bool = True
    evict: float = 0.0
    crash_at: frozenset[int] = frozenset()  # steps, counted over all processes


@dataclass
class Topic:
    """One partition of one topic; offsets may have holes, as transaction markers leave them."""

    rng: Random
    holes: float = 0.0
    records: list[InputRecord] = field(default_factory=list)
    begin: int = 0  # what lies before was removed by its age
    gone_before: int | None = None  # ms; that age
    watchers: list[asyncio.Event] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.records[-1].offset + 1 if self.records else 0

    def append(self, records: Sequence[Outgoing]) -> int:
        """The offset of the last of them."""
        for one in records:
            offset = self.end + (self.rng.random() < self.holes)
            at = EPOCH_MS + 7 * offset
            self.records.append(InputRecord(offset, at, one.key, one.value, list(one.headers)))
        for watcher in self.watchers:
            watcher.set()
        return self.end - 1

    def since(self, offset: int) -> list[InputRecord]:
        """The records from an offset on."""
        first = len(self.records)
        while first and self.records[first - 1].offset >= offset:
            first -= 1
        return self.records[first:]


class World:
    """All topics and all of Redis; ``faults`` None means that nothing goes wrong any more."""

    def __init__(
        self,
        rng: Random,
        aggregates: Mapping[str, Aggregate[Any]],
        faults: Faults | None,
        traces: Traces | None = None,
    ) -> None:
        self.traces = traces
        self.rng = rng
        self.aggregates = aggregates
        self.faults = faults
        self.topics: dict[tuple[str, int], Topic] = {}
        self.keyspaces: dict[Place, Keyspace] = {place: Keyspace() for place in self.places()}
        self.snapshots: list[dict[Place, Keyspace]] = []
        self.processes: dict[Place, list[Process]] = {place: [] for place in self.places()}
        self.rebuilds: list[Process] = []
        self.redis_away_until = 0.0
        self.last_stray = 0.0
        self._started = 0
        self.steps = 0
        self.happened: list[str] = []
        self.committed: dict[Place, int] = {}
        self.given: set[tuple[Any, ...]] = set()  # what upstream sent: key, value, headers
        self.broken: list[str] = []  # rules that hold at every moment, and did not

    def places(self) -> list[Place]:
        """Every partition that somebody folds."""
        return [(service, number) for service in self.aggregates for number in range(PARTITIONS)]

    def topic(self, name: str, partition: int) -> Topic:
        """One partition of a topic."""
        holes = 0.1 if name.endswith(".in") else 0.0
        return self.topics.setdefault((name, partition), Topic(self.rng, holes))

    def logged(self, place: Place) -> int:
        """The highest input offset that the log accounts for by now."""
        values = [record.value or b"" for record in self.topic(f"{place[0]}.log", place[1]).records]
        return max((parse_log_record(value).offset for value in values), default=-1)

    def must_be_logged(self, place: Place, what: str, offset: int) -> None:
        """The log comes first: what is derived, written or committed is accounted for there."""
        if offset > (there := self.logged(place)):
            self.broken.append(
                f"{place[0]}/{place[1]}: {what} of input {offset} while the log ends at {there}"
            )

    def note(self, what: str) -> None:
        """Keep for the story of a failed schedule."""
        self.happened.append(f"{asyncio.get_running_loop().time():8.3f} {what}")

    def remember(self) -> None:
        """Keep a copy of Redis that it may go back to."""
        self.snapshots.append({place: keys.copy() for place, keys in self.keyspaces.items()})

    def go_back(self) -> None:
        """Redis starts again from an older copy, or from nothing."""
        older = self.rng.choice([*self.snapshots, {}])
        self.note(f"redis goes back to {'nothing' if not older else 'a copy'}")
        for place, keys in self.keyspaces.items():
            keys.become(older.get(place, Keyspace()))

    def evict(self) -> None:
        """Redis drops some of a partition's keys."""
        keys = self.keyspaces[self.rng.choice(self.places())]
        for there in (keys.entities, keys.histories, keys.deleted):
            for subject in [one for one in there if self.rng.random() < 0.4]:
                self.note(f"redis drops a key of {subject}")
                del there[subject]
        if self.rng.random() < 0.2:
            self.note("redis drops a set of known ids")
            keys.known.clear()

    def start(self, place: Place) -> Process:
        """A new process takes a partition."""
        process = Process(self, place, f"w{self._started}")
        self._started += 1
        self.processes[place].append(process)
        process.start()
        return process

    def rebuild(self, place: Place) -> None:
        """Somebody rebuilds a partition, whoever works on it."""
        process = Process(self, place, f"r{self._started}")
        self._started += 1
        self.rebuilds.append(process)
        process.rebuild()


class Process:
    """One worker's life with one partition: it may be killed or frozen at every step."""

    def __init__(self, world: World, place: Place, name: str) -> None:
        self.world = world
        self.place = place
        self.name = name
        self.alive = True
        self._frozen_until = 0.0
        self._tasks: list[asyncio.Task[Any]] = []
        service, number = place
        self.store = store = FlakyStore(self, world.keyspaces[place])
        self.metrics = WorkerMetrics(service)
        machinery: Machinery[Any] = Machinery(
            aggregate=world.aggregates[service],
            names=Names(),
            partitions=PARTITIONS,
            owner=name,
            writer=FlakyWriter(self),
            open_ledger=self.open_ledger,
            patience=Patience(_yes, 60.0),
            failpoint=Failpoint(),
            metrics=self.metrics,
            traces=world.traces,
        )
        self.consumer = Consumer(self)
        self.partition: Partition[Any] = Partition(machinery, number, store, self.consumer)

    def start(self) -> None:
        """As the group's assignment does."""
        self.world.note(f"{self.name} starts on {self.place}")
        self.partition.inbox.shut()
        self._tasks = [
            asyncio.create_task(self.partition.run()),
            asyncio.create_task(self.consumer.pump(self.partition.inbox.offer)),
        ]
        self._tasks[0].add_done_callback(self._ended)

    def rebuild(self) -> None:
        """Be a rebuild instead: an operator's command, of whose own clients this world takes the place."""
        self.world.note(f"{self.name} rebuilds {self.place}")
        service, number = self.place
        mine: Any = self
        work = Rebuild(self.world.aggregates[service], Names(), mine, mine, HISTORY, lambda _: None)
        self._tasks = [asyncio.create_task(work.partition(number))]
        self._tasks[0].add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.alive = False
        if not task.cancelled() and task.exception() is not None:
            self.world.note(f"{self.name} failed: {task.exception()!r}")
        for other in self._tasks:
            other.cancel()

    def kill(self) -> None:
        """SIGKILL: nothing of it goes on, and what it knew is gone."""
        if self.alive:
            self.world.note(f"{self.name} is killed")
        self.alive = False
        for task in self._tasks:
            task.cancel()

    @property
    def frozen(self) -> bool:
        """Whether it is stopped (SIGSTOP) at this moment."""
        return asyncio.get_running_loop().time() < self._frozen_until

    def failed(self) -> BaseException | None:
        """What ended the worker, where this world did not ask for it."""
        main = self._tasks[0]
        why = main.exception() if main.done() and not main.cancelled() else None
        return None if isinstance(why, ProducerBroken | Interrupted) else why

    async def step(self) -> None:
        """Any moment in between: here it may die, freeze, or wait its turn."""
        world, loop = self.world, asyncio.get_running_loop()
        if not self.alive:
            await loop.create_future()
        if (faults := world.faults) is not None:
            world.steps += 1
            chance = world.rng.random()
            if chance < faults.crash or world.steps in faults.crash_at:
                self.kill()
                await loop.create_future()
            elif faults.zombies and chance < faults.crash + faults.freeze:
                self._frozen_until = loop.time() + world.rng.choice((0.5, 5.0, 20.0))
                world.note(f"{self.name} is frozen until {self._frozen_until:.3f}")
        await asyncio.sleep(world.rng.choice((0, 0, 0.001, 0.005)))
        while (still := self._frozen_until - loop.time()) > 0:  # noqa: ASYNC110  # it may be frozen for longer
            await asyncio.sleep(still)

    @asynccontextmanager
    async def open_ledger(self, partition: int) -> AsyncIterator[MemoryLedger]:
        await self.step()
        yield MemoryLedger(self, partition)


async def _yes() -> bool:
    return True


class Consumer:
    """The group's consumer as one partition steers it; hands over records in runs of any length."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._paused = True
        self._position = 0
        self._wake = asyncio.Event()

    def committed(self) -> int:
        """What the group remembers."""
        return self._process.world.committed.get(self._process.place, 0)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._wake.set()

    def seek(self, offset: int) -> None:
        self._position = offset
        self._wake.set()

    async def commit(self, offset: int) -> None:
        await self._process.step()
        self._process.world.must_be_logged(self._process.place, "the commit", offset - 1)
        self._process.world.committed[self._process.place] = offset
        if self._fails():
            raise KafkaError("commit")

    async def state_end(self) -> int:
        await self._process.step()
        if self._fails():
            raise KafkaError("end of states")
        service, number = self._process.place
        return self._process.world.topic(f"{service}.state", number).end

    def _fails(self) -> bool:
        faults = self._process.world.faults
        return faults is not None and self._process.world.rng.random() < faults.kafka_error

    def _may_fetch(self) -> bool:
        return not self._paused

    async def pump(self, offer: Callable[[list[InputRecord]], None]) -> None:
        """Fetch for ever; what was fetched before a seek may still come after it, once."""
        process, rng = self._process, self._process.world.rng
        service, number = process.place
        topic = process.world.topic(f"{service}.in", number)
        topic.watchers.append(self._wake)
        while True:
            at = self._position
            found = topic.since(at)[: rng.randrange(1, 9)]
            if not self._may_fetch() or not found:
                self._wake.clear()
                await self._wake.wait()
                continue
            await process.step()
            if self._position != at and rng.random() < 0.5:
                offer(found)  # fetched before the seek
            elif self._position == at and self._may_fetch():
                self._position = found[-1].offset + 1
                offer(found)
            await asyncio.sleep(rng.choice((0, 0.005, 0.02)))


class FlakyWriter:
    """Appends that land in parts, late, after their sender's death, or with their acknowledgement lost."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def append(self, stream: str, partition: int, records: list[Outgoing]) -> int:
        """Land in runs; the offset of the last record."""
        service = self.process.place[0]
        return await self._land(f"{service}.{stream}", partition, records)

    async def route(self, routed: Iterable[Routed]) -> None:
        """Each to the partition of its key."""
        places: dict[tuple[str, int], list[Outgoing]] = {}
        for one in routed:
            place = (one.topic, partition_of(one.routing_key, PARTITIONS))
            places.setdefault(place, []).append(one.record)
        await asyncio.gather(*(self._land(name, number, these) for (name, number), these in places.items()))

    async def _land(self, name: str, partition: int, records: list[Outgoing]) -> int:
        world, topic = self.process.world, self.process.world.topic(name, partition)
        left = list(records)
        last = -1
        while left:
            size = world.rng.randrange(1, len(left) + 1) if world.rng.random() < 0.4 else len(left)
            try:
                await self.process.step()
            except asyncio.CancelledError:
                self._stray(topic, left)
                raise
            self._fail()
            if name.split(".")[1] in ("events", "state", "dead"):
                world.must_be_logged(self.process.place, name, cause_of(left[size - 1].headers))
            last = topic.append(left[:size])
            left = left[size:]
            await self.process.step()
            self._fail()
        return last

    def _stray(self, topic: Topic, records: list[Outgoing]) -> None:
        """What a dead process had on the wire may still land; a prefix of it, for the broker keeps the order."""
        world = self.process.world
        faults = world.faults
        if faults is None or not faults.strays or self.process.alive or world.rng.random() < 0.5:
            return
        some = records[: world.rng.randrange(1, len(records) + 1)]
        delay = world.rng.choice((0, 0.002, 0.05, 3.0))
        world.note(f"{self.process.name} leaves {len(some)} strays to land in {delay} s")
        landing = asyncio.get_running_loop().call_later(delay, topic.append, some)
        world.last_stray = max(world.last_stray, landing.when())

    def _fail(self) -> None:
        world = self.process.world
        if world.faults is not None and world.rng.random() < world.faults.kafka_error:
            failure = world.rng.choice((PlaceUnknown, ProducerBroken))
            world.note(f"{self.process.name} is told {failure.__name__}")
            raise failure("append")


class FlakyStore:
    """The store behind a connection that loses requests and answers."""

    def __init__(self, process: Process, keyspace: Keyspace) -> None:
        self.process = process
        self.inner = MemoryStore(keyspace, HISTORY, self._clock, LOADED_AT_ONCE)

    def _clock(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000)

    async def take(self, owner: str, lease_ms: int = 0) -> Ownership:
        return await self._call(lambda: self.inner.take(owner, lease_ms))

    async def load(self, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        return await self._call(lambda: self.inner.load(own, subjects))

    async def reached(self) -> tuple[int, int]:
        return await self._call(self.inner.reached)

    async def members(self, index: tuple[str, str]) -> list[str]:
        return await self._call(lambda: self.inner.members(index))

    async def apply(self, own: Ownership, folded: Folded, log_offset: int) -> None:
        self.process.world.must_be_logged(self.process.place, "Redis", folded.last)
        # The caller learns of it only with the answer.
        copy = Ownership(own.owner, own.epoch, own.input_offset, own.log_offset, own.counters)
        await self._call(lambda: self.inner.apply(copy, folded, log_offset))
        own.input_offset, own.log_offset = copy.input_offset, copy.log_offset

    async def hold(self, own: Ownership, lease_ms: int) -> None:
        await self._call(lambda: self.inner.hold(own, lease_ms))

    async def say(self, own: Ownership, fields: Mapping[str, str]) -> None:
        await self._call(lambda: self.inner.say(own, fields))

    async def holds_anything(self) -> bool:
        return await self._call(self.inner.holds_anything)

    async def clear(self, own: Ownership) -> None:
        await self._call(lambda: self.inner.clear(own))

    async def _call(self, effect: Callable[[], Awaitable[T]]) -> T:
        await self.process.step()
        self._fail()
        result = await effect()
        await self.process.step()
        self._fail()
        return result

    def _fail(self) -> None:
        world = self.process.world
        away = asyncio.get_running_loop().time() < world.redis_away_until
        if away or (world.faults is not None and world.rng.random() < world.faults.redis_error):
            raise RedisAway("away")


class MemoryLedger:
    """One partition of a service's topics, read back."""

    def __init__(self, process: Process, partition: int) -> None:
        self._process = process
        self._partition = partition

    def _topic(self, stream: str) -> Topic:
        return self._process.world.topic(f"{self._process.place[0]}.{stream}", self._partition)

    async def log_bounds(self) -> tuple[int, int]:
        """First offset, and the one after the last."""
        await self._process.step()
        return 0, self._topic("log").end

    async def read_log(self, start: int, end: int) -> AsyncIterator[list[tuple[int, bytes]]]:
        """Chunks of any length."""
        at = start
        while at < end:
            await self._process.step()
            size = self._process.world.rng.randrange(1, 12)
            chunk = [record for record in self._topic("log").since(at)[:size] if record.offset < end]
            at = chunk[-1].offset + 1
            yield [(record.offset, record.value or b"") for record in chunk]

    async def reach(self, stream: str) -> Reach:
        """How far the stream's end speaks of the input."""
        await self._process.step()
        topic = self._topic(stream)
        tail = topic.since(topic.begin)[-_TAIL:]
        offset = max((cause_of(one.headers) for one in tail), default=-1)
        values = frozenset(one.value for one in tail if cause_of(one.headers) == offset)
        return Reach(offset, values, topic.gone_before if not tail and topic.end else None)

    async def state_bounds(self) -> tuple[int, int]:
        """First offset, and the one after the last."""
        await self._process.step()
        return 0, self._topic("state").end

    async def state_keys(self, start: int, end: int) -> set[bytes]:
        """Whose states lie there."""
        await self._process.step()
        return {one.key or b"" for one in self._topic("state").since(start) if one.offset < end}

    async def input_bounds(self) -> tuple[int, int]:
        """First offset, and the one after the last."""
        await self._process.step()
        return 0, self._topic("in").end

    async def input_at(self, offset: int) -> InputRecord | None:
        """An input record."""
        await self._process.step()
        return next((one for one in self._topic("in").since(offset) if one.offset == offset), None)
