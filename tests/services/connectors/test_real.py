"""Connectors as processes, with a real Kafka, workers and a made-up upstream: killed, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from libs.contracts.partitions import partition_of
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_topics
from services.simulator.agent_server import AgentUpstream
from services.simulator.agent_stories import AgentStory
from services.simulator.channel import Channel
from services.simulator.strategy_server import StrategyUpstream
from services.simulator.strategy_stories import Stories
from tests.real.deployment import Deployment
from tests.real.verify import verify
from tests.real.workers import ConnectorProcess
from tests.stack import Servers

pytestmark = pytest.mark.real

KEY, SECRET = "key-1", "a-secret-nobody-sees"
BOTH = ("agents", "strategies")
EVENTS = 1_500


@pytest.fixture
async def deployment(shared_servers: Servers, namespace: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Both services at work."""
    made = Deployment(shared_servers, namespace, tmp_path, partitions=2, services=("agents", "strategies"))
    await create_topics(KafkaAccess(shared_servers.kafka), made.names, BOTH, 2, 1)
    for service in BOTH:
        made.start(service)
    await made.settle(services=BOTH)
    yield made
    assert set(made.stop()) == {0}, made.last_words()


def connector(deployment: Deployment, *words: str, **settings: str) -> ConnectorProcess:
    """A connector as the command line starts it."""
    environment = deployment.environment(
        STRATAFOLD_UPSTREAM_API_KEY=KEY, STRATAFOLD_UPSTREAM_API_SECRET=SECRET, **settings
    )
    return ConnectorProcess(words, environment, deployment.folder / f"{words[0]}-connector.log")


async def speaks(running: ConnectorProcess) -> None:
    """Wait until it wrote a line: the last one may have nothing to bring, and no ear yet for being told to stop."""
    end = time.monotonic() + 30
    while running.log.stat().st_size == running.log_began:
        assert time.monotonic() < end, running.tail()
        await asyncio.sleep(0.1)


async def taken(deployment: Deployment, service: str) -> list[tuple[bytes | None, dict[str, Any], bytes]]:
    """Everything in a service's input, in order where it shares a partition."""
    runs = (await deployment.read(f"{service}.in")).values()
    return [(one.key, json.loads(one.value or b""), one.value or b"") for run in runs for one in run]


async def verdicts(deployment: Deployment, service: str) -> list[tuple[str, dict[str, Any]]]:
    """Every log record's verdict and data, as readers see them."""
    found = []
    for run in (await deployment.read(f"{service}.log")).values():
        last = -1
        for one in run:
            record = json.loads(one.value or b"")
            if record["previousinputoffset"] == last:
                last = record["inputoffset"]
                found.append((record["verdict"], record["data"]))
    return found


def now() -> str:
    ms = time.time_ns() // 1_000_000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1_000)) + f".{ms % 1_000:03d}Z"


def frames(records: list[tuple[bytes | None, dict[str, Any], bytes]]) -> list[int]:
    return [
        body["seq"] for _, body, _ in records if not body["event"].startswith(("connector.", "strategy."))
    ]


@pytest.mark.parametrize("auth", ["frame", "url"])
async def test_a_strategies_connector_killed_again_and_again_loses_and_doubles_nothing(
    deployment: Deployment, auth: str
) -> None:
    upstream, stories, rng = StrategyUpstream(KEY, SECRET), Stories(11, 5), random.Random(5)
    async with upstream.serving("127.0.0.1", 0) as port:
        words = ("strategies", f"--url=ws://127.0.0.1:{port}/v1/ws", f"--auth={auth}", "--account=acme")
        running, kills = connector(deployment, *words), 0
        for number in range(EVENTS):
            told = stories.next()
            upstream.emit(told.strategy_id, told.event, told.data, now())
            await asyncio.sleep(0.002)
            if number % 150 == 149:
                # at any moment: in its start, in the replay, in the stream
                await asyncio.sleep(rng.uniform(0.0, 2.5))
                running.kill()
                kills += 1
                running = connector(deployment, *words)
            elif number % 70 == 69:
                upstream.drop()
        wanted = set(range(1, EVENTS + 1))
        end = time.monotonic() + 60
        while wanted - set(frames(await taken(deployment, "strategies"))):
            assert time.monotonic() < end, running.tail()
            await asyncio.sleep(0.5)
        await speaks(running)
        assert running.stop() == 0
    assert kills == EVENTS // 150
    records = await taken(deployment, "strategies")
    assert {key for key, _, _ in records} == {b"acme"}
    sent = {frame.seq: frame.text.encode() for frame in upstream.channel.since(0, time.monotonic()) or ()}
    for _, body, value in records:
        if body["event"] != "connector.scope":
            assert value == sent[body["seq"]], "byte for byte"
    await deployment.settle(services=BOTH)
    judged = Counter(
        (verdict, data["seq"])
        for verdict, data in await verdicts(deployment, "strategies")
        if data["event"] != "connector.scope"
    )
    once = {seq: times for (verdict, seq), times in judged.items() if verdict in ("applied", "late")}
    assert once == dict.fromkeys(wanted, 1), "each event is folded, and once"
    assert {verdict for verdict, _ in judged} <= {"applied", "late", "duplicate"}
    gaps = await _account(deployment)
    assert (gaps["completeness"], gaps["upstream_seq"]) == ("complete", str(EVENTS))
    said = running.log.read_text()
    assert SECRET not in said
    assert "signature=" not in said
    status, words_of_verify = verify(deployment)
    assert status == 0, words_of_verify


