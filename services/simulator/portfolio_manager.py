"""``python -m services.simulator.portfolio_manager``: made-up portfolios, and who manages them through the API.

Publishes prices, registers some strategies, and rebalances them. Its token is kept in the folder DATA; where the API
does not know it yet, it is told by this process.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog

from libs.contracts.versions import INSTRUMENTS
from libs.ledger.times import rfc3339
from libs.security.credentials import TOKEN, Credential, make_token, sha256
from libs.security.kept import NotKept, kept
from libs.settings import Settings, SettingsError, load
from services.simulator.kafka_writer import KafkaWriter, open_writer
from services.simulator.portfolio_desk import Desk
from services.simulator.portfolio_stories import PortfolioStory
from services.simulator.stocks import Ticker
from services.simulator.upstream_process import bare_parser, run
from services.simulator.versions_client import VersionsClient

ORGANIZATION: Final = "demo"
FILE: Final = "portfolio.token"
_LOOK: Final = r"sft_[A-Za-z0-9_-]{20,}"
_SCOPES: Final = (
    "strategy_versions:read",
    "strategy_versions:create",
    "strategy_versions:execute",
    "strategy_versions:delete",
)
_REPORT_EVERY: Final = 10.0  # seconds
_AGAIN: Final = 1.0

log = structlog.get_logger("stratafold.simulator")


def options() -> argparse.ArgumentParser:
    """What can be set."""
    made = bare_parser(__doc__)
    made.add_argument("--api", help="the API's URL (by default the local one's)")
    made.add_argument("--strategies", type=int, default=6, help="how many there are (6)")
    made.add_argument("--quote-every", type=float, default=5.0, help="seconds between prices (5)")
    return made


async def main(given: argparse.Namespace) -> None:
    """Manage portfolios until cancelled. Raises SettingsError, KafkaError (also in a group), OSError."""
    settings = load()
    token, credential = _token(settings)
    api = given.api or f"http://127.0.0.1:{settings.api_port}"
    strategies = [strategy_id(number) for number in range(1, given.strategies + 1)]
    ended: Counter[str] = Counter()
    async with (
        open_writer(settings, "simulator-portfolio-manager") as writer,
        VersionsClient(api, token) as client,
    ):
        ticker = Ticker(given.seed)
        await _publish(writer, ticker.all(_now()))
        await _let_in(client, writer, credential, strategies[0])
        log.info("managing", api=api, seed=given.seed, strategies=strategies)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_quote(writer, ticker, given.quote_every))
            tasks.create_task(_report(client, ended))
            for number, one in enumerate(strategies):
                desk = Desk(client, writer, ORGANIZATION, one, ended, given.pace)
                tasks.create_task(desk.live(PortfolioStory(given.seed, number)))


def strategy_id(number: int) -> str:
    """The id of a made-up strategy, the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stratafold/{ORGANIZATION}/{number}"))


def _token(settings: Settings) -> tuple[str, Credential]:
    """The token that is kept, and what an API has to know of it. Raises SettingsError."""
    try:
        made_at = _now()
        token = kept(settings.data / FILE, lambda: make_token(ORGANIZATION, _SCOPES, made_at)[0], _LOOK)
    except NotKept as why:
        raise SettingsError(f"STRATAFOLD_DATA: {why}") from None
    return token, Credential(TOKEN, sha256(token), ORGANIZATION, _SCOPES, "", made_at)


async def _let_in(client: VersionsClient, writer: KafkaWriter, credential: Credential, strategy: str) -> None:
    """Return once the API knows the token."""
    told = False
    while (await client.list(strategy)).status_code == HTTPStatus.UNAUTHORIZED:
        if not told:
            await writer.keep(credential)
            told = True
        await asyncio.sleep(_AGAIN)


async def _publish(writer: KafkaWriter, quotes: Sequence[dict[str, Any]]) -> None:
    for quote in quotes:
        await writer.send(INSTRUMENTS, quote["symbol"], orjson.dumps(quote))


async def _quote(writer: KafkaWriter, ticker: Ticker, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await _publish(writer, ticker.next(_now()))


async def _report(client: VersionsClient, ended: Counter[str]) -> None:
    while True:
        await asyncio.sleep(_REPORT_EVERY)
        log.info("asked", **client.asked, **ended)


def _now() -> str:
    return rfc3339(round(time.time() * 1000))


if __name__ == "__main__":
    sys.exit(run("portfolio-manager", main, options()))
