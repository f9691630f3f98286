"""The sources' own examples, from an upstream's WebSocket to a client's, through every process there is between.

Upstream → ``stratafold connect`` → Kafka → worker → Redis and log → API → a client of other packages than ours.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from services.simulator.agent_server import AgentUpstream
from services.simulator.strategy_server import StrategyUpstream
from tests.contracts.golden import MESSAGES, message
from tests.real.deployment import Deployment
from tests.real.workers import ConnectorProcess
from tests.services.api.process import MASTER, Api, api, signed
from tests.services.cli.command import run
from tests.stack import Servers

pytestmark = pytest.mark.real

SERVICES = ("agents", "strategies")
ACCOUNT, STRATEGY, AGENT = "acme", "strat_8f2a1b", "agent-1"
UPSTREAM_KEY, UPSTREAM_SECRET = "key-1", "what upstream signs with"
STREAM, REST = "/v1/ws", f"/api/v1/strategies/{STRATEGY}"
ORDER = {
    "order_id": "ord_77e2b2",
    "position_id": "pos_4ab9c0",
    "symbol": "BTCUSDT",
    "side": "sell",
    "type": "limit",
    "price": "67890.10",
    "quantity": "0.0150",
}


def _unprinted(event: str, seq: int, ts: str, **data: str) -> str:
    """An event of 004 that it prints no example of, in its envelope."""
    body = {"channel": "strategy.status", "event": event, "strategy_id": STRATEGY, "seq": seq}
    return json.dumps({**body, "ts": f"2026-04-29T{ts}Z", "data": data})


PRINTED = {name: message("strategies", name).decode() for name in MESSAGES["strategies"]}
OF_004 = (
    _unprinted("deployed", 12482, "11:59:58.000"),
    PRINTED["position_opened"],
    PRINTED["order_filled"],
    _unprinted("order_placed", 12492, "12:00:01.000", **ORDER),
    _unprinted("order_cancelled", 12493, "13:00:00.000", **ORDER),
    PRINTED["position_closed"],
    _unprinted("paused", 12520, "13:42:12.000"),
    PRINTED["error"],
)
AFTER_THEM = _unprinted("deployed", 12605, "15:00:00.000")
OF_002 = tuple(message("agents", name).decode() for name in MESSAGES["agents"])
# what a float, or a parser that is not told to keep digits, would spoil
DIGITS = (
    '{"event":"snapshot", "ts":"2026-05-29T19:00:00Z","equity":10250.750,"phase":"SCANNING",'
    '"drawdown":0.10,"daily_drawdown_used":"0.0"}'
)
DIGITS_OUT = DIGITS.replace("10250.750", '"10250.750"').replace("0.10", '"0.10"')


def ours(frame: str, seq: int) -> str:
    """A frame as our subscribers are to get it: the sender's own but for the number."""
    shown, times = re.subn(r'"seq": \d+', f'"seq": {seq}', frame)
    assert times == 1
    return shown


@dataclass(frozen=True)
class Chain:
    """The processes between, and what a client of ours signs with."""

    deployment: Deployment
    api: Api
    key: str
    secret: str

    def connect(self, *words: str) -> ConnectorProcess:
        """A connector as the command line starts it."""
        settings = {
            "STRATAFOLD_UPSTREAM_API_KEY": UPSTREAM_KEY,
            "STRATAFOLD_UPSTREAM_API_SECRET": UPSTREAM_SECRET,
        }
        log = self.deployment.folder / f"connect-{words[0]}.log"
        return ConnectorProcess(words, self.deployment.environment(**settings), log)

    def address(self, path: str, query: str = "") -> str:
        """Of a stream."""
        return f"{self.api.url.replace('http', 'ws')}{path}{query}"

    def signature(self) -> dict[str, Any]:
        """What stands in a signed URL or an ``auth`` frame."""
        given = signed(self.key, self.secret, STREAM)
        time.sleep(0.002)  # the next one is of another millisecond, so it differs
        return {
            "api_key": self.key,
            "timestamp": int(given["X-Timestamp"]),
            "signature": given["X-Signature"],
        }

    def rest(self, path: str) -> Any:
        """What a signed GET answers, digits as they are."""
        answer = httpx.get(self.api.url + path, headers=signed(self.key, self.secret, path.partition("?")[0]))
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=str)["data"]