async def test_a_replay_that_is_gone_is_repaired_by_get_strategy(deployment: Deployment) -> None:
    upstream, stories = StrategyUpstream(KEY, SECRET, Channel(keep=1.0)), Stories(12, 3)

    def tell(times: int) -> None:
        for _ in range(times):
            told = stories.next()
            upstream.emit(told.strategy_id, told.event, told.data, now())

    async with upstream.serving("127.0.0.1", 0) as port:
        words = ("strategies", f"--url=ws://127.0.0.1:{port}/v1/ws", "--account=acme")
        running = connector(deployment, *words)
        await _until(deployment, "strategies", 1)  # subscribed
        tell(40)
        await _until(deployment, "strategies", 41)
        running.kill()
        await deployment.settle(services=BOTH)
        tell(60)
        await asyncio.sleep(1.5)
        tell(1)  # from 41 on, nothing can be replayed
        running = connector(deployment, *words)
        await _until(deployment, "strategies", 46)  # 40, three scopes, three snapshots
        for _ in range(20):
            tell(1)
            await asyncio.sleep(0.01)
        await _until(deployment, "strategies", 66)
        assert running.stop() == 0
        await deployment.settle(services=BOTH)
        answers = {
            one: upstream._book.answer(one, "acme", upstream.channel.last) for one in set(upstream.asked)
        }
    assert len(answers) == 3
    account = await _account(deployment)
    assert (account["completeness"], account["gaps"]) == ("repaired", "[]")
    assert account["upstream_seq"] == "121"
    states = await deployment.read("strategies.state")
    shown = {
        json.loads(one.value or b"")["id"]: json.loads(one.value or b"")
        for run in states.values()
        for one in run
    }
    for one, answer in answers.items():
        assert answer is not None
        document = shown[f"acme:{one}"]
        assert document["status"] == answer["status"]
        assert document["positions"] == answer["positions"]
        assert document["realized_pnl"] == answer["realized_pnl"]
        assert document["fees"] == answer["fees"]


async def test_an_agents_connector_killed_and_refused_brings_what_the_lists_keep_once(
    deployment: Deployment,
) -> None:
    upstream, story, rng = AgentUpstream(["agent-1"]), AgentStory(4), random.Random(6)
    told: list[dict[str, Any]] = []
    async with upstream.serving("127.0.0.1", 0) as port:
        words = ("agents", f"--url=ws://127.0.0.1:{port}/agents/current/stream")
        running = connector(deployment, *words, STRATAFOLD_POLL_SECONDS="0.3")
        for number in range(300):
            for message in story.snapshot(now()) if number % 5 == 0 else story.next(now()):
                told.append(message)
                upstream.emit("agent-1", message)
            await asyncio.sleep(0.005)
            if number % 75 == 74:
                await asyncio.sleep(rng.uniform(0.2, 2.0))
                running.kill()
                running = connector(deployment, *words, STRATAFOLD_POLL_SECONDS="0.3")
                upstream.refusing = number % 150 == 74
            elif number % 40 == 39:
                upstream.drop()
        upstream.refusing = False
        listed = [
            one
            for one in told
            if one["event"] in ("snapshot", "trade", "journal_entry", "risk_veto", "twak_block")
        ]
        end = time.monotonic() + 60
        while True:
            bodies = [body for _, body, _ in await taken(deployment, "agents")]
            missing = [one for one in listed if one not in bodies]
            if not missing:
                break
            assert time.monotonic() < end, (len(missing), missing[:3], running.tail())
            await asyncio.sleep(0.5)
        await speaks(running)
        assert running.stop() == 0
    await deployment.settle(services=BOTH)
    folded = [
        data for verdict, data in await verdicts(deployment, "agents") if verdict in ("applied", "late")
    ]
    counted = Counter(json.dumps(one, sort_keys=True) for one in folded if one["event"] != "agent.clock")
    assert set(counted.values()) == {1}, "each message is folded once"
    assert {json.dumps(one, sort_keys=True) for one in listed} <= set(counted)


async def _until(deployment: Deployment, service: str, records: int) -> None:
    end = time.monotonic() + 40
    while len(found := await taken(deployment, service)) < records:
        assert time.monotonic() < end, (len(found), [body["event"] for _, body, _ in found][-8:])
        await asyncio.sleep(0.3)


async def _account(deployment: Deployment) -> dict[str, str]:
    async with Redis.from_url(deployment.servers.redis, decode_responses=True) as redis:
        key = deployment.names.entity("strategies", partition_of("acme", deployment.partitions), "acme")
        found: dict[str, str] = await redis.hgetall(key)  # type: ignore[assignment]
        return found
