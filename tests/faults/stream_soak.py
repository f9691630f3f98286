"""A soak of the status stream: upstreams, a connector, workers, APIs and their clients, struck again and again."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final

from redis.asyncio import Redis

from libs.local.ports import free_port
from libs.local.stack import LocalStack
from services.simulator.strategy_server import StrategyUpstream
from tests.faults.account_events import Account
from tests.faults.lane import OURS, Outcome
from tests.faults.subscribers import EVERYTHING, Key, Manner, Subscriber
from tests.real.deployment import Deployment
from tests.real.topics import Feeder, Push
from tests.real.verify import verify
from tests.real.workers import ConnectorProcess, WorkerProcess
from tests.services.api.process import MASTER
from tests.services.cli.command import run
from tests.stack import Servers

_SERVICE: Final = "strategies"
_UPSTREAM_KEY, _UPSTREAM_SECRET = "key-1", "what upstream signs with"
_SLICES: Final = 50
_FOR_EVER: Final = 2**31
_PATIENCE: Final = 150.0  # seconds to be shown the rest


@dataclass(frozen=True)
class Size:
    """``events`` over all ``accounts``, told within ``seconds``; ``strikes`` at each of ``kinds`` in turn.

    Redis is flushed once besides.
    """

    events: int
    accounts: int
    clients: int
    strikes: int
    seconds: float
    kinds: tuple[str, ...] = ("worker", "api", "connector")


class Soak:
    """Everything that runs. The first account's events come by a connector, those of the others from a producer."""

    def __init__(self, stack: LocalStack, home: Path, name: str, size: Size, seed: int) -> None:
        home.mkdir(parents=True)
        self._stack = stack
        self._size, self._rng = size, Random(seed)
        servers = Servers(stack.kafka_servers, stack.redis_url)
        self.deployment = Deployment(servers, name, home, services=(_SERVICE,))
        self._settings = {
            "STRATAFOLD_MASTER_KEY": MASTER,
            "STRATAFOLD_REPLAY_SECONDS": "86400",
            "STRATAFOLD_UPSTREAM_API_KEY": _UPSTREAM_KEY,
            "STRATAFOLD_UPSTREAM_API_SECRET": _UPSTREAM_SECRET,
        }
        self._accounts = [
            Account(f"account-{number}", size.events // size.accounts, self._rng.randrange(2**32))
            for number in range(size.accounts)
        ]
        first = self._accounts[0]
        self._upstream = StrategyUpstream(_UPSTREAM_KEY, _UPSTREAM_SECRET, first.channel(), first.name)
        self.feeder = Feeder(servers.kafka, self.deployment.partitions)
        self._workers: list[WorkerProcess] = []
        self._apis: dict[int, WorkerProcess] = {}
        self._connector: WorkerProcess | None = None
        self.struck: Counter[str] = Counter()
        self.subscribers: list[Subscriber] = []

    async def run(self) -> None:
        """From the first event to the last one's frame."""
        await self.deployment.create()
        await self.feeder.start()
        self._workers = [self.deployment.start(_SERVICE) for _ in range(2)]
        for port in (free_port(), free_port()):
            self._serve(port)
        async with self._upstream.serving("127.0.0.1", 0) as port:
            self._connect(port)
            made = await asyncio.gather(*(asyncio.to_thread(self._key, one) for one in self._accounts))
            await self.deployment.settle(_PATIENCE)
            self.subscribers = list(self._clients(made))
            following = [asyncio.create_task(self._follow(one)) for one in self.subscribers]
            try:
                async with asyncio.timeout(self._size.seconds + _PATIENCE):
                    await asyncio.gather(self._tell(), self._strike(port))
                    await asyncio.gather(*following)
            except TimeoutError:
                pass  # what is missing is told by ``amiss``
            finally:
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)

    @property
    def amiss(self) -> str:
        """What clients were shown that they should not have been, or were not shown."""
        wrong = [one.wrong for one in self.subscribers if one.wrong]
        lacking = [
            f"{one.manner.names} was shown {one.shown} of {one.wanted}, {dict(one.ends)}"
            for one in self.subscribers
            if not one.over
        ]
        return "\n".join([*wrong, *lacking])

    async def doubles(self) -> int:
        """How many records of the log a reader drops."""
        dropped = 0
        for records in (await self.deployment.read(f"{_SERVICE}.log")).values():
            last = -1
            for record in records:
                logged = json.loads(record.value or b"")
                if logged["previousinputoffset"] == last:
                    last = logged["inputoffset"]
                else:
                    dropped += 1
        return dropped

    def _serve(self, port: int) -> None:
        settings = {**self._settings, "STRATAFOLD_API_PORT": str(port)}
        self._apis[port] = self.deployment.start("api", **settings)

    def _connect(self, port: int) -> None:
        words = ("strategies", f"--url=ws://127.0.0.1:{port}/v1/ws", f"--account={self._accounts[0].name}")
        settings, log = self.deployment.environment(**self._settings), self.deployment.folder / "connect.log"
        self._connector = ConnectorProcess(words, settings, log)
        self.deployment.workers.append(self._connector)

    def _key(self, account: Account) -> Key:
        words = ("api-key", "create", "--account", account.name, "--json")
        made = run(self.deployment.environment(**self._settings), *words)
        assert made.status == 0, made.err
        return Key(made.json["api_key"], made.json["secret"])

    def _clients(self, keys: list[Key]) -> Iterator[Subscriber]:
        """All manners in turn, each account's in turn."""
        ports = list(self._apis)
        for number in range(self._size.clients):
            account = self._accounts[number % len(keys)]
            names = self._rng.sample(account.strategies, 2)
            manners = (
                Manner((EVERYTHING,), _FOR_EVER),
                Manner((EVERYTHING,), 200),
                Manner((names[0],), 40),
                Manner((EVERYTHING, names[0]), 300),
                Manner(tuple(names), 60),
                Manner((EVERYTHING,), _FOR_EVER, naps=2.0),
            )
            manner = manners[number // len(keys) % len(manners)]
            frames = [one.due for one in account.events]
            rng = Random(self._rng.randrange(2**32))
            yield Subscriber(keys[number % len(keys)], manner, frames, ports, rng)

    async def _follow(self, subscriber: Subscriber) -> None:
        """Every fourth one comes late."""
        if self._rng.random() < 0.25:
            await asyncio.sleep(self._rng.uniform(0, self._size.seconds))
        await subscriber.follow()

    async def _tell(self) -> None:
        """All events, spread over the time; of each account in order."""
        count = len(self._accounts[0].events)
        topic = self.deployment.topic(f"{_SERVICE}.in")
        for part in range(_SLICES):
            some = slice(count * part // _SLICES, count * (part + 1) // _SLICES)
            for one in self._accounts[0].events[some]:
                self._upstream.emit(one.event.strategy_id, one.event.event, one.event.data, one.ts)
            records = [
                Push(topic, record.encode(), account.name.encode())
                for account in self._accounts[1:]
                for one in account.events[some]
                for record in one.records
            ]
            await asyncio.gather(self.feeder.push(records), asyncio.sleep(self._size.seconds / _SLICES))

    async def _strike(self, upstream: int) -> None:
        """Kill one thing after another, and flush Redis halfway."""
        kinds = self._rng.sample(self._size.kinds, len(self._size.kinds))
        pause = self._size.seconds / (self._size.strikes + 1)
        for number, kind in zip(range(self._size.strikes), cycle(kinds), strict=False):
            await asyncio.sleep(pause * self._rng.uniform(0.6, 1.2))
            if number == self._size.strikes // 2:
                async with Redis.from_url(self.deployment.servers.redis) as redis:
                    await redis.flushall()
                self.struck["flush"] += 1
            self.struck[kind] += 1
            match kind:
                case "worker":
                    self._workers.pop(self._rng.randrange(2)).kill()
                    self._workers.append(self.deployment.start(_SERVICE))
                case "api":
                    port = self._rng.choice(list(self._apis))
                    self._apis[port].kill()
                    self._serve(port)
                case "broker":
                    await asyncio.to_thread(self._stack.kafka.kill)
                    await asyncio.to_thread(self._stack.kafka.start)
                case _:
                    assert self._connector is not None
                    self._connector.kill()
                    self._upstream.drop()
                    self._connect(upstream)


async def soak(stack: LocalStack, folder: Path, name: str, size: Size, seed: int = 1) -> Outcome:
    """Run it, and look at what every client was shown, and at what is left behind."""
    began, outcome = time.monotonic(), Outcome(name, size.events)
    one = Soak(stack, folder / name, name.replace(" ", "-"), size, seed)
    try:
        await one.run()
        outcome.wrong = one.amiss
        await one.deployment.settle(_PATIENCE)
        outcome.doubles = await one.doubles()
        status, said = await asyncio.to_thread(verify, one.deployment)
        if status:
            outcome.wrong += f"`stratafold verify` ended with {status}: {said}"
        statuses = await asyncio.to_thread(one.deployment.stop)
        assert set(statuses) == {0}, f"exit statuses {statuses}\n{one.deployment.last_words()}"
    except OURS as why:
        outcome.unjudged = repr(why)
    except AssertionError as why:
        outcome.wrong += str(why)
    finally:
        with suppress(*OURS):
            await one.feeder.stop()
        for process in one.deployment.workers:
            if process.status is None:
                process.kill()
        outcome.faults = one.struck.total()
        outcome.seconds = time.monotonic() - began
        ends: Counter[str] = Counter()
        for client in one.subscribers:
            ends += client.ends
        print(f"{name}: struck {dict(one.struck)}, connections {dict(ends)}")
    return outcome
