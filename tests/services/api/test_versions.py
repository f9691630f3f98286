"""001 over REST: its requests and answers to the letter, refusals, keys, and what others may not see. No server."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from libs.views.memory import Keyspace
from services.api import folding
from services.api.backend import document
from services.api.commands import Place, Unavailable
from services.versions.strategy import KEYS
from tests.libs.ledger.folding import EPOCH_MS
from tests.services.api.examples_001 import example
from tests.services.api.versions_world import (
    ALL,
    AT,
    DESCRIPTION,
    FOREIGN,
    OWN,
    World,
    positions,
    world,
)
from tests.services.versions.given import OTHER, STRATEGY, VERSION, drafted, execute, registered
from tests.services.versions.given import history as commands_at_random

DAY_MS = 24 * 3_600 * 1_000
EXECUTE_TEMPLATE = "/api/v1/strategies/{strategy_id}/versions/execute"
AT_TEMPLATE = "/api/v1/strategies/{strategy_id}/versions/{id}"
_SHOWN = DESCRIPTION["paths"][AT_TEMPLATE]["get"]["responses"]["200"]
_EXECUTED = DESCRIPTION["paths"][EXECUTE_TEMPLATE]["post"]["responses"]["202"]
EXAMPLES = [
    each["value"]["data"]
    for answer in (_SHOWN, _EXECUTED)
    for each in answer["content"]["application/json"]["examples"].values()
]
ORDER = [
    "id",
    "date",
    "side",
    "symbol",
    "status",
    "status_reason",
    "order_quantity",
    "order_value",
    "filled_quantity",
    "filled_value",
    "filled_average_price",
    "inserted_at",
    "updated_at",
]
OWN_FIELDS = [
    "id",
    "strategy_id",
    "cash_weight",
    "old_cash_weight",
    "scheduled_for",
    "status",
    "executed_at",
    "inserted_at",
]


def data(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()["data"]


def problem(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    return told


def is_time(text: str) -> bool:
    return text.endswith("Z") and len(text) == 27 and datetime.fromisoformat(text) is not None


async def test_executing_answers_as_001_shows_it() -> None:
    one = world()
    answer = await one.execute()
    told = data(answer, 202)
    assert list(told) == [*OWN_FIELDS, "orders", "positions"]
    assert (told["strategy_id"], told["status"], told["scheduled_for"]) == (STRATEGY, "PENDING", None)
    assert (told["cash_weight"], told["old_cash_weight"]) == ("62.5", "100.0")
    assert told["executed_at"] == told["inserted_at"]
    assert is_time(told["executed_at"])
    assert [list(order) for order in told["orders"]] == [ORDER] * 3
    nvda = told["orders"][0]
    assert (nvda["side"], nvda["symbol"], nvda["status"]) == ("BUY", "NVDA", "PENDING")
    assert (nvda["order_quantity"], nvda["order_value"], nvda["filled_quantity"]) == ("10", "1500.00", None)
    assert nvda["date"] == told["executed_at"][:10]
    assert told["orders"][2]["order_quantity"] == "11.0"
    assert [list(position) for position in told["positions"]] == [
        ["id", "symbol", "old_weight", "weight", "action"]
    ] * 3
    assert [tuple(position.values())[1:] for position in told["positions"]] == [
        ("NVDA", "0", "10.0", "ADD"),
        ("GOOG", "0", "12.5", "ADD"),
        ("AAPL", "0", "15.0", "ADD"),
    ]
    assert answer.headers["location"] == f"{AT}/{told['id']}?include=orders,positions"
    assert data(await one.ask("GET", answer.headers["location"])) == told


async def test_a_version_shows_only_what_it_is_asked_for() -> None:
    one = world()
    version = data(await one.execute(), 202)
    path = f"{AT}/{version['id']}"
    assert list(data(await one.ask("GET", path))) == OWN_FIELDS
    assert list(data(await one.ask("GET", path + "?include=orders"))) == [*OWN_FIELDS, "orders"]
    shown = data(await one.ask("GET", path + "?include=positions&include=orders"))
    assert list(shown) == [*OWN_FIELDS, "orders", "positions"]
    assert data(
        await one.ask(
            "GET",
            path.upper()
            .replace("/API/V1/STRATEGIES", "/api/v1/strategies")
            .replace("/VERSIONS/", "/versions/"),
        )
    ) == {name: version[name] for name in OWN_FIELDS}
    for wrong in ("bogus", "", "orders,", "orders, positions", "ORDERS"):
        told = problem(await one.ask("GET", path, params={"include": wrong}), 422)
        assert [finding["pointer"] for finding in told["errors"]] == ["/include"]


def test_the_examples_of_the_description_are_those_of_001() -> None:
    shown, executed = (json.loads(example(name))["data"] for name in ("show", "execute"))
    assert [json.dumps(one) for one in EXAMPLES] == [json.dumps(one) for one in (shown, executed)]


def test_the_examples_of_the_description_are_versions() -> None:
    schema = DESCRIPTION["components"]["schemas"]["Version"]
    for one in EXAMPLES:
        assert list(one) == list(schema["properties"])
    assert EXAMPLES[0]["orders"][0].keys() == schema["properties"]["orders"]["items"]["properties"].keys()


async def test_it_is_complete_at_once_where_nothing_is_to_be_ordered() -> None:
    one = world({"NVDA": "10"}, "90")
    told = data(await one.execute(positions(NVDA="10.00")), 202)
    assert (told["status"], told["orders"], told["positions"][0]["action"]) == ("COMPLETE", [], "IGNORE")
    told = data(await one.execute(positions(NVDA="10.01")), 202)
    assert (told["status"], told["orders"][0]["status"]) == ("COMPLETE", "IGNORED")


async def test_one_rebalance_at_a_time() -> None:
    one = world()
    answers = await asyncio.gather(*(one.execute() for _ in range(20)))
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len(accepted) == 1
    for answer in answers:
        if answer is not accepted[0]:
            told = problem(answer, 422)
            assert told["type"].endswith("/already-executed")
            assert told["version_id"] == data(accepted[0], 202)["id"]
    one.finish(data(accepted[0], 202))
    again = data(await one.execute(positions(NVDA="20")), 202)
    assert again["old_cash_weight"] == "62.5"
    assert {order["symbol"]: order["side"] for order in again["orders"]} == {
        "NVDA": "BUY",
        "GOOG": "SELL",
        "AAPL": "SELL",
    }


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_interleaving_one_is_on_its_way_and_a_key_has_one_answer(seed: int) -> None:
    """Requests under few keys, sent again after each 503, while a worker folds now and then, and a broker fills."""
    rng = random.Random(seed)
    one = world()
    one.stalled = True
    append, over = one.append, False

    async def slow(routing_key: str, value: bytes, traceparent: str | None = None) -> Place:
        await asyncio.sleep(rng.random() * 0.01)
        place = await append(routing_key, value, traceparent)
        if rng.random() < 0.1:  # it stands, but nobody is told
            raise Unavailable("lost")
        return place

    async def work() -> None:
        while not over:
            await asyncio.sleep(rng.random() * 0.01)
            one.fold(rng.randrange(one.reached + 1, len(one.inputs) + 1))
            running = one.keys.entities.get(one.strategy()["in_flight"])
            if running and rng.random() < 0.2:
                one.finish({"orders": json.loads(running["orders"])})

    async def client(number: int) -> tuple[str, tuple[int, bytes]]:
        key = f"k{number % 6}"
        while True:
            await asyncio.sleep(rng.random() * 0.02)
            answer = await one.execute(positions(NVDA=str(1 + number % 6)), key=key)
            if answer.status_code != 503:
                return key, (answer.status_code, answer.content)

    one.append = slow  # type: ignore[method-assign]
    working = asyncio.create_task(work())
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(client(number) for number in range(18)))
    over = True
    await working
    by_key: dict[str, set[tuple[int, bytes]]] = {}
    for key, answer in answers:
        by_key.setdefault(key, set()).add(answer)
    assert all(len(some) == 1 for some in by_key.values())
    accepted = [
        json.loads(body)["data"] for some in by_key.values() for status, body in some if status == 202
    ]
    shown = data(await one.ask("GET", f"{AT}?include=orders,positions"))
    assert {each["id"] for each in shown} == {each["id"] for each in accepted}
    unended = [each for each in shown if each["status"] not in ("COMPLETE", "FAILED")]
    assert len(unended) <= 1


async def test_symbols_that_nobody_knows_are_told_all_at_once() -> None:
    one = world()
    told = problem(await one.execute(positions(NOPE="1", NVDA="2", NIX="3")), 422)
    assert told["type"].endswith("/unknown-symbols")
    assert told["unknown_symbols"] == ["NOPE", "NIX"]
    assert [finding["pointer"] for finding in told["errors"]] == [
        "/data/positions/0/symbol",
        "/data/positions/2/symbol",
    ]
    assert data(await one.ask("GET", AT)) == []


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        (b"", 400, [""]),
        (b"{", 400, [""]),
        (b"[" * 40, 400, [""]),
        (b'{"data": {"positions": [{"symbol": "\xff"}]}}', 400, [""]),
        (b"[]", 422, [""]),
        (b"null", 422, [""]),
        ({}, 422, ["/data"]),
        ({"positions": []}, 422, ["/data"]),
        ({"data": []}, 422, ["/data"]),
        ({"data": {}}, 422, ["/data/positions"]),
        ({"data": {"positions": {}}}, 422, ["/data/positions"]),
        ({"data": {"positions": [1, {}]}}, 422, [f"/data/positions/{at}" for at in ("0", "1/symbol", "1/weight")]),
        (positions(NVDA="x", GOOG="-1", AAPL="1e1"), 422, [f"/data/positions/{at}/weight" for at in (0, 2, 1)]),
        ({"data": {"positions": [{"symbol": "NVDA", "weight": 10.0}]}}, 422, ["/data/positions/0/weight"]),
        ({"data": {"positions": [{"symbol": "", "weight": "1"}]}}, 422, ["/data/positions/0/symbol"]),
        (
            {"data": {"positions": [{"symbol": "NVDA", "weight": "60"}, {"symbol": "NVDA", "weight": "50"}]}},
            422,
            ["/data/positions/1/symbol", "/data/positions"],
        ),
        (positions(NVDA="100.000000000000000001"), 422, ["/data/positions"]),
    ],
)  # fmt: skip
async def test_all_that_is_wrong_is_told_at_once(body: object, status: int, pointers: list[str]) -> None:
    one = world()
    told = problem(await one.execute(body), status)
    assert [finding["pointer"] for finding in told["errors"]] == pointers
    assert all(finding["detail"] for finding in told["errors"])
    assert len(one.inputs) == 1, "nothing of it became a command"


async def test_what_is_too_large_is_413() -> None:
    one = world()
    assert (await one.execute(b" " * 300_000)).status_code == 413
    many = {f"S{number}": "0.001" for number in range(900)}
    one.prices = {name: {"price": "1", "step": "1", "minimum": "0"} for name in many}
    assert problem(await one.execute(positions(**many)), 422)["errors"][0]["pointer"] == "/data/positions"


async def test_fifty_positions_fit() -> None:
    one = world(value="100000")
    many = {f"S{number}": "2" for number in range(50)}
    one.prices = {name: {"price": "3", "step": "0.01", "minimum": "1"} for name in many}
    told = data(await one.execute(positions(**many)), 202)
    assert (len(told["orders"]), told["cash_weight"]) == (50, "0.0")


async def test_a_key_gets_the_first_answer_again() -> None:
    one = world()
    first = await one.execute(key="k")
    one.finish(data(first, 202))
    spelled = (
        b'{"data" : {"positions": ['
        + b",".join(
            json.dumps({"weight": each["weight"], "symbol": each["symbol"]}).encode()
            for each in data(first, 202)["positions"]
        )
        + b"]}}"
    )
    for again in (await one.execute(key="k"), await one.execute(spelled, key="k")):
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["location"] == first.headers["location"]
    now = data(await one.ask("GET", first.headers["location"]))
    assert now["status"] == "COMPLETE"
    assert len(data(await one.ask("GET", AT))) == 1


async def test_a_key_with_another_body_is_refused() -> None:
    one = world()
    await one.execute(key="k")
    for other in (positions(NVDA="10.0"), {**positions(NVDA="10.0"), "note": "x"}):
        told = problem(await one.execute(other, key="k"), 422)
        assert told["type"].endswith("/idempotency-key-reused")
    extra = positions(NVDA="1")
    one = world()
    assert (await one.execute(extra, key="k")).status_code == 202
    told = problem(await one.execute({**extra, "note": "x"}, key="k"), 422)
    assert told["type"].endswith("/idempotency-key-reused")


async def test_a_refusal_is_a_first_answer_too() -> None:
    one = world()
    running = data(await one.execute(), 202)
    busy = await one.execute(positions(NVDA="1"), key="busy")
    unknown = await one.execute(positions(MSFT="1"), key="unknown")
    one.finish(running)
    assert one.prices is not None
    one.prices["MSFT"] = {"price": "1", "step": "1", "minimum": "0"}
    for key, before, weights in (("busy", busy, {"NVDA": "1"}), ("unknown", unknown, {"MSFT": "1"})):
        again = await one.execute(positions(**weights), key=key)
        assert (again.status_code, again.content) == (422, before.content)
    assert (await one.execute(positions(MSFT="1"), key="new")).status_code == 202


async def test_a_key_is_remembered_for_24_hours_by_the_brokers_clock() -> None:
    """From its first request on, whenever it was asked for since; then it is a new one."""
    one = world()
    came = EPOCH_MS + 60_000
    one.next_at(came)
    first = await one.execute(key="k")
    one.finish(data(first, 202))
    other = positions(NVDA="1")
    for ms in (DAY_MS // 2, DAY_MS - 1):
        one.next_at(came + ms)
        again = await one.execute(key="k")
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["location"] == first.headers["location"]
        one.next_at(came + ms)
        assert problem(await one.execute(other, key="k"), 422)["type"].endswith("/idempotency-key-reused")
    one.next_at(came + DAY_MS)
    anew = await one.execute(other, key="k")
    assert data(anew, 202)["id"] != data(first, 202)["id"]
    one.next_at(came + DAY_MS)
    again = await one.execute(other, key="k")
    assert (again.content, again.headers["location"]) == (anew.content, anew.headers["location"])


async def test_keys_are_an_organizations_and_a_strategys_own() -> None:
    one = world()
    one.push({**registered({}, "100"), "strategy_id": OTHER})
    first = data(await one.execute(key="k"), 202)
    second = data(await one.execute(positions(NVDA="1"), key="k", strategy_id=OTHER), 202)
    assert first["id"] != second["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "é"])
async def test_keys_that_are_none(key: str) -> None:
    one = world()
    headers = [(name.encode(), value.encode()) for name, value in one.token(*ALL).items()]
    headers.append((b"Idempotency-Key", key.encode()))
    answer = await one.client.post(f"{AT}/execute", json=positions(), headers=headers)
    assert [each["pointer"] for each in problem(answer, 422)["errors"]] == ["/Idempotency-Key"]


async def test_two_keys_at_once_are_none_and_everything_wrong_is_told() -> None:
    one = world()
    headers = [*one.token(*ALL).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await one.client.post(f"{AT}/execute", json={}, headers=headers)
    assert [each["pointer"] for each in problem(answer, 422)["errors"]] == ["/Idempotency-Key", "/data"]


async def test_503_is_not_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka away, or a worker that takes long: the same key finds out what happened."""
    one = world()
    one.away = True
    assert problem(await one.execute(key="k"), 503)
    one.away = False
    one.stalled = True
    monkeypatch.setattr(folding, "PATIENCE", 0.05)
    late = await one.execute(key="k")
    assert problem(late, 503)["partitions"] == {"versions": [0]}
    assert int(late.headers["retry-after"]) >= 1
    one.stalled = False
    told = data(await one.execute(key="k"), 202)
    taken = [each for each in one.commands() if each["event"] == "version.execute_requested"]
    assert taken[0]["data"]["version_id"] == told["id"]
    assert len(data(await one.ask("GET", AT))) == 1


