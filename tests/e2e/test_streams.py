"""Agents and strategies through real workers: from their input topics to log, events, states, Redis, and the clock."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.contracts.golden import MESSAGES, message
from tests.e2e.broken import Broken
from tests.e2e.broken_streams import table
from tests.real.deployment import Deployment
from tests.real.topics import Place, Push, Stored, partition_for
from tests.services.cli.command import run
from tests.stack import Servers

pytestmark = pytest.mark.real

PARTITIONS = 6
SERVICES = ("agents", "strategies")


@pytest.fixture(scope="module")
def streams(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both services at work on six partitions."""
    folder = tmp_path_factory.mktemp("streams")
    made = Deployment(shared_servers, f"e2e-{uuid.uuid4().hex[:8]}", folder, PARTITIONS, SERVICES)
    asyncio.run(made.create())
    for service in SERVICES:
        made.start(service)
    asyncio.run(made.settle())
    yield made
    assert made.stop() == [0, 0], made.last_words()


def _key_on(partition: int, prefix: str = "k") -> str:
    while partition_for((key := f"{prefix}-{uuid.uuid4().hex[:8]}").encode(), PARTITIONS) != partition:
        pass
    return key


def _kept(service: str) -> list[bytes]:
    """The kept messages; an agent's snapshot is of now, so that the clock has nothing to say."""
    bodies = [message(service, name) for name in MESSAGES[service]]
    if service == "agents":
        bodies[0] = json.dumps(json.loads(bodies[0]) | {"ts": _ago(0)}).encode()
    return bodies


async def _of(deployment: Deployment, topic: str, key: str) -> list[Any]:
    """All values of a topic under a key, parsed."""
    found = [
        one for run_ in (await deployment.read(topic)).values() for one in run_ if one.key == key.encode()
    ]
    return [json.loads(one.value or b"") for one in found]


async def _hash(deployment: Deployment, key: str) -> dict[str, str]:
    async with Redis.from_url(deployment.servers.redis, decode_responses=True) as redis:
        fields: dict[str, str] = await redis.hgetall(key)  # type: ignore[assignment]  # answers are decoded
    return fields


def _names(found: list[Any]) -> list[str]:
    return [event["type"].removeprefix("stratafold.").removesuffix(".v1") for event in found]


async def test_every_message_of_an_agent_ends_where_the_contract_says(streams: Deployment) -> None:
    """Log, events, state, the projection's hash and its four streams; the messages as they were sent."""
    agent = _key_on(2, "agent")
    bodies = _kept("agents")
    await streams.push([Push(streams.topic("agents.in"), body, agent.encode()) for body in bodies])
    await streams.settle()
    sent = [json.loads(body) for body in bodies]

    logged = await _of(streams, "agents.log", agent)
    assert [record["data"] for record in logged] == sent
    assert [(record["verdict"], record["sequence"]) for record in logged] == [
        ("applied", number) for number in range(1, len(sent) + 1)
    ]
    assert {record["type"] for record in logged} == {"stratafold.agent.observed.v1"}
    assert {(record["subject"], record["partitionkey"]) for record in logged} == {(agent, agent)}

    told = await _of(streams, "agents.events", agent)
    assert _names(told) == [
        "agent.snapshot",
        "agent.traded",
        "agent.blocked",
        "agent.status_changed",
        "agent.blocked",
        "agent.blocked",
        "agent.promoted",
        "agent.demoted",
    ]
    assert [event["sequence"] for event in told] == list(range(1, len(told) + 1))
    by_id = {record["id"]: record["data"] for record in logged}
    for event in told:
        source = {name: value for name, value in by_id[event["causationid"]].items() if name != "event"}
        assert {name: value for name, value in event["data"].items() if name != "by"} == source

    wanted = {
        "id": agent,
        "status": "PAUSED",
        "phase": "SCANNING",
        "equity": "10250.75",
        "peak_equity": "10250.75",
        "drawdown": "0.012",
        "daily_drawdown_used": "0.031",
        "mode": "PAPER",
        "promotion_tx_hash": sent[7]["tx_hash"],
        "demotion_rule": "max_drawdown",
        "demotion_limit": "max",
        "locked_until": "2026-05-30T18:59:59.999Z",
        "trades_total": 1,
        "realised_pnl_total": "0",
        "fees_total": "0.42",
        "risk_vetoes_total": 1,
        "twak_blocks_total": 1,
        "quotes_rejected_total": 1,
        "last_event": "snapshot",
        "last_event_at": sent[0]["ts"],
    }
    document = (await _of(streams, "agents.state", agent))[-1]
    assert {name: document[name] for name in wanted} == wanted
    assert set(document) == {*wanted, "sequence", "disputed", "first_recorded_at", "last_recorded_at"}
    key = streams.names.entity("agents", 2, agent)
    assert key == f"{streams.namespace}:{{agents.2}}:agent:{agent}"
    fields = await _hash(streams, key)
    assert {name: fields[name] for name in wanted} == {name: str(value) for name, value in wanted.items()}

    async with Redis.from_url(streams.servers.redis, decode_responses=True) as redis:
        kept: dict[str, Any] = {
            name: await redis.xrange(f"{key}:{name}") for name in ("equity", "trades", "journal", "blocks")
        }
        history = await redis.lrange(f"{key}:log", 0, -1)
        assert agent in await redis.zrange(streams.names.index("agents", 2, "status", "PAUSED"), 0, -1)
    ids = {name: [entry for entry, _ in entries] for name, entries in kept.items()}
    assert ids == {"equity": ["1-0"], "trades": ["2-0"], "journal": ["3-0"], "blocks": ["4-0", "6-0"]}
    for entries in kept.values():
        for entry, of_it in entries:
            body = sent[int(entry.removesuffix("-0")) - 1]
            texts = {
                n: v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for n, v in body.items()
            }
            assert of_it == texts
    assert [json.loads(record) for record in history] == logged


