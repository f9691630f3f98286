"""What a made-up portfolio manager does: the same under a seed, everything there is to do, and nothing malformed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import islice
from typing import Any

import httpx
import orjson
import pytest

from libs.contracts.versions import Instrument
from libs.ledger.records import InputRecord
from services.simulator.portfolio_desk import Desk
from services.simulator.portfolio_stories import (
    Draft,
    Episode,
    Execute,
    PortfolioStory,
    Register,
)
from services.simulator.stocks import STOCKS, Ticker
from services.simulator.version_commands import cancel, drafted, registered
from services.simulator.versions_client import VersionsClient, retry_after
from services.versions import AGGREGATE
from tests.libs.ledger.folding import fold_input, verdicts

STRATEGY = "019d6f6a-9be4-7d69-a04c-91912a8b9100"
TS = "2026-05-29T19:00:00Z"


def episodes(seed: int = 1, number: int = 0, count: int = 600) -> list[Episode]:
    return list(islice(PortfolioStory(seed, number).episodes(), count))


def test_the_same_seed_does_the_same_and_strategies_differ() -> None:
    assert episodes() == episodes()
    assert episodes(count=20) != episodes(seed=2, count=20)
    assert episodes(count=20) != episodes(number=1, count=20)


def test_everything_there_is_to_do_is_done_and_the_registration_comes_first() -> None:
    done = episodes()
    assert isinstance(done[0].steps[0], Register)
    assert set(Counter(one.name for one in done)) == {
        "registered",
        "rebalanced",
        "repeated",
        "hasty",
        "unlisted",
        "reused",
        "scheduled",
        "withdrawn",
        "called_off",
        "stopped",
        "too_late",
        "revalued",
    }


def test_only_one_kind_asks_for_what_is_not_listed() -> None:
    for one in episodes():
        for step in one.steps:
            if isinstance(step, Execute | Draft):
                assert (set(step.weights) <= STOCKS.keys()) == (one.name != "unlisted")
                assert sum(map(Decimal, step.weights.values())) <= 100


def test_a_request_is_repeated_under_its_key_and_a_key_is_reused_for_another() -> None:
    by_name: dict[str, list[Execute]] = {}
    for one in reversed(episodes()):
        by_name[one.name] = [step for step in one.steps if isinstance(step, Execute)]
    first, second = by_name["repeated"]
    assert first == second
    first, second = by_name["reused"]
    assert first.key == second.key
    assert first.weights != second.weights
    first, second = by_name["hasty"]
    assert first.key != second.key


def test_the_commands_are_what_the_worker_takes() -> None:
    story = PortfolioStory(1, 0)
    values = []
    for one in islice(story.episodes(), 300):
        for step in one.steps:
            if isinstance(step, Register):
                told = (step.id, TS, STRATEGY, "demo", step.value, story.cash, story.weights)
                values.append(registered(*told))
            if isinstance(step, Draft):
                when = None if step.due is None else TS
                values.append(drafted(step.id, TS, STRATEGY, step.version_id, step.weights, when))
                values.append(cancel(f"{step.id}-", TS, STRATEGY, step.version_id))
    records = [InputRecord(at, at, STRATEGY.encode(), value) for at, value in enumerate(values)]
    assert set(verdicts(fold_input(AGGREGATE, records))) == {
        "applied",
        "ignored",
    }  # a draft can't be cancelled


def test_prices_are_instruments_and_repeat_under_a_seed() -> None:
    def told(seed: int) -> list[dict[str, Any]]:
        ticker = Ticker(seed)
        return [*ticker.all(TS), *(one for _ in range(50) for one in ticker.next(TS))]

    assert told(1) == told(1) != told(2)
    for quote in told(1):
        Instrument.model_validate(quote)
        assert Decimal(quote["price"]) > 0
    assert {quote["symbol"] for quote in told(1)} == STOCKS.keys()


class Api:
    """Answers what it was told to, one after the other, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []

    def client(self) -> VersionsClient:
        return VersionsClient(
            "http://api", "sft_x", pause=self._pause, transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _pause(self, seconds: float) -> None:
        self.waited.append(seconds)


async def test_who_is_told_to_come_again_waits_as_long_and_comes_with_the_same_request() -> None:
    api = Api(
        httpx.Response(429, headers={"Retry-After": "17"}),
        httpx.ConnectError("nobody"),
        httpx.Response(503, headers={"Retry-After": "2"}),
        httpx.Response(202, json={"data": {"id": "v"}}),
    )
    async with api.client() as client:
        answer = await client.execute(STRATEGY, {"NVDA": "10.0"}, "key")
    assert answer.status_code == 202
    assert api.waited == [17, 1, 2]
    assert {one.content for one in api.asked} == {
        orjson.dumps({"data": {"positions": [{"symbol": "NVDA", "weight": "10.0"}]}})
    }
    assert {one.headers["idempotency-key"] for one in api.asked} == {"key"}
    assert {one.headers["authorization"] for one in api.asked} == {"Bearer sft_x"}
    assert client.asked == {"execute 202": 1}


@pytest.mark.parametrize(
    ("told", "seconds"), [("3", 3), ("-1", 0), ("9999", 60), ("soon", 1), ("nan", 1), (None, 1)]
)
def test_a_wait_is_bounded(told: str | None, seconds: float) -> None:
    assert retry_after(httpx.Response(503, headers={} if told is None else {"Retry-After": told})) == seconds


class Sent:
    """Takes commands."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    async def send(self, topic: str, key: str, value: bytes) -> None:
        assert (topic, key) == ("versions.in", STRATEGY)
        body = orjson.loads(value)
        self.events.append((body["event"], body["data"].get("version_id", "")))


async def _carried_out(name: str, *answers: httpx.Response) -> tuple[Api, Sent, Counter[str]]:
    api, sent, ended, story = Api(*answers), Sent(), Counter[str](), PortfolioStory(1, 0)
    episode = next(one for one in story.episodes() if one.name == name)
    async with api.client() as client:
        await Desk(client, sent, "demo", STRATEGY, ended, pace=0.0).carry_out(episode, story)
    assert api.answers == []
    return api, sent, ended


def accepted(version_id: str) -> httpx.Response:
    return httpx.Response(202, json={"data": {"id": version_id}})


def standing(status: str) -> httpx.Response:
    return httpx.Response(200, json={"data": {"status": status}})


async def test_an_episode_goes_on_with_the_version_that_was_accepted() -> None:
    refused = httpx.Response(422)
    api, _, ended = await _carried_out(
        "hasty", accepted("v1"), refused, standing("PENDING"), standing("FAILED")
    )
    assert [one.url.path.rpartition("/")[2] for one in api.asked] == ["execute", "execute", "v1", "v1"]
    assert ended == {"FAILED": 1}


async def test_of_what_was_refused_nothing_is_cancelled_or_awaited() -> None:
    _, sent, ended = await _carried_out("stopped", httpx.Response(422))
    assert (sent.events, ended) == ([], {})


async def test_a_cancellation_is_of_the_version_that_was_accepted() -> None:
    _, sent, ended = await _carried_out("stopped", accepted("v7"), standing("CANCELLED"))
    assert (sent.events, ended) == ([("version.cancel_requested", "v7")], {"CANCELLED": 1})


async def test_a_draft_is_deleted_through_the_api() -> None:
    api, sent, _ = await _carried_out("withdrawn", httpx.Response(204))
    ((event, version_id),) = sent.events
    assert event == "version.drafted"
    assert (api.asked[0].method, api.asked[0].url.path.rpartition("/")[2]) == ("DELETE", version_id)
