"""Versions over REST through Kafka, a worker and two API processes: to the letter of 001, at once, and once."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis

from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import WorkerProcess
from tests.services.api.conftest import bearer
from tests.services.api.fuzzing import fuzz, operations_of
from tests.services.api.process import MASTER, Api, api
from tests.services.api.versions_world import ALL, BODY_OF_001, FOREIGN, OWN, QUOTES, positions
from tests.services.cli.command import run
from tests.services.versions.given import command, drafted, registered
from tests.stack import Servers

pytestmark = pytest.mark.real


@dataclass
class Asked:
    """A worker, two API processes, and a token that may do anything with versions."""

    deployment: Deployment
    apis: tuple[Api, Api]
    settings: dict[str, str]
    token: dict[str, str]
    worker: WorkerProcess

    def push(self, strategy_id: str, *bodies: dict[str, Any]) -> None:
        """Commands from elsewhere, and until they are folded."""
        topic = self.deployment.topic("versions.in")
        values = [json.dumps({**body, "strategy_id": strategy_id}).encode() for body in bodies]
        records = [Push(topic, value, strategy_id.encode()) for value in values]
        asyncio.run(self.deployment.push(records))
        asyncio.run(self.deployment.settle())

    def strategy(self) -> str:
        """A new one, registered."""
        strategy_id = str(uuid.uuid4())
        self.push(strategy_id, registered({}, "100"))
        return strategy_id

    def ask(
        self, method: str, path: str, body: object = None, key: str | None = None, at: int = 0
    ) -> httpx.Response:
        """A request to one of the processes."""
        headers = self.token if key is None else {**self.token, "Idempotency-Key": key}
        return httpx.request(method, self.apis[at].url + path, json=body, headers=headers, timeout=30)

    def finish(self, version: dict[str, Any]) -> None:
        """A broker fills all orders."""
        fills = {
            "status": "FILLED",
            "status_reason": None,
            "filled_value": None,
            "filled_average_price": None,
        }
        told = [
            command("order.updated", order_id=one["id"], filled_quantity=one["order_quantity"], **fills)  # type: ignore[arg-type]
            for one in version["orders"]
            if one["status"] == "PENDING"
        ]
        self.push(version["strategy_id"], *told)


@pytest.fixture(scope="module")
def asked(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("versions")
    made = Deployment(shared_servers, f"ver-{uuid.uuid4().hex[:8]}", folder, services=("versions",))
    asyncio.run(made.create())
    worker = made.start("versions")
    settings = {
        **made.environment(STRATAFOLD_RATE_LIMIT="0"),
        "STRATAFOLD_MASTER_KEY": MASTER,
    }
    file = folder / "instruments.json"
    quotes = [{"symbol": symbol, "ts": "2026-05-29T19:00:00Z", **one} for symbol, one in QUOTES.items()]
    file.write_text(json.dumps(quotes))
    pushed = run(settings, "push", "instruments.in", str(file))
    assert pushed.status == 0, pushed.err
    asyncio.run(made.settle())
    with api(folder / "one.log", settings) as one, api(folder / "two.log", settings) as two:
        for each in (one, two):
            each.wait(200, seconds=90)
        token = bearer(settings, *ALL, organization=OWN)
        yield Asked(made, (one, two), settings, token, worker)
        for each in (one, two):
            assert "Traceback" not in each.log.read_text()
    assert made.stop() == [0], made.last_words()


def path_of(strategy_id: str, ending: str = "") -> str:
    return f"/api/v1/strategies/{strategy_id}/versions{ending}"


def test_the_requests_of_001_by_curl_get_its_answers(asked: Asked, tmp_path: Path) -> None:
    """Equal but for ids and times; AAPL's order is of our own prices."""
    strategy_id = asked.strategy()
    headers = tmp_path / "headers"
    url = asked.apis[0].url + path_of(strategy_id, "/execute")
    words = ["curl", "-sS", "-D", str(headers), "-X", "POST", url]
    words += ["-H", f"Authorization: {asked.token['Authorization']}", "-H", "Content-Type: application/json"]
    end = time.monotonic() + 30
    while True:  # until the process has read the prices
        done = subprocess.run(
            [*words, "-d", json.dumps(BODY_OF_001)], capture_output=True, timeout=30, check=True
        )
        if b"202 Accepted" in headers.read_bytes() or time.monotonic() > end:
            break
    told = json.loads(done.stdout)["data"]
    assert (told["status"], told["cash_weight"], told["old_cash_weight"]) == ("PENDING", "62.5", "100.0")
    order = {name: value for name, value in told["orders"][0].items() if name not in ("id", "date")}
    assert order == {
        "side": "BUY",
        "symbol": "NVDA",
        "status": "PENDING",
        "status_reason": None,
        "order_quantity": "10",
        "order_value": "1500.00",
        "filled_quantity": None,
        "filled_value": None,
        "filled_average_price": None,
        "inserted_at": told["executed_at"],
        "updated_at": told["executed_at"],
    }
    where = path_of(strategy_id, f"/{told['id']}?include=orders,positions")
    assert f"location: {where}" in headers.read_text().lower()
    for at in (0, 1):
        assert asked.ask("GET", where, at=at).json()["data"] == told
    assert asked.ask("DELETE", where).json()["type"].endswith("/already-executed")
    asked.finish(told)
    assert asked.ask("GET", where).json()["data"]["status"] == "COMPLETE"


