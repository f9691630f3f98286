"""Metrics processes on a real Kafka and a real Redis: what they write, and what becomes of it when one is killed."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from libs.contracts import monitoring
from libs.contracts.statuses import STATUSES
from libs.local.ports import free_port
from libs.telemetry.worker_metrics import STAGES
from tests.contracts import golden
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import WorkerProcess
from tests.services.metrics.crowds import Crowd, clear
from tests.stack import Servers

pytestmark = pytest.mark.real

FIELDS = {
    "m:feed": monitoring.FEED_FIELDS,
    "m:agent:agent-1": monitoring.AGENT_FIELDS,
    "m:agent:agent-1:equity": monitoring.EQUITY_FIELDS,
    "m:strategy:acme:strat_8f2a1b": monitoring.STRATEGY_FIELDS,
    **{f"m:{service}:status": names for service, names in STATUSES.items()},
    **{
        f"m:{kind}:{name}": monitoring.PIPELINE_FIELDS
        for kind in ("now", "ts", "ts1m")
        for name in golden.MESSAGES
    },
    **{f"m:{kind}:business": monitoring.BUSINESS_FIELDS for kind in ("now", "ts", "ts1m")},
}
FREE = ("m:operations:reasons", "m:executions:reasons", "m:executions:notional", "m:agents:blocks")


class Metrics:
    """Metrics processes of one namespace, and the keys that they write."""

    def __init__(self, deployment: Deployment, redis: Redis) -> None:
        self._deployment = deployment
        self._redis = redis

    def start(self) -> WorkerProcess:
        """One more of them."""
        return self._deployment.start("metrics")

    def key(self, name: str) -> str:
        """In the namespace."""
        return self._deployment.names.key(name)

    async def fields(self, name: str) -> tuple[str, ...]:
        """Those of a hash, or of a stream's last entry; of every entry the same ones."""
        kind = await self._redis.type(self.key(name))
        if kind == "hash":
            table: Any = await self._redis.hgetall(self.key(name))
            return tuple(table)
        entries: Any = await self._redis.xrange(self.key(name)) if kind == "stream" else []
        shapes = {tuple(fields) for _, fields in entries}
        assert len(shapes) <= 1, (name, shapes)
        return shapes.pop() if shapes else ()

    async def table(self, name: str) -> dict[str, str]:
        """A hash."""
        found: Any = await self._redis.hgetall(self.key(name))
        return dict(found)

    async def length(self, name: str) -> int:
        """Of a stream."""
        return int(await self._redis.xlen(self.key(name)))

    async def seconds(self, name: str = "business") -> list[int]:
        """The ids of a stream of seconds, in ms."""
        entries: Any = await self._redis.xrange(self.key(monitoring.seconds(name)))
        return [int(entry_id.partition("-")[0]) for entry_id, _ in entries]

    async def spoil(self, key: str) -> None:
        """As if a stranger had put something else there."""
        await self.mend(key)
        await self._redis.set(key, "a stranger's")

    async def mend(self, key: str) -> None:
        """Take it away again."""
        await self._redis.delete(key)

    async def leave_a_minute_unfinished(self) -> None:
        """As if there had been a writer a minute ago, which did not live to its end."""
        now, _ = await self._redis.time()
        for name in (*golden.MESSAGES, "business"):
            fields = monitoring.BUSINESS_FIELDS if name == "business" else monitoring.PIPELINE_FIELDS
            entry: Any = dict.fromkeys(fields, "0")
            await self._redis.xadd(self.key(monitoring.seconds(name)), entry, f"{(now - 60) * 1_000}-0")

    async def until(self, there: Callable[[], Awaitable[bool]], seconds: float = 40) -> None:
        """Wait for something to be true."""
        end = time.monotonic() + seconds
        while not await there():
            assert time.monotonic() < end, self._deployment.last_words()
            await asyncio.sleep(0.1)

    async def until_written(self, more: int) -> list[int]:
        """Wait for so many more seconds of figures."""
        before = len(await self.seconds())

        async def there() -> bool:
            return len(await self.seconds()) >= before + more

        await self.until(there)
        return await self.seconds()


@pytest.fixture
def deployment(shared_servers: Servers, namespace: str, tmp_path: Path) -> Iterator[Deployment]:
    deployed = Deployment(shared_servers, namespace, tmp_path, 1, tuple(golden.MESSAGES))
    yield deployed
    deployed.stop()


@pytest.fixture
async def metrics(deployment: Deployment, redis_url: str) -> AsyncIterator[Metrics]:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        yield Metrics(deployment, redis)