@pytest.fixture(scope="module")
def chain(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Both workers and an API."""
    folder: Path = tmp_path_factory.mktemp("chain")
    made = Deployment(shared_servers, f"e2e-{uuid.uuid4().hex[:8]}", folder, 6, SERVICES)
    asyncio.run(made.create())
    for service in SERVICES:
        made.start(service)
    settings = made.environment(STRATAFOLD_MASTER_KEY=MASTER)
    with api(folder / "api.log", settings) as one:
        key = run(settings, "api-key", "create", "--account", ACCOUNT, "--json").json
        one.wait(200, seconds=90)
        yield Chain(made, one, key["api_key"], key["secret"])
    assert made.stop() == [0, 0], made.last_words()


async def hear(socket: ClientConnection, count: int) -> list[str]:
    """So many frames."""
    heard: list[str | bytes] = []
    async with asyncio.timeout(30):
        while len(heard) < count:
            heard.append(await socket.recv())
    return [frame for frame in heard if isinstance(frame, str)]


async def subscribed(socket: ClientConnection, name: str, **more: int) -> None:
    """Subscribe and be told that it is on."""
    asking = {"channel": "strategy.status", "id": name}
    await socket.send(json.dumps({"op": "subscribe", **asking, **more}))
    (told,) = await hear(socket, 1)
    assert json.loads(told) == {"op": "ack", **asking, "ok": True}


async def _until(holds: Any, running: ConnectorProcess) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, running.tail()
        assert running.status is None, running.tail()
        await asyncio.sleep(0.05)


async def test_every_event_of_004_goes_through_to_who_listens_and_to_who_resumes(chain: Chain) -> None:
    """Byte for byte but for the number, which is ours: 1, 2, 3 …, also where upstream's jumps, or is told twice.

    And Get Strategy has what they come to, in the source's own digits.
    """
    upstream = StrategyUpstream(UPSTREAM_KEY, UPSTREAM_SECRET)
    wanted = [ours(frame, number) for number, frame in enumerate([*OF_004, AFTER_THEM], 1)]
    async with AsyncExitStack() as ending:
        port = await ending.enter_async_context(upstream.serving("127.0.0.1", 0))
        live = await ending.enter_async_context(connect(chain.address(STREAM)))
        await live.send(json.dumps({"op": "auth", **chain.signature()}))
        await subscribed(live, "*")
        running = chain.connect("strategies", f"--url=ws://127.0.0.1:{port}{STREAM}", f"--account={ACCOUNT}")
        ending.callback(running.stop)
        await _until(lambda: upstream.subscribed, running)
        for frame in (*OF_004, *OF_004, AFTER_THEM):
            upstream.send_raw(frame)
        assert await hear(live, len(wanted)) == wanted
        for name, since in (("*", 0), (STRATEGY, 3)):
            url = chain.address(STREAM, "?" + urlencode(chain.signature()))
            resumed = await ending.enter_async_context(connect(url))
            await subscribed(resumed, name, since_seq=since)
            assert await hear(resumed, len(wanted) - since) == wanted[since:]
    assert running.status == 0, running.tail()
    await chain.deployment.settle()
    assert chain.rest(REST) == {
        "id": STRATEGY,
        "account": ACCOUNT,
        "status": "deployed",
        "error": None,
        "positions": [],
        "orders": [],
        "realized_pnl": "9.83",
        "fees": {"USDT": "0.5039"},
        "completeness": "suspect",
        "gaps": [[12484, 12490], [12494, 12518], [12521, 12603]],
        "upstream_seq": 12605,
        "seq": 9,
    }


async def test_one_of_each_event_of_002_goes_through_to_who_listens(chain: Chain) -> None:
    """Byte for byte, each once although told twice; the REST lists have the same messages."""
    upstream, wanted = AgentUpstream([AGENT]), [*OF_002, DIGITS]
    async with AsyncExitStack() as ending:
        port = await ending.enter_async_context(upstream.serving("127.0.0.1", 0))
        live = await ending.enter_async_context(connect(chain.address(f"/agents/{AGENT}/stream")))
        running = chain.connect("agents", f"--url=ws://127.0.0.1:{port}/agents/current/stream")
        ending.callback(running.stop)
        await _until(lambda: upstream.connections, running)
        _send(upstream, OF_002)
        assert await hear(live, len(OF_002)) == list(OF_002)
        current = await ending.enter_async_context(connect(chain.address("/agents/current/stream")))
        _send(upstream, [*OF_002, DIGITS])
        assert await hear(live, 1) == await hear(current, 1) == [DIGITS_OUT]
    assert running.status == 0, running.tail()
    await chain.deployment.settle()
    bodies = [json.loads(one, parse_float=str) for one in wanted]
    for path, events in (
        ("equity", {"snapshot"}),
        ("trades", {"trade"}),
        ("journal", {"journal_entry"}),
        ("risk/blocks", {"risk_veto", "twak_block"}),
    ):
        listed = [one for one in bodies if one["event"] in events]
        assert chain.rest(f"/agents/{AGENT}/{path}") == listed[::-1], path
    shown = chain.rest(f"/agents/{AGENT}")
    assert (shown["mode"], shown["status"], shown["equity"]) == ("PAPER", "PAUSED", "10250.750")
    assert shown["fees_total"] == "0.42"


def _send(upstream: AgentUpstream, messages: Sequence[str]) -> None:
    for one in messages:
        upstream.send_raw(one)
