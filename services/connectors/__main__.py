"""``python -m services.connectors strategies|agents``: one connector as a process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, NoReturn

import structlog

from libs.contracts.strategies import DEFAULT_ACCOUNT, EVERYTHING
from libs.runtime.patience import Stuck
from libs.runtime.topics import WrongTopic
from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from libs.telemetry.traces import close_traces, open_traces
from libs.web.health import listener, serving
from services.connectors.addresses import WrongAddress, address, agent_address
from services.connectors.agents import AgentConnector
from services.connectors.backoff import Backoff
from services.connectors.outlet import Outlet
from services.connectors.projection import Projection
from services.connectors.rest import Rest
from services.connectors.signing import Credentials
from services.connectors.strategies import StrategyConnector, Wish

WRONG: Final = 2
STUCK: Final = 3

log = structlog.get_logger("stratafold.connector")


class WrongUse(Exception):
    """Arguments that can't be; the text is one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    try:
        options = _parser().parse_args(arguments)
        settings = load()
        making: Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, None]] = options.run
        prepared = options.check(settings, options)
        configure(f"{options.what}-connector", level=settings.log_level)
        return asyncio.run(_until_told(making(settings, prepared)))
    except (WrongUse, WrongAddress, WrongTopic, SettingsError) as wrong:
        print(f"stratafold: {wrong}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        return WRONG


async def _until_told(connector: Coroutine[Any, Any, None]) -> int:
    running = asyncio.ensure_future(connector)
    told = False

    def stop() -> None:
        nonlocal told
        told = True
        running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        if not told:
            raise
    except Stuck as stuck:
        log.error("the kafka client is stuck, this process ends to be started again", why=str(stuck))
        return STUCK
    log.info("stopped")
    return 0


def _check_strategies(settings: Settings, options: argparse.Namespace) -> Wish:
    where = address(options.url)
    for name in ("upstream_api_key", "upstream_api_secret"):
        if getattr(settings, name) is None:
            raise SettingsError(f"STRATAFOLD_{name.upper()}: is missing; connections are signed with it")
    assert settings.upstream_api_key is not None
    assert settings.upstream_api_secret is not None
    if ":" in options.account or not options.account:
        raise WrongUse("--account: must not be empty or have a colon")
    ids = list(dict.fromkeys(one for word in options.subscribe for one in word.split(",") if one))
    if EVERYTHING in ids or not ids:
        ids = [EVERYTHING]
    credentials = Credentials(
        settings.upstream_api_key.get_secret_value(), settings.upstream_api_secret.get_secret_value()
    )
    return Wish(where, options.account, credentials, options.auth, tuple(ids))


async def _strategies(settings: Settings, wish: Wish) -> None:
    traces = open_traces(settings, "strategies-connector")
    outlet, rest = Outlet(settings, "strategies", traces), Rest(wish.address.loopback)
    projection = Projection(settings)
    connector = StrategyConnector(wish, outlet, rest, lambda: projection.strategies(wish.account), _backoff())
    async with serving(listener(settings), outlet.metrics.registry, outlet.obstacle):
        await _ended(connector.run, partial(close_traces, traces), outlet.close, rest.close, projection.close)


def _check_agents(_settings: Settings, options: argparse.Namespace) -> Any:
    return agent_address(options.url)


async def _agents(settings: Settings, where: Any) -> None:
    traces = open_traces(settings, "agents-connector")
    outlet, rest = Outlet(settings, "agents", traces), Rest(where.stream.loopback)
    connector = AgentConnector(where, outlet, rest, _backoff(), settings.poll_seconds)
    async with serving(listener(settings), outlet.metrics.registry, outlet.obstacle):
        await _ended(connector.run, partial(close_traces, traces), outlet.close, rest.close)


async def _ended(run: Callable[[], Awaitable[None]], *closing: Callable[[], Awaitable[None]]) -> None:
    async with contextlib.AsyncExitStack() as ending:
        for close in closing:
            ending.push_async_callback(close)
        await run()


def _backoff() -> Backoff:
    return Backoff(time.monotonic, random.random)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUse(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="stratafold connect", description=__doc__)
    kinds = parser.add_subparsers(dest="what", required=True)
    strategies = kinds.add_parser("strategies")
    strategies.add_argument("--url", required=True)
    strategies.add_argument("--auth", choices=("frame", "url"), default="frame")
    strategies.add_argument("--subscribe", action="append", default=[], metavar="ID")
    strategies.add_argument("--account", default=DEFAULT_ACCOUNT)
    strategies.set_defaults(run=_strategies, check=_check_strategies)
    agents = kinds.add_parser("agents")
    agents.add_argument("--url", required=True)
    agents.set_defaults(run=_agents, check=_check_agents)
    return parser


if __name__ == "__main__":
    sys.exit(main())