def _whole_and_close(seconds: list[int]) -> None:
    """Each once, in order, and never more than five seconds apart."""
    assert all(at % 1_000 == 0 for at in seconds)
    steps = [after - before for before, after in pairwise(seconds)]
    assert all(0 < step <= 5_000 for step in steps), steps


async def test_when_the_writer_is_killed_another_goes_on_within_five_seconds(metrics: Metrics) -> None:
    """No second has two entries, and none is more than five seconds from the one before, in any stream."""
    first, second = metrics.start(), metrics.start()
    await metrics.until_written(3)
    writer = await _writer(metrics, first, second)
    writer.kill()
    await metrics.until_written(3)
    third = metrics.start()
    ({first, second} - {writer}).pop().kill()
    await metrics.until_written(3)
    assert third.stop() == 0
    for name in (*golden.MESSAGES, "business"):
        _whole_and_close(await metrics.seconds(name))


async def test_a_writer_that_is_paused_and_wakes_up_writes_no_more(metrics: Metrics) -> None:
    """The other one stays the writer; a stop hands over at once."""
    first, second = metrics.start(), metrics.start()
    await metrics.until_written(2)
    writer = await _writer(metrics, first, second)
    other = ({first, second} - {writer}).pop()
    writer.signal(signal.SIGSTOP)
    await metrics.until_written(2)
    writer.signal(signal.SIGCONT)
    await metrics.until_written(3)
    assert other.stop() == 0
    seconds = await metrics.until_written(2)
    _whole_and_close(seconds)
    assert seconds[-1] - seconds[-3] <= 4_000


async def _writer(metrics: Metrics, *several: WorkerProcess) -> WorkerProcess:
    """The one that is writing: where it stands still, nothing is written."""
    for one in several:
        one.signal(signal.SIGSTOP)
        before = len(await metrics.seconds())
        await asyncio.sleep(1.6)
        written = len(await metrics.seconds()) > before
        one.signal(signal.SIGCONT)
        if not written:
            return one
    raise AssertionError("nobody writes")


async def test_every_key_is_there_with_every_field(deployment: Deployment, metrics: Metrics) -> None:
    """Under the sources' own examples; a minute's entry comes once it is over, whoever wrote its seconds."""
    await deployment.create()
    await metrics.leave_a_minute_unfinished()
    for service in golden.MESSAGES:
        deployment.start(service)
        key = golden.KEYS.get(service)
        topic = deployment.topic(f"{service}.in")
        await deployment.push([Push(topic, value, key) for value in golden.messages(service)])
    metrics.start()

    async def complete() -> bool:
        with suppress(ResponseError):
            free = [await metrics.fields(name) for name in FREE]
            shown = {name: sorted(await metrics.fields(name)) for name in FIELDS}
            return all(free) and shown == {name: sorted(fields) for name, fields in FIELDS.items()}
        return False

    await metrics.until(complete, 90)


async def test_what_waits_and_what_was_refused_is_told_by_count_and_age(
    deployment: Deployment, metrics: Metrics
) -> None:
    """And who takes over tells no event a second time."""
    await deployment.create()
    topic = deployment.topic("executions.in")
    values = [*golden.messages("executions"), b"no json"]
    await deployment.push([Push(topic, value) for value in values])
    writer = metrics.start()

    async def waiting() -> bool:
        now = await metrics.table("m:now:executions")
        return now.get("lag") == "4" and float(now["lag_seconds"]) > 2

    await metrics.until(waiting)
    deployment.start("executions")

    async def folded() -> bool:
        now, business = await metrics.table("m:now:executions"), await metrics.table("m:now:business")
        told = await metrics.table("m:feed:next")
        letters = business["dead_letters"] == "1" and float(business["oldest_dead_letter_seconds"]) > 0
        return (now["lag"], now["lag_seconds"]) == ("0", "0") and letters and bool(told)

    await metrics.until(folded)
    await metrics.until_written(2)
    told = await metrics.length("m:feed")
    writer.kill()
    metrics.start()
    await metrics.until_written(3)
    assert await metrics.length("m:feed") == told > 0


async def test_without_kafka_there_are_figures_all_the_same(
    deployment: Deployment, metrics: Metrics, tmp_path: Path
) -> None:
    """What Redis tells, second by second; that Kafka is away is said once."""
    process = deployment.start("metrics", STRATAFOLD_KAFKA=f"127.0.0.1:{free_port()}")
    _whole_and_close(await metrics.until_written(4))
    assert set(await metrics.fields("m:now:agents")) == set(monitoring.PIPELINE_FIELDS)
    assert process.stop() == 0
    assert (tmp_path / "metrics.log").read_text().count("Kafka does not answer") == 1


