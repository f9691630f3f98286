"""Operations and executions over REST: as they are, as they were at any moment, how that came about, and lists."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.e2e.examples import OPERATION_PRICING, OPERATION_SETTLED
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.services.api.conftest import bearer
from tests.services.api.process import MASTER, Api, api
from tests.services.cli.command import run
from tests.stack import Servers

pytestmark = pytest.mark.real

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
STRATEGY = "9ba5e569-a966-42a9-a7ad-666b0a5300f3"
UNHEARD = 99
STRATEGIES = [str(uuid.UUID(int=number)) for number in (1, 2)]


def operation(number: int, status: str) -> bytes:
    """The example with an id of its own, of one of two strategies, in a status."""
    changed = {
        "id": str(uuid.UUID(int=1000 + number)),
        "strategy_id": STRATEGIES[number % 2],
        "status": status,
    }
    return json.dumps({**json.loads(OPERATION_PRICING), **changed}).encode()


def outcome(number: int) -> bytes:
    """What an execution of a strategy of its own tells of its operation, which nobody has spoken of yet."""
    told = {"event": "execution.outcome", "id": str(uuid.UUID(int=1000 + number)), "execution_id": ID}
    status = {"status": "settled", "status_reason": "", "updated_at": "2026-05-29T18:56:43Z"}
    return json.dumps({**told, **status, "strategy_id": str(uuid.UUID(int=3))}).encode()


class Asked:
    """A deployment with an API, asked with a token that may read both services."""

    def __init__(self, deployment: Deployment, one: Api, settings: dict[str, str]) -> None:
        self.deployment = deployment
        self.api = one
        self.settings = settings
        self.token = bearer(settings, "operations:read", "executions:read")

    def get(self, path: str) -> httpx.Response:
        """With the token."""
        return self.api.get(f"/api/v1{path}", self.token)

    def data(self, path: str) -> Any:
        """What a 200 holds."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def every(self, path: str) -> list[Any]:
        """A list, page by page."""
        answer = self.get(path).json()
        items: list[Any] = answer["data"]
        while answer["next_cursor"] is not None:
            answer = self.get(f"{path}&cursor={answer['next_cursor']}").json()
            items += answer["data"]
        return items

    def show(self, *words: str) -> Any:
        """The command's view of the same."""
        return run(self.settings, *words, "--json").json


