"""What the made-up parties share as processes: options, their pace, and ending cleanly."""

from __future__ import annotations

import argparse
import asyncio
import errno
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Final, NoReturn, Protocol

import structlog
from aiokafka.errors import KafkaError

from libs.settings import SettingsError
from libs.telemetry.logs import configure

FAILED: Final = 1
WRONG: Final = 2
_AWAY: Final = (1.0, 12.0)  # seconds for which streams are refused, at times

log = structlog.get_logger("stratafold.upstream")


class WrongUse(Exception):
    """Arguments that can't be; the text is one line for the user."""


class Upstream(Protocol):
    """A server that can be unfriendly."""

    refusing: bool

    def serving(self, host: str, port: int) -> AbstractAsyncContextManager[int]:
        """Serve; gives the port."""
        ...

    def drop(self) -> None:
        """Break every connection off."""
        ...


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUse(message)


def bare_parser(about: str | None) -> argparse.ArgumentParser:
    """The options of who serves nobody: ``seed`` and ``pace``."""
    made = _Parser(description=about)
    made.add_argument("--seed", type=int, help="the same seed does the same")
    made.add_argument("--pace", type=_share(1_000), default=1.0, help="by what all pauses are multiplied (1)")
    return made


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options of those that serve a stream."""
    made = _Parser(description=about)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=_port, default=0, help="any free one without it")
    made.add_argument("--seed", type=int, help="the same seed tells the same stories")
    made.add_argument("--rate", type=_share(1_000_000), default=3.0, help="events a second (3)")
    made.add_argument(
        "--drop", type=_share(60), default=0.0, help="times a minute that connections break off"
    )
    made.add_argument(
        "--refuse", type=_share(1), default=0.0, help="share of those after which streams are refused"
    )
    return made


def run(
    name: str, main: Callable[[argparse.Namespace], Awaitable[None]], options: argparse.ArgumentParser
) -> int:
    """Run a process from its arguments until it is told to stop; the exit status."""
    try:
        given = options.parse_args(sys.argv[1:])
        given.seed = secrets.randbelow(2**32) if given.seed is None else given.seed
        configure(name)
        return _work(main(given))
    except (WrongUse, SettingsError) as wrong:
        print(f"{name}: {wrong}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        return WRONG
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"{name}: --port: is in use", file=sys.stderr)  # noqa: T201
        return WRONG


def _work(work: Awaitable[None]) -> int:
    """Work until told to stop; whoever started the process is to start it again where Kafka failed it."""
    status = 0
    try:
        asyncio.run(_until_told(work))
    except* KafkaError as failed:
        log.error("Kafka failed", why=repr(failed.exceptions[0]))
        status = FAILED
    return status


async def _until_told(work: Awaitable[None]) -> None:
    running = asyncio.ensure_future(work)
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
    log.info("stopped")


async def play(upstream: Upstream, given: argparse.Namespace, acts: Sequence[Awaitable[None]]) -> None:
    """Serve, and do all that happens meanwhile, until cancelled."""
    async with upstream.serving(given.host, given.port) as port:
        log.info("listening", host=given.host, port=port, seed=given.seed)
        await asyncio.gather(*acts, _unfriendly(upstream, given))


async def _unfriendly(upstream: Upstream, given: argparse.Namespace) -> None:
    """Break connections off at the set rate, at irregular times."""
    rng = Random(given.seed)  # noqa: S311 - reproducible, not secret
    while given.drop:
        await asyncio.sleep(rng.expovariate(given.drop / 60))
        upstream.refusing = rng.random() < given.refuse
        upstream.drop()
        if upstream.refusing:
            await asyncio.sleep(rng.uniform(*_AWAY))
            upstream.refusing = False


def pauses(rate: float, rng: Random) -> Callable[[], Awaitable[None]]:
    """Wait for the next event of so many a second, irregular as life is."""

    async def pause() -> None:
        await asyncio.sleep(rng.expovariate(rate) if rate else 3600)

    return pause


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535")
    return number


def _share(most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not 0 <= value <= most:
            raise argparse.ArgumentTypeError(f"must be 0 to {most:g}")
        return value

    return number


share = _share(1)
