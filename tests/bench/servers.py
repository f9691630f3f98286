"""What answers requests on versions, ready to be asked: this API with its worker, or a plain handler."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple

import orjson
import psutil

from libs.contracts.names import Names, companion_of
from libs.contracts.partitions import partition_of
from libs.contracts.versions import INSTRUMENTS
from libs.local.ports import free_port
from services.versions.strategy import Strategy
from services.versions.view import render_strategy
from tests.bench import portfolios
from tests.bench.arena import Arena
from tests.bench.process import BenchFailed, Program
from tests.bench.throughput import applied
from tests.bench.workload import PARTITIONS, load
from tests.services.cli.command import run

_SCOPES: Final = ("strategy_versions:create", "strategy_versions:execute", "strategy_versions:read")


class Serving(NamedTuple):
    """Where it listens, a token for all routes, and what of its processes is to be measured."""

    port: int
    token: str
    processes: Mapping[str, psutil.Process]


Server = Callable[[Arena, Names, int], AbstractAsyncContextManager[Serving]]
"""Serves so many strategies, which are registered; the topics are there."""


@asynccontextmanager
async def this_api(arena: Arena, names: Names, strategies: int) -> AsyncIterator[Serving]:
    """The API's process and that of the worker."""
    port = free_port()
    settings = {
        **arena.environment(names.namespace),
        "STRATAFOLD_API_PORT": str(port),
        "STRATAFOLD_MASTER_KEY": os.urandom(32).hex(),
        "STRATAFOLD_RATE_LIMIT": "0",
        "STRATAFOLD_SERVICES": "versions",
    }
    await load(
        arena.kafka, names.topic("versions.in"), portfolios.registrations(strategies), portfolios.key_of
    )
    quotes = [
        {"symbol": symbol, "ts": "2025-03-10T12:00:00Z", **one} for symbol, one in portfolios.QUOTES.items()
    ]
    await load(arena.kafka, names.topic(INSTRUMENTS), map(orjson.dumps, quotes), _symbol)
    scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
    created = await asyncio.to_thread(
        run, settings, "token", "create", "--organization", portfolios.ORGANIZATION, *scopes, "--json"
    )
    if created.status:
        raise BenchFailed(f"no token could be made: {created.err}")
    worker = _program(arena, names, "services.versions", settings)
    serving = _program(arena, names, "services.api", settings)
    try:
        await worker.wait_for("ready", PARTITIONS)
        await applied(arena, names, strategies, service="versions")
        await serving.wait_for("listening")
        processes = {"server": serving.process, "worker": worker.process}
        yield Serving(port, created.json["token"], processes)
        serving.check()
        worker.check()
    finally:
        serving.stop()
        worker.stop()


@asynccontextmanager
async def plain(arena: Arena, names: Names, strategies: int) -> AsyncIterator[Serving]:
    """A handler that writes the same rows in one transaction of Redis, with no log, and knows nobody's token."""
    port = free_port()
    settings = {**arena.environment(names.namespace), "STRATAFOLD_API_PORT": str(port)}
    with arena.redis.pipeline(transaction=False) as seeding:
        for number in range(strategies):
            own = portfolios.strategy_id(number)
            companion = companion_of("versions", own)
            there = Strategy(
                companion, portfolios.ORGANIZATION, registered=True, portfolio_value=portfolios.VALUE
            )
            key = names.entity("versions", partition_of(own, PARTITIONS), companion)
            pairs = render_strategy(there).fields.items()
            seeding.hset(key, items=[text for pair in pairs for text in pair])
        seeding.execute()
    serving = _program(arena, names, "tests.bench.subjects.plain_versions", settings)
    try:
        await serving.wait_for("listening")
        yield Serving(port, "-", {"server": serving.process})
        serving.check()
    finally:
        serving.stop()


SERVERS: Final[Mapping[str, Server]] = {"this API": this_api, "plain handler": plain}


def _program(arena: Arena, names: Names, module: str, settings: Mapping[str, str]) -> Program:
    log = arena.folder / f"{names.namespace}.{module.rpartition('.')[2]}.log"
    return Program((sys.executable, "-m", module), settings, log)


def _symbol(record: bytes) -> bytes:
    symbol: str = orjson.loads(record)["symbol"]
    return symbol.encode()
