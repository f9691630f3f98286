"""The API's routes of versions over a fold in memory: what a test needs to see every answer without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import orjson
from redis.asyncio import Redis

from libs.contracts.names import companion_of
from libs.settings import Settings
from libs.views.memory import Keyspace
from libs.views.reading import Joined, Members, PartitionView, Position, Ranked, Recorded, Streamed
from services.api.access import Access
from services.api.app import build
from services.api.authentication import Grant, Refused
from services.api.backend import Backend
from services.api.commands import Place, Unavailable
from services.api.live.routes import live_page
from services.api.openapi import describe
from services.api.rate import Rate
from services.versions import AGGREGATE
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.api.examples_001 import example
from tests.services.versions.given import STRATEGY, Body, command, registered

OWN, FOREIGN = "org_1", "org_2"
READ, DELETE = "strategy_versions:read", "strategy_versions:delete"
WRITE = ("strategy_versions:create", "strategy_versions:execute")
ALL = (READ, DELETE, *WRITE)
AT = f"/api/v1/strategies/{STRATEGY}/versions"
QUOTES = {
    "NVDA": {"price": "150", "step": "1", "minimum": "0"},
    "GOOG": {"price": "170.25", "step": "1", "minimum": "0"},
    "AAPL": {"price": "200", "step": "0.5", "minimum": "10"},
}
ENDLESS = "/live/stream"
TESTED_LIVE = (ENDLESS, "/live/dead/redrive")  # one has no end, one needs Kafka
DESCRIPTION = describe()
BODY_OF_001 = orjson.loads(example("execute_request"))


class MemoryViews:
    """Reads what a fold of one partition left, as ``libs.views.reading.Views``."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _of(self, service: str) -> tuple[Keyspace, Position, bool]:
        world = self._world
        if service != "versions":
            return world.others[service], Position(0, owner="w", says_ready=True), True
        owner = "w" if world.taken else None
        seen_at = None if world.anew else 1
        at = Position(0, owner, input_offset=world.reached, says_ready=world.ready, seen_at=seen_at)
        return world.keys, at, world.ready

    async def joined(
        self, service: str, _: int, entity_ids: Sequence[str], names: Sequence[str] = ()
    ) -> Joined:
        keys, at, ready = self._of(service)
        found = [keys.entities.get(one, {}) for one in entity_ids]
        if names:
            found = [{name: one[name] for name in names if name in one} for one in found]
        return Joined(found, at, ready)

    async def members(self, service: str, _: int, index: tuple[str, str]) -> Members:
        keys, at, ready = self._of(service)
        return Members(list(keys.indexes.get(":".join(index), {})), at, ready)

    async def recorded(self, service: str, _: int, entity_id: str) -> Recorded:
        keys, at, ready = self._of(service)
        return Recorded(keys.histories.get(entity_id, []), at, ready)

    async def projection(self, service: str, _: int, entity_id: str) -> Any:
        return await self.joined(service, 0, [entity_id])

    async def ranked(
        self, service: str, _: int, index: tuple[str, str], before: tuple[int, str] | None, count: int
    ) -> Ranked:
        keys, at, ready = self._of(service)
        scores = keys.indexes.get(":".join(index), {})
        places = sorted(((score, one) for one, score in scores.items()), reverse=True)
        return Ranked([one for one in places if before is None or one < before][:count], at, ready)

    async def stream(
        self, service: str, _: int, entity_id: str, stream: str, before: int | None, count: int
    ) -> Streamed:
        keys, at, ready = self._of(service)
        found = [(int(one.partition("-")[0]), of) for one, of in keys.streams.get((entity_id, stream), [])]
        newest = [one for one in reversed(found) if before is None or one[0] < before]
        return Streamed(newest[:count], entity_id in keys.entities, at, ready)

    async def partitions(self, service: str, numbers: Iterable[int]) -> list[PartitionView]:
        _, at, ready = self._of(service)
        return [PartitionView(at, ready) for _ in numbers]

    async def position(self, service: str, _: int) -> Position:
        return self._of(service)[1]

    async def history(self, service: str, _: int, entity_id: str) -> list[bytes]:
        return list(self._of(service)[0].histories.get(entity_id, []))


def check_documented(method: str, answer: httpx.Response) -> None:
    """See that the description of the routes has an answer's status, as what it is."""
    described = _template(answer.request.url.path)
    operation = DESCRIPTION["paths"].get(described, {}).get(method.lower())
    if operation is None:
        assert answer.status_code in (404, 405), (described, method, answer.text)
        return
    told = operation["responses"][str(answer.status_code)]
    assert set(told.get("content", {})) == ({answer.headers["content-type"]} if answer.content else set())


def _template(path: str) -> str:
    root, _, rest = path.removeprefix("/api/v1/strategies/").partition("/versions")
    name, _, history = rest.removeprefix("/").partition("/")
    if name and name != "execute":
        name = "{id}"
    assert root, path
    return "/".join(["/api/v1/strategies/{strategy_id}/versions", *filter(None, (name, history))])


