"""Every process does its work under its own user, over TLS, and never asks for what its rights don't say."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from libs.contracts.names import SERVICES
from libs.local.ports import free_port
from libs.runtime.producer import make_producer
from libs.security.webhooks import sign
from services.simulator.agent_server import AgentUpstream
from services.simulator.agent_stories import AgentStory
from services.simulator.channel import Channel
from services.simulator.strategy_server import StrategyUpstream
from services.simulator.strategy_stories import Stories
from tests.contracts.golden import KEYS, MESSAGES, message
from tests.real.workers import ROOT, ConnectorProcess, WorkerProcess
from tests.secured.clients import access
from tests.secured.rights import Rights
from tests.secured.servers import ADMIN, Secured

pytestmark = [pytest.mark.real, pytest.mark.asyncio]

SECRET = bytes(range(24))
MASTER_KEY = "ab" * 32
GATEWAY = ("operations", "executions")
UPSTREAM = ("key-of-the-upstream", "secret-of-the-upstream")
ACCOUNT = KEYS["strategies"].decode()
BEYOND = 20_000  # more than any number of the golden messages
SCOPES = ["agents:read", "operations:read", "executions:read", "strategies:read", "strategy_versions:read"]


class Processes:
    """All of them, each under its user."""

    def __init__(self, secured: Secured, folder: Path) -> None:
        self._folder = folder
        self.gateway, self.api = free_port(), 0
        self.api = free_port(self.gateway)
        more = {
            "GATEWAY_PORT": str(self.gateway),
            "API_PORT": str(self.api),
            "WEBHOOK_SECRETS": "whsec_" + base64.b64encode(SECRET).decode(),
            "MASTER_KEY": MASTER_KEY,
        }
        self.all: dict[str, WorkerProcess] = {
            name: WorkerProcess(f"services.{name}", secured.environment(name, **more), folder / f"{name}.log")
            for name in (*SERVICES, "gateway", "api", "metrics")
        }

    def connect(self, secured: Secured, orders: int, trades: int) -> None:
        """Start the connectors as well, with the upstreams of strategies and agents on these ports."""
        key, secret = UPSTREAM
        words = {
            "connect-strategies": (
                "strategies",
                f"--url=ws://127.0.0.1:{orders}/v1/ws",
                f"--account={ACCOUNT}",
            ),
            "connect-agents": ("agents", f"--url=ws://127.0.0.1:{trades}/agents/current/stream"),
        }
        for name, some in words.items():
            own = {"UPSTREAM_API_KEY": key, "UPSTREAM_API_SECRET": secret} if "strategies" in name else {}
            environment = secured.environment(name, **own)
            self.all[name] = ConnectorProcess(some, environment, self._folder / f"{name}.log")

    def stop(self) -> dict[str, int]:
        """Stop them; their exit statuses."""
        return {name: one.stop() for name, one in self.all.items()}

    def said(self) -> str:
        """All that they logged."""
        return "\n".join(f"--- {name}\n{one.log.read_text()}" for name, one in self.all.items())


@pytest.fixture
def processes(secured: Secured, tmp_path: Path) -> Iterator[Processes]:
    """Running; stopped at the end at the latest."""
    started = Processes(secured, tmp_path)
    yield started
    started.stop()


async def _post(port: int, service: str, body: bytes) -> int:
    at, name = int(time.time()), f"msg_{time.time_ns()}"
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(SECRET, name, at, body),
        "content-type": "application/json",
    }
    async with httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/webhooks/trade-strategy/{service}"
        return (await client.post(url, content=body, headers=headers)).status_code


async def _until(what: str, asked: Any, processes: Processes, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if await asked():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"not within {seconds} s: {what}\n{processes.said()[-6_000:]}"
        await asyncio.sleep(0.3)


async def _feed(producer: AIOKafkaProducer, processes: Processes) -> None:
    """The golden messages: webhooks by the gateway, the others by a producer, and in each topic one that is refused."""
    for service in GATEWAY:
        for name in MESSAGES[service]:
            assert await _post(processes.gateway, service, message(service, name)) == 202
    for service in SERVICES:
        for name in MESSAGES[service] if service not in GATEWAY else ():
            value = message(service, name)
            key = KEYS.get(service) or json.loads(value)["strategy_id"].encode()
            await producer.send_and_wait(f"{service}.in", value, key)
        await producer.send_and_wait(f"{service}.in", b"not JSON", b"x")
    instrument = {"symbol": "AAPL", "price": "1", "ts": "2026-01-01T00:00:00Z", "step": "1", "minimum": "0"}
    await producer.send_and_wait("instruments.in", json.dumps(instrument).encode(), b"AAPL")


async def _folded(redis: Redis) -> bool:
    for service in SERVICES:
        counters: Mapping[bytes, bytes] = await redis.hgetall(f"{{{service}.0}}:counters")  # type: ignore[assignment]
        wanted = len(MESSAGES[service]) + 1
        if int(counters.get(b"in_total", 0)) < wanted or int(counters.get(b"quarantined_total", 0)) != 1:
            return False
    return True


async def test_all_processes_work_under_their_users_and_ask_for_no_more(
    secured: Secured, users: Mapping[str, Rights], processes: Processes
) -> None:
    kafka, redis_access = access(secured, ADMIN)
    redis = redis_access.client()
    producer = make_producer(kafka, "test")
    await producer.start()
    try:
        await redis.execute_command("ACL LOG", "RESET")  # type: ignore[no-untyped-call]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{processes.gateway}") as client:
            await _until("gateway", lambda: _answers(client, "/readyz"), processes)
        await _feed(producer, processes)
        await _until("everything is folded", lambda: _folded(redis), processes)
        owner = json.loads(message("versions", "registered"))["data"]["organization_id"]
        made = await _operator(
            secured, "token", "create", "--organization", owner, "--scope", *SCOPES, "--json"
        )
        headers = {"Authorization": f"Bearer {json.loads(made)['token']}"}
        url = f"http://127.0.0.1:{processes.api}"
        operation = json.loads(message("operations", "settled"))["id"]
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            await _until("api", lambda: _answers(client, "/readyz"), processes)
            for path in (f"/api/v1/operations/{operation}", f"/api/v1/operations/{operation}/history"):
                await _until(path, lambda path=path: _answers(client, path), processes, 20)
            for path in ("/agents", "/api/v1/executions", "/api/v1/strategies"):
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
        await _until("metrics", lambda: _counted(redis, secured.series), processes, 30)
        await _connectors(redis, processes, secured)
        said = processes.said()
        statuses = processes.stop()
        refused = await redis.execute_command("ACL LOG")  # type: ignore[no-untyped-call]
        assert refused == [], refused
        for word in ("NOPERM", "NoPermission", "AuthorizationFailed", "TOPIC_AUTHORIZATION"):
            assert word not in said, said[said.index(word) - 2_000 :][:4_000]
        assert set(statuses.values()) == {0}, statuses
        assert set(statuses) == set(users)
    finally:
        await producer.stop()
        await redis.aclose()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "--json"), '"topic_exists": true'),
        (("topics", "create"), "all topics are there"),
        (("api-key", "create", "--account", ACCOUNT), "api_key: "),
    ],
)
async def test_commands_of_an_operator_go_the_same_way(
    secured: Secured, words: tuple[str, ...], said: str
) -> None:
    assert said in await _operator(secured, *words)


async def _operator(secured: Secured, *words: str) -> str:
    """What a command prints, by an operator who may do everything in Kafka and in Redis."""
    environment = {**os.environ, **secured.environment(ADMIN, MASTER_KEY=MASTER_KEY)}
    command = [sys.executable, "-m", "services.cli", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "such as a Redis that the command did not get at"
    return done.stdout


async def _answers(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200


async def _counted(redis: Redis, series: bool) -> bool:
    """Whether the figures are there, and where Redis has TimeSeries, those of a service as series."""
    total, agents = await redis.hget("m:now:operations", "in_total"), await redis.exists("m:agents")
    sampled = not series or await redis.exists("ts:rate:operations", "ts:in_total:executions") == 2
    return total is not None and int(total) > 0 and bool(agents) and sampled


async def _connectors(redis: Redis, processes: Processes, secured: Secured) -> None:
    """Both connectors, each with an upstream that has something to tell.

    That of strategies can't be had from its beginning any more: the account's strategies are read from Redis then, and
    asked for one by one.
    """
    strategies, agents = StrategyUpstream(*UPSTREAM, Channel(keep=0.0)), AgentUpstream(["upstream-1"])
    strategies.channel.last = BEYOND
    _tell(strategies)
    async with strategies.serving("127.0.0.1", 0) as orders, agents.serving("127.0.0.1", 0) as trades:
        processes.connect(secured, orders, trades)
        await _until("what has to be repaired is asked for", lambda: _true(strategies.asked), processes)
        await _until("the agents' connector", lambda: _true(agents.connections), processes)
        _tell(strategies)
        for said in AgentStory(1).snapshot("2026-01-01T00:00:00.000Z"):
            agents.emit("upstream-1", said)
        agent, account = "{agents.0}:agent:upstream-1", f"{{strategies.0}}:account:{ACCOUNT}"
        await _until("an agent is known", lambda: redis.exists(agent), processes)
        last = str(strategies.channel.last).encode()
        await _until("an event of strategies", lambda: _is(redis, account, "upstream_seq", last), processes)


def _tell(upstream: StrategyUpstream) -> None:
    told = Stories(1, 1).next()
    upstream.emit(told.strategy_id, told.event, told.data, "2026-01-01T00:00:00.000Z")


async def _true(what: object) -> bool:
    return bool(what)


async def _is(redis: Redis, key: str, field: str, wanted: bytes) -> bool:
    return await redis.hget(key, field) == wanted
