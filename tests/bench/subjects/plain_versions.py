"""What executes and shows versions when it is written plainly: read, plan, and write all rows in one transaction.

The rows are those that the worker writes, and so is the plan: the difference is the log, and that a version's orders
come about in the process that was asked.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import orjson
import uvicorn
import uvloop
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import WatchError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.contracts.names import Names, companion_of
from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import View
from libs.ledger.verdict import Verdict
from libs.settings import Settings, load
from services.api import versions_answer, versions_command, versions_request
from services.api.versions_command import Stamp
from services.versions import model, strategy
from services.versions.events import observe
from services.versions.view import render, render_strategy, restore, restore_strategy
from tests.bench.portfolios import ORGANIZATION, QUOTES

_SERVICE: Final = "versions"
_AT: Final = "/api/v1/strategies/{strategy_id}/versions"


class Handlers:
    """Both routes."""

    def __init__(self, redis: Redis, names: Names, partitions: int) -> None:
        self._redis, self._names, self._partitions = redis, names, partitions

    async def execute(self, request: Request) -> Response:
        """Plan against what the strategy holds, and write; anew where that changed meanwhile."""
        strategy_id = request.path_params["strategy_id"]
        asked = versions_request.wanted(await request.body(), [])
        partition = partition_of(strategy_id, self._partitions)
        shared = self._names.entity(_SERVICE, partition, companion_of(_SERVICE, strategy_id))
        while True:
            async with self._redis.pipeline(transaction=True) as both:
                await both.watch(shared)
                fields: Any = await both.hgetall(shared)
                held = restore_strategy("", fields)
                if held.in_flight is not None or held.portfolio_value is None:
                    return Response(status_code=HTTPStatus.UNPROCESSABLE_ENTITY)
                version_id, now = str(uuid.uuid4()), int(time.time() * 1000)
                symbols = [*(symbol for symbol, _ in asked.targets), *held.held.weights]
                quotes = {symbol: QUOTES[symbol] for symbol in symbols}
                value = held.portfolio_value
                stamp = Stamp(version_id, now)
                command = versions_command.execute(
                    stamp, strategy_id, version_id, ORGANIZATION, asked, quotes, value
                )
                fact = observe(orjson.loads(command.value), command.value)
                fact.place, fact.recorded = version_id, now
                fact.context = after = strategy.evolve(held, fact, Verdict.APPLIED)
                made = model.evolve(model.initial(version_id), fact, Verdict.APPLIED)
                view = render(made)
                both.multi()  # type: ignore[no-untyped-call]
                _set(both, shared, render_strategy(after).fields)
                self._write(both, partition, version_id, view, now)
                try:
                    await both.execute()
                except WatchError:
                    continue
            told = versions_answer.shown(orjson.loads(view.json))
            where = versions_answer.location(strategy_id, version_id)
            return _answer(told, HTTPStatus.ACCEPTED, {"Location": where})

    def _write(self, both: Pipeline, partition: int, version_id: str, view: View, now: int) -> None:
        key = self._names.entity(_SERVICE, partition, version_id)
        stamps = {"sequence": "1", "first_recorded_at": str(now), "last_recorded_at": str(now)}
        _set(both, key, {**view.fields, **stamps})
        for name, rows in view.tables.items():
            if rows:
                _set(both, f"{key}:{name}", rows)
        for index in view.indexes:
            both.zadd(self._names.index(_SERVICE, partition, *index), {version_id: now})  # type: ignore[unused-awaitable]

    async def show(self, request: Request) -> Response:
        """A version, with the associations that are asked for."""
        version_id = request.path_params["id"]
        partition = partition_of(request.path_params["strategy_id"], self._partitions)
        fields: Any = await self._redis.hgetall(self._names.entity(_SERVICE, partition, version_id))
        if not fields:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        document = orjson.loads(render(restore(version_id, fields)).json)
        include = versions_request.associations(request.query_params.getlist("include"))
        return _answer(versions_answer.shown(document, include))


def _set(both: Pipeline, key: str, fields: Mapping[str, str]) -> None:
    items: list[Any] = [text for pair in fields.items() for text in pair]
    both.hset(key, items=items)  # type: ignore[unused-awaitable]


def _answer(
    data: bytes, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(b'{"data":' + data + b"}", status, headers, "application/json")


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        line = {"event": "listening", "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
        print(json.dumps(line), file=sys.stderr, flush=True)


async def main(settings: Settings) -> None:
    """Until SIGTERM."""
    redis = Redis.from_url(settings.redis_url, decode_responses=True)
    handlers = Handlers(redis, Names(settings.namespace), settings.partitions)
    routes = [
        Route(f"{_AT}/execute", handlers.execute, methods=["POST"]),
        Route(f"{_AT}/{{id}}", handlers.show),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=settings.api_port,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    await _Server(config).serve()
    await redis.aclose()


if __name__ == "__main__":
    uvloop.run(main(load()))
