"""Two hundred executions at once while API processes and the worker are killed: every answer that was given holds."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.services.api.conftest import bearer
from tests.services.api.process import MASTER, Api, api
from tests.services.api.versions_world import ALL, OWN, QUOTES, positions
from tests.services.cli.command import run
from tests.services.versions.given import command, registered
from tests.stack import Servers

pytestmark = [pytest.mark.real, pytest.mark.faults]

REQUESTS = 200
AT_ONCE = 40
Answer = tuple[int, bytes, str | None]


class Running:
    """A worker and API processes that are killed and started again."""

    def __init__(self, deployment: Deployment, folder: Path, stack: ExitStack) -> None:
        self.deployment = deployment
        self.settings = {**deployment.environment(STRATAFOLD_RATE_LIMIT="0"), "STRATAFOLD_MASTER_KEY": MASTER}
        self.folder = folder
        self.stack = stack
        self.apis: list[Api] = []
        self.worker = deployment.start("versions")

    def start_api(self) -> Api:
        """One that is ready for requests."""
        one = self.stack.enter_context(api(self.folder / "api.log", self.settings))
        one.wait(200, "/healthz")
        self.apis.append(one)
        return one

    async def push(self, strategy_id: str, *bodies: dict[str, Any]) -> None:
        topic = self.deployment.topic("versions.in")
        values = [json.dumps({**body, "strategy_id": strategy_id}).encode() for body in bodies]
        await self.deployment.push([Push(topic, value, strategy_id.encode()) for value in values])

    async def kill(self) -> None:
        """Kill the worker, and each API process in turn, with others in their places."""
        for _ in range(2):
            await asyncio.sleep(0.3)
            self.apis.pop(0).process.kill()
            await asyncio.to_thread(self.start_api)
            await asyncio.sleep(1)
            self.worker.kill()
            self.worker = self.deployment.start("versions")

    async def events(self) -> list[dict[str, Any]]:
        """Derived events as a reader accepts them, in their order within each partition."""
        found: list[dict[str, Any]] = []
        last: dict[str, int] = {}
        for some in (await self.deployment.read("versions.events")).values():
            for one in some:
                event = json.loads(one.value or b"")
                if event["sequence"] > last.get(event["subject"], 0):
                    last[event["subject"]] = event["sequence"]
                    found.append(event)
        return found


@pytest.fixture
def running(shared_servers: Servers, tmp_path: Path) -> Iterator[Running]:
    made = Deployment(shared_servers, f"kill-{uuid.uuid4().hex[:8]}", tmp_path, services=("versions",))
    asyncio.run(made.create())
    with ExitStack() as stack:
        one = Running(made, tmp_path, stack)
        file = tmp_path / "instruments.json"
        quotes = [{"symbol": each, "ts": "2026-05-29T19:00:00Z", **quote} for each, quote in QUOTES.items()]
        file.write_text(json.dumps(quotes))
        assert run(one.settings, "push", "instruments.in", str(file)).status == 0
        for _ in range(2):
            one.start_api().wait(200, seconds=90)
        yield one
        assert "Traceback" not in (tmp_path / "api.log").read_text()
    made.stop()


async def test_every_answer_holds_whoever_is_killed(running: Running) -> None:
    strategy_id = str(uuid.uuid4())
    path = f"/api/v1/strategies/{strategy_id}/versions"
    await running.push(strategy_id, registered({}, "100"))
    await running.deployment.settle()
    token = await asyncio.to_thread(bearer, running.settings, *ALL, organization=OWN)
    turn = asyncio.Semaphore(AT_ONCE)
    filled: set[str] = set()
    disturbed: set[str] = set()

    async def ask(client: httpx.AsyncClient, number: int, key: str) -> Answer:
        """Send it until there is a final answer, to whichever process is there."""
        while True:
            url = running.apis[number % len(running.apis)].url + f"{path}/execute"
            body = positions(NVDA=str(1 + number % 50))
            try:
                answer = await client.post(url, json=body, headers={**token, "Idempotency-Key": key})
            except httpx.TransportError:
                disturbed.add(key)
                await asyncio.sleep(0.2)
                continue
            if answer.status_code != 503:
                assert answer.status_code in (202, 422), answer.text
                return answer.status_code, answer.content, answer.headers.get("location")
            disturbed.add(key)
            await asyncio.sleep(0.2)

    async def fill(content: bytes) -> None:
        """What a broker does with the orders of a version that was accepted."""
        version = json.loads(content)["data"]
        if version["id"] in filled:
            return
        filled.add(version["id"])
        fills: dict[str, Any] = {"status_reason": None, "filled_value": None, "filled_average_price": None}
        told = [
            command(
                "order.updated",
                order_id=one["id"],
                status="FILLED",
                filled_quantity=one["order_quantity"],
                **fills,
            )
            for one in version["orders"]
        ]
        await running.push(strategy_id, *told)

    async def execute(client: httpx.AsyncClient, number: int) -> tuple[str, Answer]:
        async with turn:
            key = f"k{number}"
            answer = await ask(client, number, key)
            if answer[0] == 202:
                await fill(answer[1])
            return key, answer

    async with httpx.AsyncClient(timeout=30) as client:
        killing = asyncio.create_task(running.kill())
        answers = dict(await asyncio.gather(*(execute(client, number) for number in range(REQUESTS))))
        await killing
        again = {f"k{number}": await ask(client, number, f"k{number}") for number in range(0, REQUESTS, 5)}
        await running.deployment.settle()
        shown = await client.get(running.apis[-1].url + f"{path}?include=orders&limit=1000", headers=token)
    assert all(answers[key] == answer for key, answer in again.items())
    accepted = {json.loads(content)["data"]["id"] for status, content, _ in answers.values() if status == 202}
    assert accepted
    assert disturbed, "nobody noticed that anything was killed"
    print(f"{len(accepted)} accepted, {len(disturbed)} of {REQUESTS} disturbed")
    listed = shown.json()["data"]
    assert {each["id"] for each in listed} == accepted

    in_flight, ordered = None, []
    for event in await running.events():
        name = event["type"].removeprefix("stratafold.").removesuffix(".v1")
        if name == "version.executed":
            assert in_flight is None, "two at once"
            in_flight = event["subject"]
        elif name == "version.completed":
            assert in_flight == event["subject"]
            in_flight = None
        elif name == "order.created":
            ordered.append(event["data"]["id"])
    orders = [order["id"] for each in listed for order in each["orders"]]
    assert sorted(ordered) == sorted(orders)
    assert len(set(ordered)) == len(ordered)