async def test_every_example_of_a_strategy_ends_where_the_contract_says(streams: Deployment) -> None:
    """Log, events of the strategy and of its account, state, both hashes, indexes; the account is no entity."""
    account = _key_on(4, "acct")
    scope = {"channel": "strategy.status", "event": "connector.scope", "ts": "2026-04-29T11:59:59.000Z"}
    first = json.dumps({**scope, "data": {"subscriptions": ["*"]}}).encode()
    bodies = [first, *(message("strategies", name) for name in MESSAGES["strategies"])]
    await streams.push([Push(streams.topic("strategies.in"), body, account.encode()) for body in bodies])
    await streams.settle()
    subject = f"{account}:strat_8f2a1b"

    logged = await _of(streams, "strategies.log", account)
    assert [record["data"] for record in logged] == [json.loads(body) for body in bodies]
    assert [record["subject"] for record in logged] == [account, *[subject] * 4]
    assert [record["sequence"] for record in logged] == [1, 1, 2, 3, 4]
    assert [record.get("accountsequence") for record in logged] == [None, 1, 2, 3, 4]
    assert {record["partitionkey"] for record in logged} == {account}

    told = await _of(streams, "strategies.events", subject)
    assert _names(told) == [
        "strategy.position_opened",
        "strategy.position_closed",
        "strategy.order_filled",
        "strategy.error",
        "strategy.status_changed",
        "strategy.halted",
    ]
    assert told[2]["data"]["delta_quantity"] == "0.0150"
    gaps = await _of(streams, "strategies.events", account)
    assert _names(gaps) == ["strategy.gap_opened"] * 2
    assert [(gap["subject"], gap["sequence"], gap["data"]) for gap in gaps] == [
        (account, 1, {"account": account, "from": 12484, "to": 12518}),
        (account, 2, {"account": account, "from": 12520, "to": 12603}),
    ]

    document = (await _of(streams, "strategies.state", subject))[-1]
    assert await _of(streams, "strategies.state", account) == []
    shown = {
        "id": subject,
        "account": account,
        "strategy_id": "strat_8f2a1b",
        "status": "error",
        "error": {"code": "EXCHANGE_AUTH_FAILED", "message": "Exchange API key rejected by Binance"},
        "positions": [],
        "orders": [],
        "realized_pnl": "9.83",
        "fees": {"USDT": "0.5039"},
        "completeness": "suspect",
        "gaps": [[12484, 12490], [12492, 12518], [12520, 12603]],
        "upstream_seq": 12604,
        "sequence": 4,
    }
    assert {name: document[name] for name in shown} == shown
    fields = await _hash(streams, streams.names.entity("strategies", 4, subject))
    assert (fields["status"], json.loads(fields["gaps"]), fields["sequence"]) == ("error", shown["gaps"], "4")
    key = streams.names.entity("strategies", 4, account)
    assert key == f"{streams.namespace}:{{strategies.4}}:account:{account}"
    fields = await _hash(streams, key)
    wanted = {"upstream_seq": "12604", "completeness": "suspect", "resets": "0", "whole": "1", "seq": "4"}
    assert {name: fields[name] for name in wanted} == wanted
    async with Redis.from_url(streams.servers.redis, decode_responses=True) as redis:
        assert subject in await redis.zrange(streams.names.index("strategies", 4, "status", "error"), 0, -1)
        assert [json.loads(one) for one in await redis.lrange(f"{key}:log", 0, -1)] == logged[:1]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_record_on_another_partition_is_folded_at_home(streams: Deployment, service: str) -> None:
    """By its key; of strategies without one at home of the default account."""
    name = "snapshot" if service == "agents" else "error"
    body = message(service, name)
    key = _key_on(3, "astray")
    push = Push(streams.topic(f"{service}.in"), body, key.encode(), (("trace", b"1"),), 1)
    subject = key if service == "agents" else f"{key}:strat_8f2a1b"
    await streams.push([push])
    found = {record["verdict"]: record for record in await streams.logged(service, subject)}
    assert (found["forwarded"]["inputpartition"], found["applied"]["inputpartition"]) == (1, 3)
    if service == "strategies":
        home = partition_for(b"default", PARTITIONS)
        await streams.push([Push(push.topic, body, None, (), (home + 1) % PARTITIONS)])
        logged = await streams.logged(service, "default:strat_8f2a1b")
        assert {(record["verdict"], record["partitionkey"]) for record in logged} == {
            ("forwarded", "default"),
            ("applied", "default"),
        }