async def test_without_prices_it_is_503() -> None:
    one = world()
    one.prices = None
    answer = await one.execute()
    assert "prices" in problem(answer, 503)["detail"]
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("forgotten", [False, True], ids=["worker away", "redis emptied"])
async def test_while_the_partition_is_not_ready_it_is_503_and_never_404(forgotten: bool) -> None:
    """Also of strategies and versions that nobody knows, and of another organization's: that can't be told yet."""
    one = world()
    version = data(await one.execute(), 202)
    one.ready = False
    if forgotten:
        one.keys, one.taken, one.reached = Keyspace(), False, -1
    before = len(one.inputs)
    for strategy_id, version_id in ((STRATEGY, version["id"]), (STRATEGY, VERSION), (OTHER, VERSION)):
        at = f"/api/v1/strategies/{strategy_id}/versions"
        for method, path in ROUTES:
            for organization in (OWN, FOREIGN):
                path = path.replace(AT, at).format(id=version_id)
                headers = one.token(*ALL, organization=organization)
                answer = await one.ask(method, path, positions() if method == "POST" else None, headers)
                assert problem(answer, 503)["partitions"] == {"versions": [0]}
                assert int(answer.headers["retry-after"]) >= 1
    assert len(one.inputs) == before, "nothing became a command"