class Tokens:
    """Knows whom a bearer token or an API key speaks for."""

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}
        self.accounts: dict[str, str] = {}

    async def bearer(self, token: str) -> Grant:
        if token not in self.grants:
            raise Refused("the bearer token is none that we know")
        return self.grants[token]

    async def api_key(self, key: str, *_: object) -> str:
        if key not in self.accounts:
            raise Refused("the signature is not that of an API key that we know")
        return self.accounts[key]


class Unlimited:
    """Lets a token ask as often as it likes."""

    async def count(self, _: str) -> None:
        pass


class World:
    """One partition of versions; ``stalled`` keeps the worker from what is appended, ``away`` keeps Kafka away.

    ``others`` holds what other services left; ``taken`` says that a worker of versions had the partition, ``anew``
    that it is being made from its log and was not through with that. Each input comes a second after the one before
    it, by the broker's clock, unless ``next_at`` says when. ``rate`` counts requests.
    """

    def __init__(self, rate: Rate | None = None) -> None:
        self.inputs: list[bytes] = []
        self.traceparents: list[str | None] = []
        self.times: dict[int, int] = {}
        self.keys = Keyspace()
        self.reached = -1
        self.others: dict[str, Keyspace] = {}
        self.taken = True
        self.anew = False
        self.ready = True
        self.stalled = False
        self.away = False
        self.prices: dict[str, Mapping[str, str]] | None = dict(QUOTES)
        self.tokens = Tokens()
        access = Access(self.tokens, rate or Unlimited())  # type: ignore[arg-type]
        backend = Backend(MemoryViews(self), 1)  # type: ignore[arg-type]
        page = live_page(Settings(partitions=1), Redis(), backend, access)
        ending = [route for route in page.routes if route.path not in TESTED_LIVE]
        measured: Any = build(backend, access, ("versions",), {}, self, self, ending)
        self.app = measured._app._app
        self.served = measured
        transport = httpx.ASGITransport(measured, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://api")

    async def append(self, routing_key: str, value: bytes, traceparent: str | None = None) -> Place:
        if self.away:
            raise Unavailable("nobody answers")
        assert json.loads(value)["strategy_id"] == routing_key
        self.traceparents.append(traceparent)
        await asyncio.sleep(0)  # others may come in between
        self.inputs.append(value)
        if not self.stalled:
            self.fold()
        return Place(0, len(self.inputs) - 1)

    def quotes(self, symbols: Iterable[str]) -> dict[str, Mapping[str, str]] | None:
        if self.prices is None:
            return None
        return {one: self.prices[one] for one in symbols if one in self.prices}

    def push(self, *bodies: Body) -> None:
        """Fold commands that come from elsewhere."""
        self.inputs += map(orjson.dumps, bodies)
        self.fold()

    def fold(self, count: int | None = None) -> None:
        """Fold all that was appended, or so many of them."""
        some = [
            replace(one, recorded=self.times.get(one.offset, one.recorded))
            for one in records_of(self.inputs[:count])
        ]
        self.keys = fold_input(AGGREGATE, some).store
        self.reached = len(some) - 1

    def next_at(self, recorded: int) -> None:
        """Have the next input come at a time, in ms by the broker's clock."""
        self.times[len(self.inputs)] = recorded

    def commands(self) -> list[Body]:
        """All that was appended."""
        return [json.loads(value) for value in self.inputs]

    def strategy(self, strategy_id: str = STRATEGY) -> Mapping[str, str]:
        """The strategy's hash."""
        return self.keys.entities[companion_of("versions", strategy_id)]

    def token(self, *scopes: str, organization: str = OWN) -> dict[str, str]:
        """The header of a token."""
        name = f"{organization}-{'-'.join(scopes)}"
        self.tokens.grants[name] = Grant(organization, frozenset(scopes))
        return {"Authorization": f"Bearer {name}"}

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """A request with all scopes; ``body`` is JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = await self.client.request(
            method, path, content=content, headers={**self.token(*ALL), **(headers or {})}, **more
        )
        check_documented(method, answer)
        return answer

    async def execute(
        self, body: object = None, key: str | None = None, strategy_id: str = STRATEGY
    ) -> httpx.Response:
        """The request of 001, or another body."""
        headers = {} if key is None else {"Idempotency-Key": key}
        path = f"/api/v1/strategies/{strategy_id}/versions/execute"
        return await self.ask("POST", path, BODY_OF_001 if body is None else body, headers)

    def finish(self, version: Mapping[str, Any]) -> None:
        """A broker fills what was ordered."""
        fills: Body = {"status_reason": None, "filled_value": None, "filled_average_price": None}
        orders = [one for one in version["orders"] if one["status"] == "PENDING"]
        self.push(
            *(
                command(
                    "order.updated",
                    order_id=one["id"],
                    status="FILLED",
                    filled_quantity=one["order_quantity"],
                    **fills,
                )
                for one in orders
            )
        )


def world(weights: Mapping[str, str] | None = None, cash: str = "100", value: str = "15000") -> World:
    """A world with the strategy of 001 registered."""
    made = World()
    made.push(registered(weights or {}, cash, value))
    return made


def positions(**weights: str) -> Body:
    """The body of an execution."""
    return {"data": {"positions": [{"symbol": one, "weight": weight} for one, weight in weights.items()]}}
