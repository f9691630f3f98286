"""``python -m services.simulator``: a made-up upstream, delivered to the gateway or written to files."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import structlog

from libs.settings import SettingsError, load
from libs.telemetry import logs
from services.simulator.disorder import Delivery, Shares, deliveries
from services.simulator.files import WEBHOOKS, paths, write
from services.simulator.scenario import Webhook
from services.simulator.sender import Rejected, Sender

# Where the virtual clock stands at first when a seed is given: the same bytes, whenever they are made.
_SEEDED_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SEEDS: Final = 2**32
_log = structlog.get_logger("stratafold.simulator")


class Unusable(Exception):
    """An option or a combination of them that can't be; the text is one line for the user."""


def run(
    *,
    rate: float = 20.0,
    seed: int | None = None,
    start: datetime | None = None,
    shares: Shares | None = None,
    count: int | None = None,
    gateway: str | None = None,
    concurrency: int = 16,
    to_file: Path | None = None,
    webhook: Webhook | None = None,
) -> None:
    """Deliver ``count`` webhooks (None: without end), ``rate`` a second, to the gateway or into files.

    With a seed the virtual clock begins at a fixed time unless ``start`` says otherwise, so that a second run repeats
    the first byte for byte; without one everything is new, and the clock begins now. SIGTERM and SIGINT end it cleanly.
    Raises Unusable, SettingsError, Rejected.
    """
    if seed is None:
        seed, start = secrets.randbelow(_SEEDS), start or datetime.now(UTC)
    try:
        stream = deliveries(seed, shares or Shares(), start or _SEEDED_START, rate=rate)
    except ValueError as wrong:
        raise Unusable(str(wrong)) from None
    if to_file is not None:
        _to_files(stream, count, to_file, webhook)
        return
    chosen = (delivery for delivery in stream if webhook in (None, delivery.webhook))
    settings = load()
    if not settings.webhook_keys:
        raise SettingsError("STRATAFOLD_WEBHOOK_SECRETS: is missing; webhooks are signed with it")
    gateway = gateway or f"http://127.0.0.1:{settings.gateway_port}"
    _log.info("sending", gateway=gateway, seed=seed, rate=rate, count=count)
    asyncio.run(_to_gateway(islice(chosen, count), gateway, settings.webhook_keys[0], concurrency))


def _to_files(stream: Iterator[Delivery], count: int | None, file: Path, webhook: Webhook | None) -> None:
    if count is None:
        raise Unusable("--to-file needs --count: the stream has no end")
    files = paths(file, webhook)
    chosen = (delivery for delivery in stream if delivery.webhook in files)
    try:
        written, left_out = write(islice(chosen, count), files)
    except OSError as failure:
        raise Unusable(f"--to-file: {failure.filename}: {failure.strerror}") from None
    for name, path in files.items():
        _log.info("written", file=str(path), lines=written[name], topic=f"{name}.in")
    if left_out:
        _log.info("left out what can't be a line with a key", broken=left_out)


async def _to_gateway(stream: Iterator[Delivery], gateway: str, key: bytes, concurrency: int) -> None:
    sender = Sender(gateway, key, concurrency=concurrency)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, sender.stop)
    began = time.monotonic()
    tally = await sender.send(stream)
    _log.info("stopped", seconds=round(time.monotonic() - began, 1), **tally.report())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Unusable(message)


def _parser() -> _Parser:
    defaults = Shares()
    parser = _Parser(prog="python -m services.simulator", description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="webhooks a second (20)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same bytes; without one all is new")
    parser.add_argument("--start", type=_instant, help="where the virtual clock begins, RFC 3339")
    parser.add_argument("--count", type=_positive, help="webhooks in all; without it there is no end")
    parser.add_argument("--gateway", type=_url, help="the gateway's URL (by default the local one's)")
    parser.add_argument("--concurrency", type=_positive, default=16, help="requests at a time (16)")
    parser.add_argument("--webhook", choices=WEBHOOKS, help="only this one of the two")
    parser.add_argument(
        "--to-file", type=Path, help="write JSON lines instead: FILE.operations, FILE.executions"
    )
    for name in ("duplicate", "reordered", "contradictory", "broken"):
        share = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=float, default=share, help=f"share of all webhooks ({share:g})")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("must have a zone, such as Z")
    return instant.astimezone(UTC)


def _url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise argparse.ArgumentTypeError("must be a URL such as http://127.0.0.1:8001")
    return text.rstrip("/")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with these arguments (by default the process's own); returns the exit status."""
    logs.configure("simulator")
    try:
        options = vars(_parser().parse_args(arguments))
        shares = {name: options.pop(name) for name in ("duplicate", "reordered", "contradictory", "broken")}
        run(shares=_shares(shares), **options)
    except (Unusable, SettingsError, Rejected) as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _shares(given: dict[str, float]) -> Shares:
    try:
        return Shares(**given)
    except ValueError as wrong:
        raise Unusable(str(wrong)) from None


if __name__ == "__main__":
    sys.exit(main())