async def test_what_is_held_and_has_no_price_can_not_be_sold() -> None:
    one = world({"DELISTED": "10"}, "90")
    assert "DELISTED" in problem(await one.execute(key="k"), 503)["detail"]
    assert len(one.inputs) == 2, "and is not tried again for nothing"
    assert one.prices is not None
    one.prices["DELISTED"] = {"price": "2", "step": "1", "minimum": "0"}
    told = data(await one.execute(key="k"), 202)
    assert told["orders"][-1]["symbol"] == "DELISTED"


async def test_what_the_strategy_came_to_hold_meanwhile_is_priced_at_the_next_attempt() -> None:
    one = world()
    append, slipped = one.append, False

    async def late(routing_key: str, value: bytes, traceparent: str | None = None) -> Place:
        nonlocal slipped
        if not slipped:  # another execution, all of it, comes first
            slipped = True
            one.push(execute({"GOOG": "10"}, prices={"GOOG": "170.25"}))
            one.finish(data(await one.ask("GET", f"{AT}/{VERSION}?include=orders")))
        return await append(routing_key, value, traceparent)

    one.append = late  # type: ignore[method-assign]
    told = data(await one.execute(positions(NVDA="10"), key="k"), 202)
    assert {each["symbol"]: each["side"] for each in told["orders"]} == {"NVDA": "BUY", "GOOG": "SELL"}
    assert data(await one.execute(positions(NVDA="10"), key="k"), 202) == told


