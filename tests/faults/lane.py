"""One fault run: a namespace with its workers under load, what is done to it, and the verdict of the oracle."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.local.errors import LocalStackError
from libs.local.stack import LocalStack
from libs.runtime.failpoints import SETTING
from tests.faults.traffic import traffic
from tests.real.deployment import SERVICES, Deployment, HarnessFailed
from tests.real.oracle import Audit, audit
from tests.real.topics import Feeder
from tests.real.verify import verify
from tests.real.workers import WorkerProcess
from tests.stack import Servers

Scenario = Callable[["Lane"], Awaitable[None]]
# What the tests' own clients of Kafka and Redis raise, and what a test raises where they never answered. What the
# program does shows in its processes and in what they leave behind, which is judged by assertions.
OURS = (RedisError, KafkaError, ConnectionError, TimeoutError, LocalStackError, HarnessFailed)
_KILLED = -9
_PATIENCE = 150  # seconds; a session times out after 10, and the machine may be a busy one
_SLICES = 40


@dataclass
class Outcome:
    """How a run ended; ``faults`` counts kills, pauses, restarts and the like, ``doubles`` what readers dropped.

    ``wrong`` says what the program did wrong, ``unjudged`` why there is no verdict: the tests' own clients failed.
    """

    name: str
    events: int
    faults: int = 0
    doubles: int = 0
    seconds: float = 0.0
    wrong: str = ""
    unjudged: str = ""

    @property
    def amiss(self) -> str:
        """Why the run proves nothing good, whosever fault that is; empty where all is well."""
        return self.wrong or (
            f"no verdict, the tests' own clients failed: {self.unjudged}" * bool(self.unjudged)
        )

    @property
    def told(self) -> str:
        """The outcome in a line."""
        if self.wrong:
            return f"WRONG: {self.wrong.splitlines()[0]}"
        if self.unjudged:
            return f"NO VERDICT, the harness failed: {self.unjudged.splitlines()[0]}"
        return "nothing lost, doubled or changed"


@dataclass
class Lane:
    """What a scenario acts on.

    ``size`` counts the records of its load, ``times`` how often to strike; ``mutant`` names the safeguard that all
    of its workers lack.
    """

    stack: LocalStack
    deployment: Deployment
    size: int
    times: int
    rng: Random
    mutant: str = ""
    faults: int = 0
    pushed: int = 0
    feeder: Feeder = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the load."""
        self.feeder = Feeder(self.deployment.servers.kafka, self.deployment.partitions)
        self._load = traffic(self.deployment, self.rng.randrange(2**32), self.size)

    async def feed(self, share: float) -> None:
        """Push the next part of the load at once; the share is of all of it."""
        until = min(self.size, self.pushed + round(self.size * share))
        part = self._load[self.pushed : until]
        self.pushed = until
        await self.feeder.push(part)

    async def pour(self, seconds: float) -> None:
        """Push what is left of the load, spread over some time."""
        share = (self.size - self.pushed) / self.size / _SLICES
        for _ in range(_SLICES):
            await asyncio.gather(self.feed(share), asyncio.sleep(seconds / _SLICES))
        await self.feed(1)

    def start(self, failpoint: str = "", freeze: bool = False) -> list[WorkerProcess]:
        """Start a worker of each service; at the failpoint it is killed, or pauses where ``freeze`` says so."""
        settings = {SETTING: failpoint} if failpoint else {}
        if not (freeze or self.mutant):
            return [self.deployment.start(service, **settings) for service in SERVICES]
        settings["STRATAFOLD_TEST_MUTANT"] = self.mutant
        if freeze:
            settings["STRATAFOLD_TEST_FREEZE"] = "1"
        return [
            self.deployment.start(service, "tests.faults.entry", **settings, STRATAFOLD_TEST_SERVICE=service)
            for service in SERVICES
        ]

    async def killed(self, workers: list[WorkerProcess], seconds: float = _PATIENCE) -> None:
        """Wait until each of them was killed at its failpoint."""
        end = time.monotonic() + seconds
        while any(worker.status is None for worker in workers):
            said = self.deployment.last_words
            assert time.monotonic() < end, f"a failpoint was not reached in {seconds} s\n{said()}"
            await asyncio.sleep(0.05)
        assert {worker.status for worker in workers} == {_KILLED}, self.deployment.last_words()
        self.faults += len(workers)

    async def paused(self, workers: list[WorkerProcess], seconds: float = _PATIENCE) -> None:
        """Wait until each of them stopped itself."""
        end = time.monotonic() + seconds
        while not all(worker.stopped() for worker in workers):
            said = self.deployment.last_words
            assert time.monotonic() < end, f"a worker was not paused in {seconds} s\n{said()}"
            await asyncio.sleep(0.05)
        self.faults += len(workers)

    async def forget(self) -> None:
        """Let Redis lose everything of this namespace, as after FLUSHALL, but without a harm to other runs."""
        async with Redis.from_url(self.deployment.servers.redis, socket_timeout=60) as redis:
            keys = [key async for key in redis.scan_iter(match=f"{self.deployment.namespace}:*", count=1000)]
            for at in range(0, len(keys), 1000):
                await redis.unlink(*keys[at : at + 1000])
        self.faults += 1

    async def shared_by(self, workers: int, seconds: float = _PATIENCE) -> None:
        """Wait until each service's partitions have so many different owners."""
        names, end = self.deployment.names, time.monotonic() + seconds
        async with Redis.from_url(self.deployment.servers.redis, socket_timeout=60) as redis:
            for service in SERVICES:
                positions = [names.position(service, p) for p in range(self.deployment.partitions)]
                while len({await redis.hget(key, "owner") for key in positions}) < workers:
                    assert time.monotonic() < end, f"{service} is not shared\n{self.deployment.last_words()}"
                    await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop all workers, which must go with status 0."""
        statuses = await asyncio.to_thread(self.deployment.stop)
        assert set(statuses) <= {0}, f"exit statuses {statuses}\n{self.deployment.last_words()}"


async def run(
    name: str,
    scenario: Scenario,
    stack: LocalStack,
    folder: Path,
    *,
    size: int,
    times: int,
    seed: int = 1,
    mutant: str = "",
    patience: float = _PATIENCE,
) -> Outcome:
    """Run a scenario to its end and look at everything that it left behind; ``patience`` in seconds."""
    began = time.monotonic()
    namespace = "".join(c if c.isalnum() else "-" for c in name)
    home = folder / namespace
    home.mkdir(parents=True)
    deployment = Deployment(Servers(stack.kafka_servers, stack.redis_url), namespace, home)
    lane = Lane(stack, deployment, size, times, Random(f"{name}{seed}"), mutant)
    outcome = Outcome(name, size)
    try:
        await deployment.create()
        await lane.feeder.start()
        await scenario(lane)
        await lane.feed(1)
        await deployment.settle(patience)
        # in a thread and a loop of its own: it computes for seconds, in which other runs' clients would time out
        found = await asyncio.to_thread(asyncio.run, audit(deployment))
        outcome.doubles = found.doubles
        outcome.wrong = await _judge(lane, found)
        await lane.stop()
    except Exception as why:  # noqa: BLE001 - whatever ends a run is its outcome; the others go on
        said = f"{type(why).__name__}: {why}\n{''.join(traceback.format_tb(why.__traceback__)[-3:])}"
        if isinstance(why, OURS):
            outcome.unjudged = said
        else:
            outcome.wrong = said
    finally:
        with suppress(*OURS):
            await lane.feeder.stop()
        for worker in deployment.workers:
            if worker.status is None:
                worker.kill()
        outcome.faults = lane.faults
        outcome.seconds = time.monotonic() - began
    return outcome


async def _judge(lane: Lane, found: Audit) -> str:
    """What is wrong, in words; empty where nothing is. The program's own verification must agree."""
    if found.violations:
        return str(found)
    if not {"applied", "late", "duplicate", "conflict", "quarantined", "forwarded"} <= found.verdicts.keys():
        return f"the load was too tame to prove anything: {found.verdicts}"
    status, said = await asyncio.to_thread(verify, lane.deployment)
    return "" if status == 0 else f"`stratafold verify` ended with {status}: {said}"
