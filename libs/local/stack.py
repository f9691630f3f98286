"""The local Kafka and Redis of one folder, together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from libs.local.jars import Fetch, bring, cache_folder, manifest, missing
from libs.local.kafka import kafka
from libs.local.maven import fetch as fetch_by_maven
from libs.local.owner import Owner
from libs.local.ports import HOST
from libs.local.process import Server
from libs.local.programs import find_java, find_redis
from libs.local.redis import redis


@dataclass(frozen=True, slots=True)
class Status:
    """A server of the stack: where it listens, as `host:port`, and its process id, None where it does not run."""

    name: str
    address: str
    pid: int | None


class LocalStack:
    """A Kafka and a Redis that keep what they have in the folder `data` and listen on loopback.

    Both outlive whoever starts them, and are found again by their folder. `kafka` and `redis` can be started and
    stopped each by itself. Methods raise LocalStackError with one line for the user. Nothing is looked for, fetched or
    written before a server is started. The ports `besides` are left to others.
    """

    def __init__(
        self,
        data: Path,
        kafka_port: int,
        redis_port: int,
        *,
        besides: Collection[int] = (),
        cache: Path | None = None,
        fetch: Fetch = fetch_by_maven,
        console: Console | None = None,
    ) -> None:
        self.data = data.absolute()
        self.kafka_servers = f"{HOST}:{kafka_port}"
        self.redis_url = f"redis://{HOST}:{redis_port}/0"
        self.kafka: Server = kafka(self.data, kafka_port, find_java, self._jars, (redis_port, *besides))
        self.redis: Server = redis(self.data, redis_port, find_redis)
        self._cache = cache or cache_folder()
        self._fetch = fetch
        self._console = console or Console(stderr=True)

    def up(self) -> list[str]:
        """Start what does not run and wait until both serve; the names of those started."""
        return start(self.redis, self.kafka)

    def down(self) -> list[str]:
        """Stop what runs; the names of those stopped. What they keep stays in the folder."""
        return [server.name for server in (self.kafka, self.redis) if server.stop()]

    def status(self) -> list[Status]:
        """Both servers, as they are now."""
        return [Status(server.name, server.address, server.pid) for server in (self.kafka, self.redis)]

    def _jars(self) -> list[Path]:
        """The broker's class path; what the cache lacks is fetched first, with a progress bar."""
        jars = manifest()
        if lacking := missing(jars, self._cache):
            with Progress(
                TextColumn("fetching {task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
            ) as bar:
                task = bar.add_task(f"Kafka: {len(lacking)} files", total=sum(jar.length for jar in lacking))
                bring(lacking, self._cache, self._fetch, lambda count: bar.advance(task, count))
        return [self._cache / jar.name for jar in jars]


def start(*servers: Server, owner: Owner | None = None) -> list[str]:
    """Start those that don't run, in order; where one fails, those started before it are stopped again.

    They belong to ``owner``, as do those that run already and whose owner is gone.
    """
    started: list[Server] = []
    try:
        for server in servers:
            if server.start(owner):
                started.append(server)  # noqa: PERF401 - what was started so far has to be known when one fails
    except BaseException:
        for server in started:
            server.stop()
        raise
    return [server.name for server in started]