async def test_prices_and_value_travel_in_the_command() -> None:
    one = world({"GOOG": "50"}, "50", "12345.678")
    await one.execute(positions(AAPL="10"), key="k")
    command = one.commands()[-1]
    told = command["data"]
    assert told["prices"] == {"AAPL": "200", "GOOG": "170.25"}
    assert told["instruments"] == {"AAPL": {"step": "0.5", "minimum": "10"}}
    assert told["portfolio_value"] == "12345.678"
    assert (told["organization_id"], told["idempotency_key"]) == (OWN, "k")
    assert command["id"] != told["version_id"]


async def test_what_was_not_executed_can_be_deleted() -> None:
    one = world()
    one.push(drafted({"NVDA": "10"}))
    assert data(await one.ask("GET", f"{AT}/{VERSION}"))["status"] is None
    gone = await one.ask("DELETE", f"{AT}/{VERSION}")
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert problem(await one.ask(method, f"{AT}/{VERSION}"), 404)
    assert problem(await one.ask("GET", f"{AT}/{VERSION}/history"), 404)
    assert data(await one.ask("GET", AT)) == []


async def test_what_was_executed_can_not_be_deleted() -> None:
    one = world()
    version = data(await one.execute(), 202)
    told = problem(await one.ask("DELETE", f"{AT}/{version['id']}"), 422)
    assert told["type"].endswith("/already-executed")
    one.finish(version)
    before = len(one.inputs)
    assert (await one.ask("DELETE", f"{AT}/{version['id']}")).status_code == 422
    assert len(one.inputs) == before  # it was executed for good: asking again and again makes no history


