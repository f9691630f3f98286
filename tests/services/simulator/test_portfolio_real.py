"""A portfolio manager and a broker as processes, against a worker and an API: versions end, whoever is killed."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from libs.ledger.times import rfc3339
from tests.real.deployment import Deployment
from tests.real.workers import WorkerProcess
from tests.services.api.process import MASTER, Api, api
from tests.services.cli.command import run
from tests.stack import Servers

pytestmark = pytest.mark.real

ENDED = {"FILLED", "FAILED", "IGNORED"}
UNDER_WAY = {"PENDING", "CREATING_ORDERS", "IN_PROGRESS"}
Body = dict[str, Any]


@dataclass
class Market:
    """A worker and an API; managers and brokers come and go."""

    deployment: Deployment
    settings: dict[str, str]
    api: Api

    def start(self, name: str, *words: str) -> WorkerProcess:
        """A manager or a broker, in some haste."""
        log = self.deployment.folder / f"{name}.log"
        more = ("--pace", "0.3", *words)
        return WorkerProcess(f"services.simulator.{name}", self.settings, log, *more)

    async def versions(self) -> list[Body]:
        """Every version as it stands."""
        found: dict[bytes | None, Body | None] = {}
        for run_ in (await self.deployment.read("versions.state")).values():
            found |= {one.key: None if one.value is None else json.loads(one.value) for one in run_}
        return [one for one in found.values() if one is not None and "orders" in one]

    async def statuses(self) -> list[str]:
        """That of every version."""
        return [one["status"] for one in await self.versions()]

    async def outstanding(self) -> set[str]:
        """The orders that have not ended."""
        orders = [order for one in await self.versions() for order in one["orders"]]
        return {order["id"] for order in orders if order["status"] not in ENDED}

    async def under_way(self) -> list[str]:
        """The versions that have not ended, or are due in a moment."""
        soon = rfc3339(round(time.time() * 1000) + 20_000)[:-1]
        return [
            one["id"]
            for one in await self.versions()
            if one["status"] in UNDER_WAY
            or (one["status"] == "SCHEDULED" and one["scheduled_for"][: len(soon)] < soon)
        ]

    async def told_of(self, orders: set[str]) -> list[str]:
        """The ids of the commands on these orders."""
        some = [
            json.loads(one.value or b"")
            for run_ in (await self.deployment.read("versions.in")).values()
            for one in run_
        ]
        return [one["id"] for one in some if one["data"].get("order_id") in orders]

    def said(self) -> str:
        """The last words of everybody."""
        logs = sorted(self.deployment.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in logs)


@pytest.fixture
def market(shared_servers: Servers, tmp_path: Path) -> Iterator[Market]:
    made = Deployment(shared_servers, f"mkt-{uuid.uuid4().hex[:8]}", tmp_path, services=("versions",))
    asyncio.run(made.create())
    made.start("versions")
    data = str(tmp_path / "data")
    settings = {**made.environment(STRATAFOLD_DATA=data, STRATAFOLD_RATE_LIMIT="0")}
    with api(tmp_path / "api.log", settings) as one:
        one.wait(200, seconds=90)
        yield Market(made, {**settings, "STRATAFOLD_MASTER_KEY": MASTER}, one)
    assert made.stop() == [0], made.last_words()


async def _until(market: Market, what: str, seconds: float, done: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, f"never: {what}\n{await market.statuses()}\n{market.said()}"
        await asyncio.sleep(0.3)


def _following(broker: WorkerProcess, times: int) -> Callable[[], Awaitable[bool]]:
    async def follows() -> bool:
        return broker.log.read_text().count('"event":"following orders"') == times

    return follows


async def test_versions_end_and_a_broker_that_is_killed_leaves_no_order_unfinished(market: Market) -> None:
    manager = market.start("portfolio_manager", "--seed", "11", "--api", market.api.url, "--quote-every", "1")
    broker = market.start("broker")

    async def some_complete() -> bool:
        return (await market.statuses()).count("COMPLETE") >= 4

    await _until(market, "versions are COMPLETE", 120, some_complete)
    broker.kill()
    broker = market.start("broker", "--pace", "30")  # it has much to tell yet of all that it knows

    async def all_wait() -> bool:
        return sum(status in UNDER_WAY for status in await market.statuses()) >= 5

    await _until(market, "the broker follows", 30, _following(broker, 2))
    await _until(market, "versions wait for the broker", 60, all_wait)
    await asyncio.sleep(5)  # long enough to note where to begin anew
    broker.kill()
    assert manager.stop() == 0, market.said()
    left = await market.outstanding()
    assert left
    broker = market.start("broker", "--seed", "2")  # who has planned other ends for the same orders

    async def none_left() -> bool:
        return not (await market.under_way() or await market.outstanding())

    await _until(market, "all orders have ended", 90, none_left)
    assert broker.stop() == 0, market.said()
    await market.deployment.settle()
    assert not await market.outstanding()
    ended = await asyncio.to_thread(run, market.settings, "verify", "--json", seconds=120)
    assert (ended.status, ended.json["verdict"]) == (0, "agrees"), ended.out.decode()
    for log in ("portfolio_manager.log", "broker.log"):
        assert "Traceback" not in (market.deployment.folder / log).read_text()
    # the next one begins where nothing is left to be told of
    before = await market.told_of(left)
    broker = market.start("broker")
    await _until(market, "the broker follows", 30, _following(broker, 4))
    await asyncio.sleep(3)
    assert broker.stop() == 0, market.said()
    assert await market.told_of(left) == before


def test_the_token_is_kept_for_its_owner_alone_and_is_the_same_next_time(market: Market) -> None:
    """So that no start of the demo leaves one more token behind."""
    for number in range(2):
        manager = market.start("portfolio_manager", "--api", market.api.url)
        end = time.monotonic() + 60
        while manager.log.read_text().count('"event":"managing"') == number:
            assert time.monotonic() < end, market.said()
            time.sleep(0.2)
        assert manager.stop() == 0, market.said()
    kept = Path(market.settings["STRATAFOLD_DATA"]) / "portfolio.token"
    assert kept.stat().st_mode & 0o777 == 0o600
    listed = run(market.settings, "token", "list", "--json").json
    assert [one["organization"] for one in listed] == ["demo"]