class _Pushed:
    """The broken records with a good one after each, and everything that came of them."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[Place, Place, bytes | None]] = {}
        self.logs: dict[str, Any] = {}
        self.dead: dict[str, Stored] = {}


_pushed: dict[str, _Pushed] = {}


async def _push_all(streams: Deployment, service: str) -> _Pushed:
    if service in _pushed:
        return _pushed[service]
    one = _pushed[service] = _Pushed()
    topic, records, rows = streams.topic(f"{service}.in"), [], table(service)
    for number, row in enumerate(rows):
        key = _key_on(number % PARTITIONS, "good").encode()
        theirs = row.key if row.key is not None or row.name == "no key" else key
        records.append(Push(topic, row.value, theirs, (("trace", b"\xff"),), number % PARTITIONS))
        good = message(service, "trade" if service == "agents" else "error")
        records.append(Push(topic, good, key, (), number % PARTITIONS))
    places = await streams.push(records)
    await streams.settle()
    for number, row in enumerate(rows):
        one.places[row.name] = (places[2 * number], places[2 * number + 1], records[2 * number].key)
    for run_ in (await streams.read(f"{service}.log")).values():
        for record in run_:
            logged = json.loads(record.value or b"")
            one.logs[f"{logged['inputtopic']}/{logged['inputpartition']}/{logged['inputoffset']}"] = logged
    for run_ in (await streams.read(f"{service}.dead")).values():
        for record in run_:
            one.dead[(dict(record.headers[:6])["source"] or b"").decode()] = record
    return one


@pytest.mark.parametrize(
    "row", [row for name in SERVICES for row in table(name)], ids=lambda row: f"{row.service} {row.name}"
)
async def test_a_broken_record_ends_in_dead_and_the_next_one_is_folded(
    streams: Deployment, row: Broken
) -> None:
    """Byte for byte, with a reason that names the field; nothing stops."""
    pushed = await _push_all(streams, row.service)
    bad, after, key = pushed.places[row.name]
    logged, dead = pushed.logs[str(bad)], pushed.dead[str(bad)]
    assert (logged["verdict"], logged["sequence"]) == ("quarantined", None)
    assert logged["data"]["pointer"] == row.pointer, logged["data"]
    assert row.error in (None, logged["data"]["error"]), logged["data"]
    assert logged["data"]["detail"]
    assert (dead.key, dead.value, dead.headers[6:]) == (key, row.value, (("trace", b"\xff"),))
    ours = {name: (value or b"").decode() for name, value in dead.headers[:6]}
    assert ours == {
        **logged["data"],
        "source": str(bad),
        "service": row.service,
        "at": logged["recordedtime"],
    }
    following = pushed.logs[str(after)]
    assert (following["verdict"], following["sequence"]) == ("applied", 1)
    assert following["previousinputoffset"] == bad.offset


@pytest.mark.parametrize("service", SERVICES)
def test_there_are_enough_of_them(service: str) -> None:
    """At least thirty different ones of each."""
    assert len({(row.value, row.key) for row in table(service)}) >= 30


def _ago(minutes: float) -> str:
    return (
        (datetime.now(UTC) - timedelta(minutes=minutes))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


async def test_the_worker_itself_tells_an_agent_what_time_it_is(streams: Deployment) -> None:
    """An agent that was last heard 40 minutes ago falls quiet within seconds; a snapshot of now resumes it."""
    silent, lively = _key_on(5, "silent"), _key_on(5, "lively")
    topic = streams.topic("agents.in")
    body = json.loads(message("agents", "snapshot"))

    async def tell(agent: str, minutes: float) -> None:
        await streams.push([Push(topic, json.dumps(body | {"ts": _ago(minutes)}).encode(), agent.encode())])

    async def until(name: str) -> list[Any]:
        end = time.monotonic() + 60
        while True:
            told = await _of(streams, "agents.events", silent)
            if name in _names(told):
                return told
            assert time.monotonic() < end, f"{_names(told)}\n{streams.last_words()}"
            await asyncio.sleep(0.5)

    await tell(lively, 10)
    await tell(silent, 40)
    told = await until("agent.quiet")
    assert _names(told) == ["agent.snapshot", "agent.quiet"]
    assert 40 * 60_000 <= told[1]["data"]["silent_ms"] < 42 * 60_000
    clocks = [
        record
        for record in await streams.logged("agents", silent)
        if record["data"]["event"] == "agent.clock"
    ]
    assert [record["verdict"] for record in clocks] == ["applied"], "time came in as data"
    await tell(silent, 0)
    assert _names(await until("agent.resumed"))[-2:] == ["agent.resumed", "agent.snapshot"]
    assert _names(await _of(streams, "agents.events", lively)) == ["agent.snapshot"]


async def test_the_command_line_pushes_and_shows_both(streams: Deployment, tmp_path: Path) -> None:
    """`push --key`, `show --json` (the state document, byte for byte), `history --json` and `key`."""
    settings = streams.environment()
    cases = (
        ("agents", "agent", "cli-agent", (), "cli-agent"),
        ("strategies", "strategy", "strat_8f2a1b", ("--account", "cli"), "cli:strat_8f2a1b"),
    )
    for service, entity, name, more, subject in cases:
        file = tmp_path / f"{service}.json"
        file.write_bytes(b"[" + b",".join(_kept(service)) + b"]")
        pushed = run(settings, "push", f"{service}.in", str(file), "--key", subject.partition(":")[0])
        assert pushed.status == 0, pushed.err
        await streams.settle()
        shown = run(settings, "show", entity, name, *more, "--json")
        assert shown.status == 0, shown.err
        assert shown.json == (await _of(streams, f"{service}.state", subject))[-1]
        followed = run(settings, "history", entity, name, *more, "--json")
        assert [one["sequence"] for one in followed.json] == list(range(1, len(MESSAGES[service]) + 1))
        for words in (("show", entity, name, *more), ("history", entity, name, *more)):
            told = run(settings, *words)
            assert told.status == 0, told.err
        home = partition_for(subject.partition(":")[0].encode(), PARTITIONS)
        key = run(settings, "key", entity, name, *more).out.decode().strip()
        assert key == streams.names.entity(service, home, subject)
    ended = run(settings, "status", "--json")
    assert ended.status == 0, ended.err
    keyless = run(settings, "push", "agents.in", str(tmp_path / "agents.json"))
    assert keyless.status == 2, keyless.out


async def test_verify_agrees_before_and_after_a_rebuild(streams: Deployment) -> None:
    """The whole of both services: input, log, events, state, dead letters, and every key in Redis."""
    await _push_all(streams, "agents")
    await _push_all(streams, "strategies")
    for _ in range(2):
        ended = run(streams.environment(), "verify", "--json", seconds=120)
        assert (ended.status, ended.json["verdict"]) == (0, "agrees"), ended.out.decode()
        for service in SERVICES:
            assert ended.json["services"][service]["checked"]["entities"] > 0
        for service in SERVICES:
            assert run(streams.environment(), "rebuild", service, seconds=120).status == 0
        await streams.settle()