async def test_too_many_keys_in_a_day_are_told_when_to_come_again() -> None:
    one = world()
    one.push(*(execute({"XXXX": "1"}, str(uuid.uuid4()), key=f"k{n}") for n in range(KEYS)))
    answer = await one.execute(key="more")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == str(86_400 - KEYS)  # each came a second after the one before
    assert (await one.execute()).status_code == 202  # without a key


@pytest.mark.parametrize("flags", ["01", "00"])
async def test_a_sampled_traceparent_of_a_request_goes_with_its_command(flags: str) -> None:
    one = world()
    own = f"00-{'ab' * 16}-{'cd' * 8}-{flags}"
    one.push(drafted({"NVDA": "10"}))
    await one.ask("DELETE", f"{AT}/{VERSION}", headers={"traceparent": own})
    await one.ask("POST", f"{AT}/execute", positions(NVDA="10"), {"traceparent": own})
    assert one.traceparents == [own if flags == "01" else None] * 2


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_versions_that_can_not_be_are_404(method: str) -> None:
    one = world()
    one.push({**registered({}, "100"), "strategy_id": OTHER})
    one.push(drafted({"NVDA": "10"}))
    for path in (
        f"{AT}/{uuid.uuid4()}",
        f"{AT}/x",
        f"{AT}/{VERSION}x",
        f"/api/v1/strategies/x/versions/{VERSION}",
        f"/api/v1/strategies/{OTHER}/versions/{VERSION}",
        f"/api/v1/strategies/{uuid.uuid4()}/versions/{VERSION}",
    ):
        assert problem(await one.ask(method, path), 404), path