def test_what_one_process_deleted_the_other_does_not_show(asked: Asked) -> None:
    strategy_id, version_id = asked.strategy(), str(uuid.uuid4())
    asked.push(strategy_id, drafted({"NVDA": "10"}, version_id))
    path = path_of(strategy_id, f"/{version_id}")
    assert asked.ask("GET", path, at=1).json()["data"]["status"] is None
    gone = asked.ask("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert asked.ask("GET", path, at=1).status_code == 404
    assert asked.ask("GET", path_of(strategy_id), at=1).json() == {"data": [], "next_cursor": None}


async def test_of_many_at_once_one_is_on_its_way_and_a_key_has_one_answer(asked: Asked) -> None:
    strategy_id = await asyncio.to_thread(asked.strategy)
    path = path_of(strategy_id, "/execute")
    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def execute(number: int) -> tuple[str, httpx.Response]:
            key = f"k{number % 20}"
            headers = {**asked.token, "Idempotency-Key": key}
            url = asked.apis[number // 20 % 2].url + path
            return key, await client.post(url, json=BODY_OF_001, headers=headers)

        answers = await asyncio.gather(*(execute(number) for number in range(80)))
    by_key: dict[str, set[tuple[int, bytes]]] = {}
    for key, answer in answers:
        by_key.setdefault(key, set()).add((answer.status_code, answer.content))
    assert all(len(some) == 1 for some in by_key.values()), by_key
    statuses = Counter(status for some in by_key.values() for status, _ in some)
    assert statuses == {202: 1, 422: 19}
    listed = await asyncio.to_thread(asked.ask, "GET", path_of(strategy_id, "?include=orders"))
    assert len(listed.json()["data"]) == 1
    events = [one for some in (await asked.deployment.read("versions.events")).values() for one in some]
    created = [json.loads(one.value or b"") for one in events]
    ours = [one["data"]["id"] for one in created if one["type"].endswith("order.created.v1")]
    assert all(ours.count(order["id"]) == 1 for order in listed.json()["data"][0]["orders"])


def test_503_is_not_final(asked: Asked) -> None:
    strategy_id = asked.strategy()
    path = path_of(strategy_id, "/execute")
    asked.worker.signal(signal.SIGSTOP)
    try:
        late = asked.ask("POST", path, positions(NVDA="10"), "k")
    finally:
        asked.worker.signal(signal.SIGCONT)
    assert late.status_code == 503, late.text
    assert int(late.headers["retry-after"]) >= 1
    end = time.monotonic() + 60
    while (answer := asked.ask("POST", path, positions(NVDA="10"), "k", at=1)).status_code == 503:
        assert time.monotonic() < end, answer.text
        time.sleep(0.5)
    assert answer.status_code == 202, answer.text
    again = asked.ask("POST", path, positions(NVDA="10"), "k")
    assert (again.content, again.headers["location"]) == (answer.content, answer.headers["location"])
    reused = asked.ask("POST", path, positions(NVDA="11"), "k")
    assert reused.json()["type"].endswith("/idempotency-key-reused")
    assert len(asked.ask("GET", path_of(strategy_id)).json()["data"]) == 1


def test_another_organization_and_other_scopes(asked: Asked) -> None:
    strategy_id = asked.strategy()
    stranger = bearer(asked.settings, *ALL, organization=FOREIGN)
    for method, ending in (("GET", ""), ("POST", "/execute"), ("GET", f"/{uuid.uuid4()}")):
        url = asked.apis[0].url + path_of(strategy_id, ending)
        assert httpx.request(method, url, json=BODY_OF_001, headers=stranger).status_code == 404
        assert httpx.request(method, url, json=BODY_OF_001).status_code == 401
    for scope in ALL[2:]:
        only = bearer(asked.settings, scope, organization=OWN)
        url = asked.apis[0].url + path_of(strategy_id, "/execute")
        assert httpx.post(url, json=BODY_OF_001, headers=only).status_code == 403


def test_whatever_is_made_of_the_description_is_answered_as_it_says(asked: Asked) -> None:
    """Of a version that there is and of made-up ones, with a token that may do everything: no 5xx, nothing else."""
    strategy_id = asked.strategy()
    made = asked.ask("POST", path_of(strategy_id, "/execute"), BODY_OF_001).json()["data"]
    schema = schemathesis.openapi.from_url(f"{asked.apis[0].url}/openapi.json")
    operations = [each for each in operations_of(schema) if "/versions" in each.path]
    assert {each.method for each in operations} == {"get", "post", "delete"}
    for operation in operations:
        own = {"strategy_id": strategy_id, **({"id": made["id"]} if "{id}" in operation.path else {})}
        for parameters in (None, own):
            fuzz(operation, asked.token, parameters, asked.apis[0].url, examples=8)
    assert asked.ask("GET", path_of(strategy_id, f"/{made['id']}")).json()["data"]["id"] == made["id"]