@pytest.fixture(scope="module")
def asked(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("ledgers")
    made = Deployment(shared_servers, f"led-{uuid.uuid4().hex[:8]}", folder)
    asyncio.run(made.create())
    for service in ("executions", "operations"):
        made.start(service)
    values = [OPERATION_PRICING, OPERATION_SETTLED, OPERATION_PRICING.replace(b'"pricing"', b'"validating"')]
    values += [OPERATION_SETTLED.replace(b'"settled"', b'"failed"')]
    values += [operation(number, "pricing") for number in range(6)]
    values += [operation(number, "settled") for number in range(3)]
    values += [outcome(UNHEARD)]
    topic = made.topic("operations.in")
    asyncio.run(made.push([Push(topic, value, json.loads(value)["id"].encode()) for value in values]))
    asyncio.run(made.settle())
    settings = {**made.environment(), "STRATAFOLD_MASTER_KEY": MASTER}
    with api(folder / "api.log", settings) as one:
        one.wait(200, seconds=90)
        yield Asked(made, one, settings)
        assert "Traceback" not in one.log.read_text()
    assert made.stop() == [0, 0], made.last_words()


def test_an_operation_is_its_state_document(asked: Asked) -> None:
    assert asked.data(f"/operations/{ID}") == asked.show("show", "operation", ID)
    assert asked.data(f"/operations/{ID.upper()}")["disputed"] is True


async def test_as_of_each_sequence_is_what_the_state_topic_had_then(asked: Asked) -> None:
    stored = [one for of in (await asked.deployment.read("operations.state")).values() for one in of]
    documents = [json.loads(one.value or b"") for one in stored if one.key == ID.encode()]
    for document in documents:
        assert (
            await asyncio.to_thread(asked.data, f"/operations/{ID}?as_of={document['sequence']}") == document
        )
    assert documents[-1]["sequence"] == 4
    for above in ("4", "5", "99999999999999999999999999", "0004"):
        assert await asyncio.to_thread(asked.data, f"/operations/{ID}?as_of={above}") == documents[-1]
    first = await asyncio.to_thread(asked.data, f"/operations/{ID}?as_of=1")
    assert (first["status"], first["sequence"], first["disputed"]) == ("pricing", 1, False)


def test_as_of_a_time_goes_by_the_brokers_clock(asked: Asked) -> None:
    history = asked.data(f"/operations/{ID}/history")
    last = history[-1]["recordedtime"]
    assert asked.data(f"/operations/{ID}?as_of={last}") == asked.data(f"/operations/{ID}")
    assert asked.data(f"/operations/{ID}?as_of={last.replace('Z', '%2B00:00')}")["sequence"] == 4
    assert asked.data(f"/operations/{ID}?as_of={last.replace('Z', '+00:00')}")["sequence"] == 4
    assert asked.get(f"/operations/{ID}?as_of=2020-01-01T00:00:00Z").status_code == 404
    assert asked.get(f"/operations/{ID}?as_of=0").status_code == 404


def test_of_a_cut_history_as_much_is_told_as_can_be_known(asked: Asked) -> None:
    """Of what Redis no longer keeps: the present, and that there was nothing before the first fact."""
    cut = str(uuid.UUID(int=1000))
    where = run(asked.settings, "key", "operation", cut).out.decode().strip()
    with Redis.from_url(asked.deployment.servers.redis) as redis:
        redis.ltrim(f"{where}:log", -1, -1)
    present = asked.data(f"/operations/{cut}")
    assert present["sequence"] == 2
    for now in ("2", "3", "2036-01-01T00:00:00Z", present["last_recorded_at"]):
        assert asked.data(f"/operations/{cut}?as_of={now}") == present
    for before in ("0", "2000-01-01T00:00:00Z"):
        assert asked.get(f"/operations/{cut}?as_of={before}").status_code == 404
    assert asked.get(f"/operations/{cut}?as_of=1").status_code == 410


def test_a_history_that_is_gone_is_not_told_as_one_in_which_nothing_happened(asked: Asked) -> None:
    """Nobody can say what happened until it is made anew; what is, is known all the same."""
    lost = str(uuid.UUID(int=1001))
    where = run(asked.settings, "key", "operation", lost).out.decode().strip()
    with Redis.from_url(asked.deployment.servers.redis) as redis:
        redis.delete(f"{where}:log")
    for past in ("/history", "?as_of=1"):
        assert asked.get(f"/operations/{lost}{past}").status_code == 503
    assert asked.data(f"/operations/{lost}")["sequence"] == 2
    assert asked.get(f"/operations/{lost}?as_of=0").status_code == 404


def test_a_history_has_verdicts_and_what_each_record_changed(asked: Asked) -> None:
    history = asked.data(f"/operations/{ID}/history")
    assert [one["verdict"] for one in history] == ["applied", "applied", "late", "conflict"]
    assert [one["sequence"] for one in history] == [1, 2, 3, 4]
    assert history[1]["changed"]["status"] == ["pricing", "settled"]
    assert history[2]["changed"] == {}
    assert history[0]["data"] == json.loads(OPERATION_PRICING)
    told = asked.show("history", "operation", ID)
    assert [one["changed"] for one in told] == [one["changed"] for one in history]
    assert asked.every(f"/operations/{ID}/history?limit=3") == history


def test_lists_are_narrowed_by_strategy_and_status_and_come_by_the_page(asked: Asked) -> None:
    everything = asked.every("/operations?limit=2")
    assert len(everything) == len({one["id"] for one in everything}) == 8
    recorded = [one["last_recorded_at"] for one in everything if not one["disputed"]]
    assert recorded == sorted(recorded, reverse=True)

    def ids(path: str) -> set[int]:
        return {uuid.UUID(one["id"]).int - 1000 for one in asked.every(path)}

    assert ids("/operations?status=pricing&limit=1") == {3, 4, 5}
    assert ids(f"/operations?strategy_id={STRATEGIES[0]}&limit=2") == {0, 2, 4}
    assert ids(f"/operations?strategy_id={STRATEGIES[1]}&status=pricing&limit=1") == {3, 5}
    assert ids(f"/operations?strategy_id={STRATEGIES[1]}&status=failed&limit=1") == set()
    assert ids(f"/operations?strategy_id={uuid.UUID(int=3)}&limit=1") == {UNHEARD}
    assert UNHEARD in {
        uuid.UUID(one["id"]).int - 1000 for one in everything
    }  # it has no status, but it is there
    assert asked.every("/executions?limit=5") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/operations/x", 404),
        ("/operations/" + "{" + ID + "}", 404),
        (f"/operations/{uuid.UUID(int=5)}", 404),
        (f"/operations/{uuid.UUID(int=5)}/history", 404),
        (f"/executions/{ID}", 404),
        (f"/operations/{ID}?as_of=", 422),
        (f"/operations/{ID}?as_of=-1", 422),
        (f"/operations/{ID}?as_of=1.5", 422),
        (f"/operations/{ID}?as_of=yesterday", 422),
        (f"/operations/{ID}?as_of=2026-02-30T00:00:00Z", 422),
        (f"/operations/{ID}?as_of=%EF%BC%91", 422),
        (f"/operations/{ID}?as_of=0001-01-01T00:00:00%2B23:59", 422),
        ("/operations?strategy_id=x", 422),
        ("/operations?strategy_id=", 422),
        ("/operations?status=bogus", 422),
        ("/executions?status=pricing", 422),
        ("/operations?limit=0", 422),
        ("/operations?cursor=x", 422),
        (f"/operations/{ID}/history?cursor=WzEsMl0", 422),
        (f"/operations/{ID}/history?limit=-1", 422),
    ],
)
def test_what_is_asked_wrongly_is_told(asked: Asked, path: str, status: int) -> None:
    answer = asked.get(path)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["errors"][0]["pointer"] in (
            "/as_of",
            "/limit",
            "/cursor",
            "/status",
            "/strategy_id",
        )


def test_each_service_has_a_scope_of_its_own(asked: Asked) -> None:
    only = bearer(asked.settings, "executions:read")
    for path in ("/operations", f"/operations/{ID}", f"/operations/{ID}/history"):
        assert asked.api.get(f"/api/v1{path}", only).status_code == 403
        assert asked.api.get(f"/api/v1{path}").status_code == 401
    assert asked.api.get("/api/v1/executions", only).status_code == 200