async def test_a_process_waits_for_redis_says_so_and_can_be_stopped(
    deployment: Deployment, metrics: Metrics, tmp_path: Path
) -> None:
    """With status 0, for nothing is wrong with its settings."""
    process = deployment.start("metrics", STRATAFOLD_REDIS=f"redis://127.0.0.1:{free_port()}/0")
    log = tmp_path / "metrics.log"

    async def told() -> bool:
        return "waiting for Redis" in log.read_text()

    await metrics.until(told)
    assert process.stop() == 0


@pytest.fixture
async def twelve(
    shared_servers: Servers, redis_url: str, namespace: str, tmp_path: Path
) -> AsyncIterator[tuple[Metrics, Crowd]]:
    """Twelve partitions of each service, and a crowd in them."""
    deployed = Deployment(shared_servers, namespace, tmp_path, 12, tuple(golden.MESSAGES))
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        yield Metrics(deployed, redis), Crowd(redis, namespace, 12)
        deployed.stop()
        await clear(redis, namespace)


async def test_crowds_stop_nothing(twelve: tuple[Metrics, Crowd], tmp_path: Path) -> None:
    """20,000 agents of one moment, in two parts, and 10,800 strategies: all are shown, and no second is missed."""
    metrics, crowd = twelve
    ids = [f"agent-{number:05}" for number in range(20_000)]
    await crowd.strategies(300)
    await crowd.agents(ids[::2])
    metrics.start()
    await metrics.until_written(3)
    await crowd.agents(ids[1::2])

    async def all_shown() -> bool:
        await asyncio.sleep(1)  # for to ask costs Redis more than a look
        return await crowd.shown() == (20_000, 10_800) and await crowd.copied(ids) == 20_000

    await metrics.until(all_shown, 180)
    _whole_and_close(await metrics.until_written(2))
    assert (tmp_path / "metrics.log").read_text().count("this process writes") == 1


async def test_who_can_not_write_is_not_ready_and_says_why(
    deployment: Deployment, metrics: Metrics, tmp_path: Path
) -> None:
    """Whether Redis refuses a figure or a whole look; as soon as it is mended, all goes on."""
    port = free_port()
    index = deployment.names.index("agents", 0, "mode", "LIVE")
    await metrics.spoil(index)
    deployment.start("metrics", STRATAFOLD_METRICS_PORT=str(port))
    async with httpx.AsyncClient() as client:

        async def said(status: int, *words: str) -> bool:
            with suppress(httpx.TransportError):
                answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                return answer.status_code == status and all(word in answer.text for word in words)
            return False

        await metrics.until(lambda: said(503, "nothing was written for", "WRONGTYPE"))
        assert (tmp_path / "metrics.log").read_text().count("WRONGTYPE") == 1
        await metrics.mend(index)
        await metrics.until(lambda: said(200))
        await metrics.spoil(metrics.key("m:now:agents"))
        await metrics.until(lambda: said(503, "m:now:agents"))
        await metrics.mend(metrics.key("m:now:agents"))
        await metrics.until(lambda: said(200))


async def test_workers_and_the_metrics_process_are_scraped(deployment: Deployment, metrics: Metrics) -> None:
    """What a worker did with its batches by stage and verdict, its lag and its readiness; and who writes."""
    await deployment.create()
    ports = {"executions": free_port(), "metrics": free_port()}
    for name, port in ports.items():
        deployment.start(name, STRATAFOLD_METRICS_PORT=str(port))
    topic = deployment.topic("executions.in")
    await deployment.push([Push(topic, value) for value in golden.messages("executions")])
    async with httpx.AsyncClient() as client:

        async def scraped(name: str, path: str = "metrics") -> str:
            with suppress(httpx.TransportError):
                return (await client.get(f"http://127.0.0.1:{ports[name]}/{path}")).text
            return ""

        async def folded() -> bool:
            return 'records_total{service="executions",verdict="applied"} 3.0' in await scraped("executions")

        async def writes() -> bool:
            return "stratafold_metrics_writing 1.0" in await scraped("metrics")

        await metrics.until(folded)
        await metrics.until(writes)
        told = await scraped("executions")
        assert await scraped("executions", "readyz") == '{"data":{"status":"ready"}}'
    for stage in STAGES:
        count = re.search(rf'stage_seconds_count{{service="executions",stage="{stage}"}} (\S+)', told)
        assert count is not None
        assert float(count[1]) >= 1, stage
    assert 'stratafold_worker_lag{partition="0",service="executions"} 0.0' in told
    assert 'stratafold_worker_ready{partition="0",service="executions"} 1.0' in told
    assert 'stratafold_worker_recovery_seconds_count{service="executions"} 1.0' in told
    assert 'entity_lookups_total{result="miss",service="executions"}' in told
