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
from typing import Any

import httpx
import pytest
import schemathesis
from redis import Redis

from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import WorkerProcess
from tests.services.api.conftest import bearer
from tests.services.api.examples_001 import but_for_ids_and_times, example
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


def curl(
    asked: Asked, path: str, *words: str, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The request as 001 words it: status, headers, body."""
    words = (
        "-sS",
        "-D",
        "-",
        *words,
        asked.apis[0].url + path,
        "-H",
        f"Authorization: {asked.token['Authorization']}",
    )
    if body is not None:
        words += ("-H", "Content-Type: application/json", "-d", body.decode())
    done = subprocess.run(["curl", *words], capture_output=True, timeout=60, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), headers, content


def execute_001(asked: Asked, strategy_id: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """POST, again until the process has read the prices."""
    path, end = path_of(strategy_id, "/execute"), time.monotonic() + 30
    while (answer := curl(asked, path, "-X", "POST", body=body))[0] == 503 and time.monotonic() < end:
        time.sleep(0.2)
    assert answer[0] == 202, answer
    return answer[1:]


def test_001_s_execute_by_curl_is_answered_as_it_shows(asked: Asked) -> None:
    """Equal but for ids and times; of the orders it shows NVDA's."""
    strategy_id = asked.strategy()
    headers, content = execute_001(asked, strategy_id, example("execute_request"))
    told = json.loads(content)["data"]
    assert [one["symbol"] for one in told["orders"]] == ["NVDA", "GOOG", "AAPL"]
    shown = {**told, "orders": told["orders"][:1]}
    assert but_for_ids_and_times(json.dumps({"data": shown}).encode()) == but_for_ids_and_times(
        example("execute")
    )
    times = {told["executed_at"], told["inserted_at"]}
    times |= {one[name] for one in told["orders"] for name in ("inserted_at", "updated_at")}
    assert len(times) == 1
    assert {one["date"] for one in told["orders"]} == {told["executed_at"][:10]}
    where = path_of(strategy_id, f"/{told['id']}?include=orders,positions")
    assert (headers["location"], headers["content-type"]) == (where, "application/json")
    for at in (0, 1):
        assert asked.ask("GET", where, at=at).content == content
    status, _, content = curl(
        asked, path_of(strategy_id, "/execute"), "-X", "POST", body=example("execute_request")
    )
    assert (status, json.loads(content)["type"]) == (422, "/problems/already-executed")
    unknown = example("execute_request").replace(b"NVDA", b"NOPE").replace(b"GOOG", b"NIX")
    status, headers, content = curl(asked, path_of(strategy_id, "/execute"), "-X", "POST", body=unknown)
    refused = json.loads(content)
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert (refused["type"], refused["unknown_symbols"]) == ("/problems/unknown-symbols", ["NOPE", "NIX"])


def test_001_s_version_by_curl_is_shown_as_it_shows_it(asked: Asked) -> None:
    """Equal but for ids and times, and for what makes its weights sum to 100, which the example leaves out."""
    strategy_id, rest = str(uuid.uuid4()), "AAPL"
    asked.push(strategy_id, registered({"GOOG": "15.0", rest: "75"}, "10"))
    weights = {"NVDA": "10.0", "GOOG": "12.5", rest: "72.5"}
    _, content = execute_001(asked, strategy_id, json.dumps(positions(**weights)).encode())
    made = json.loads(content)["data"]
    fill: dict[str, Any] = {"status": "FILLED", "status_reason": None, "filled_quantity": "10"}
    fill |= {"filled_value": "1490.50", "filled_average_price": "149.05"}
    asked.push(strategy_id, command("order.updated", order_id=made["orders"][0]["id"], **fill))
    asked.finish({**made, "orders": made["orders"][1:]})
    path = path_of(strategy_id, f"/{made['id']}")
    status, headers, content = curl(asked, f"{path}?include=orders,positions")
    told = json.loads(content)["data"]
    assert (status, headers["content-type"], told["id"]) == (200, "application/json", made["id"])
    for name, kept in (("orders", ["NVDA"]), ("positions", ["NVDA", "GOOG"])):
        assert [one["symbol"] for one in told[name]] == list(weights)
        told[name] = [one for one in told[name] if one["symbol"] in kept]
    assert but_for_ids_and_times(json.dumps({"data": told}).encode()) == but_for_ids_and_times(
        example("show")
    )
    assert told["orders"][0]["updated_at"] == "2025-03-10T14:30:00.000000Z", "the time of the broker's word"
    status, _, content = curl(asked, path, "-X", "DELETE")
    assert (status, json.loads(content)["type"]) == (422, "/problems/already-executed")


def test_001_s_delete_by_curl_is_204_with_nothing_in_it(asked: Asked) -> None:
    strategy_id, version_id = asked.strategy(), str(uuid.uuid4())
    asked.push(strategy_id, drafted({"NVDA": "10"}, version_id))
    path = path_of(strategy_id, f"/{version_id}")
    status, headers, content = curl(asked, path, "-X", "DELETE")
    assert (status, content) == (204, b"")
    assert "content-type" not in headers
    status, headers, content = curl(asked, path, "-X", "DELETE")
    assert (status, headers["content-type"]) == (404, "application/problem+json")


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


def test_redis_emptied_makes_no_version_unknown_for_a_moment(asked: Asked) -> None:
    """503 with Retry-After until the worker has made its partitions anew; then all is as it was, also under a key."""
    strategy_id = asked.strategy()
    first = asked.ask("POST", path_of(strategy_id, "/execute"), BODY_OF_001, "k")
    where = first.headers["location"]
    names = asked.deployment.names
    seen: dict[str, set[int]] = {"GET": set(), "POST": set(), "DELETE": set(), "list": set()}
    with Redis.from_url(asked.deployment.servers.redis) as redis:
        redis.delete(*redis.scan_iter(names.key("{versions.*"), count=1_000))
    end = time.monotonic() + 60
    while not all(some - {503} for some in seen.values()):
        assert time.monotonic() < end, seen
        for what, method, path in (
            ("GET", "GET", where),
            ("list", "GET", path_of(strategy_id)),
            ("POST", "POST", path_of(strategy_id, "/execute")),
            ("DELETE", "DELETE", where.partition("?")[0]),
        ):
            answer = asked.ask(method, path, BODY_OF_001 if method == "POST" else None, "k")
            seen[what].add(answer.status_code)
            if answer.status_code == 503:
                assert int(answer.headers["retry-after"]) >= 1
            elif what in ("GET", "POST"):
                assert answer.content == first.content
    assert 503 in set().union(*seen.values())
    told = {what: some - {503} for what, some in seen.items()}
    assert told == {"GET": {200}, "list": {200}, "POST": {202}, "DELETE": {422}}


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