async def test_strategies_that_are_not_registered_are_404() -> None:
    one = world()
    for strategy_id in (OTHER, "x", STRATEGY + "0"):
        assert problem(await one.execute(strategy_id=strategy_id), 404)
        assert problem(await one.ask("GET", f"/api/v1/strategies/{strategy_id}/versions"), 404)
    assert len(one.inputs) == 1


async def test_another_organization_sees_and_does_nothing() -> None:
    one = world()
    one.push(drafted({"NVDA": "10"}))
    version = data(await one.execute(key="k"), 202)
    stranger = one.token(*ALL, organization=FOREIGN)
    before = len(one.inputs)
    for method, path in ROUTES:
        path = path.format(id=version["id"])
        assert problem(await one.ask(method, path, positions(), stranger), 404), path
    assert problem(await one.ask("DELETE", f"{AT}/{VERSION}", None, stranger), 404)
    assert len(one.inputs) == before


ROUTES = [
    ("GET", AT),
    ("GET", AT + "/{id}"),
    ("GET", AT + "/{id}/history"),
    ("GET", AT + "/{id}?as_of=1"),
    ("DELETE", AT + "/{id}"),
    ("POST", AT + "/execute"),
]


async def test_a_version_without_a_registered_strategy_is_that_of_who_executed_it() -> None:
    one = World()
    one.push(execute({"NVDA": "10"}, organization_id=FOREIGN))
    stranger = one.token(*ALL, organization=FOREIGN)
    assert data(await one.ask("GET", f"{AT}/{VERSION}", headers=stranger))["id"] == VERSION
    assert len(data(await one.ask("GET", AT, headers=stranger))) == 1
    for path in (AT, f"{AT}/{VERSION}"):
        assert problem(await one.ask("GET", path), 404)


async def test_lists_are_newest_first_whatever_changed_last() -> None:
    one = world()
    ids = [str(uuid.UUID(int=number)) for number in range(7)]
    for second, version_id in ((3, 0), (1, 1), (2, 2), (6, 3), (5, 4), (5, 5), (0, 6)):
        one.push({**drafted({"NVDA": "1"}, ids[version_id]), "ts": f"2025-03-10T14:30:0{second}Z"})
    one.push({**drafted({"NVDA": "2"}, ids[6]), "ts": "2025-03-10T14:30:09Z"})  # as new as it was
    expected = [ids[number] for number in (3, 5, 4, 0, 2, 1, 6)]
    assert [each["id"] for each in data(await one.ask("GET", AT))] == expected
    for limit in (1, 2, 3, 7):
        found, cursor = [], None
        while True:
            asked = {"limit": limit} if cursor is None else {"limit": limit, "cursor": cursor}
            page = (await one.ask("GET", AT, params=asked)).json()
            found += [each["id"] for each in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == expected
    whole = data(await one.ask("GET", f"{AT}?include=orders,positions&limit=1"))
    assert list(whole[0]) == [*OWN_FIELDS, "orders", "positions"]


async def test_lists_are_narrowed_by_status() -> None:
    one = world()
    one.push(drafted({"NVDA": "1"}, at=3_600))
    version = data(await one.execute(), 202)
    assert [each["id"] for each in data(await one.ask("GET", f"{AT}?status=PENDING"))] == [version["id"]]
    assert [each["id"] for each in data(await one.ask("GET", f"{AT}?status=SCHEDULED"))] == [VERSION]
    assert data(await one.ask("GET", f"{AT}?status=FAILED")) == []
    for query in ("status=pending", "limit=0", "cursor=x", "include=x"):
        told = problem(await one.ask("GET", f"{AT}?{query}"), 422)
        assert told["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


async def test_as_of_and_history_tell_how_it_came_about() -> None:
    one = world()
    answer = await one.execute()
    version = data(answer, 202)
    one.finish(version)
    path = f"{AT}/{version['id']}"
    history = data(await one.ask("GET", f"{path}/history"))
    assert [each["verdict"] for each in history] == ["applied"] * 4
    assert [each["sequence"] for each in history] == [1, 2, 3, 4]
    assert history[3]["changed"]["status"] == ["IN_PROGRESS", "COMPLETE"]
    assert data(await one.ask("GET", f"{path}?include=orders,positions&as_of=1")) == version
    statuses = [data(await one.ask("GET", f"{path}?as_of={at}"))["status"] for at in range(1, 7)]
    assert statuses == ["PENDING", "IN_PROGRESS", "IN_PROGRESS", "COMPLETE", "COMPLETE", "COMPLETE"]
    then = history[1]["recordedtime"]
    assert data(await one.ask("GET", path, params={"as_of": then}))["status"] == "IN_PROGRESS"
    assert problem(await one.ask("GET", f"{path}?as_of=0"), 404)
    assert problem(await one.ask("GET", f"{path}?as_of=x"), 422)
    first = (await one.ask("GET", f"{path}/history?limit=3")).json()
    rest = (await one.ask("GET", f"{path}/history?cursor={first['next_cursor']}")).json()
    assert [*first["data"], *rest["data"]] == history


async def test_as_of_each_sequence_of_random_histories_is_what_the_fold_had_then() -> None:
    """Of every version that is shown: 404 before it was there, and above the last sequence as it is."""
    compared = 0
    for seed in range(24):
        one = World()
        for version_id, documents in folded_meanwhile(one, commands_at_random(random.Random(seed))).items():
            fields = one.keys.entities.get(version_id, {"strategy_id": STRATEGY})
            path = f"/api/v1/strategies/{fields['strategy_id']}/versions/{version_id}"
            if (await one.ask("GET", path)).status_code == 404:
                continue  # it was deleted, or only refused, or is nobody's
            last = int(fields["sequence"])
            for sequence in range(last + 2):
                was = await one.ask("GET", f"{path}?include=orders,positions&as_of={sequence}")
                known = documents.get(min(sequence, last))
                if known is None or known["inserted_at"] is None:
                    assert problem(was, 404)
                else:
                    assert data(was) == {name: known[name] for name in (*OWN_FIELDS, "orders", "positions")}
                    compared += 1
    assert compared > 100


def folded_meanwhile(one: World, values: list[bytes]) -> dict[str, dict[int, Any]]:
    """The document of each version at each of its sequences, while commands were folded one by one."""
    then: dict[str, dict[int, Any]] = {}
    for value in values:
        one.inputs.append(value)
        one.fold()
        for version_id, fields in one.keys.entities.items():
            if not version_id.startswith("strategy:"):
                told = json.loads(document("versions", version_id, fields))
                then.setdefault(version_id, {})[told["sequence"]] = told
    return then


async def test_what_was_only_refused_is_no_version() -> None:
    one = world()
    await one.execute()
    refused = one.commands()
    await one.execute()
    version_id = one.commands()[len(refused)]["data"]["version_id"]
    for path in (f"{AT}/{version_id}", f"{AT}/{version_id}/history", f"{AT}/{version_id}?as_of=1"):
        assert problem(await one.ask("GET", path), 404)
    assert len(data(await one.ask("GET", AT))) == 1
