"""Where the API's process begins: settings -> socket -> server and what it follows -> until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Coroutine, Iterable
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.runtime.credentials import Credentials
from libs.runtime.instruments import Instruments
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import WrongTopic
from libs.security.master_key import master_key
from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from libs.telemetry.traces import close_traces, open_traces
from libs.views.credentials import CredentialCache
from libs.views.reading import Views
from libs.views.redis_access import RedisAccess
from libs.web import serving as http
from services.api import asyncapi
from services.api.access import Access
from services.api.app import build
from services.api.authentication import Authenticator, Refused
from services.api.backend import Backend, built
from services.api.commands import Cluster, Commands
from services.api.live.connection import LiveHttp
from services.api.live.routes import live_page
from services.api.rate import Rate
from services.api.streams.routes import streams
from services.api.streams.socket import SERVER_SETTINGS

_REDIS_SECONDS: Final = 4.0
_CONNECTIONS: Final = 64  # to Redis: a list asks all partitions at once

log = structlog.get_logger("stratafold.api")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError."""
    key = master_key(settings)
    configure("api", level=settings.log_level)
    listener = http.listen(settings.api_port, "api_port")
    with contextlib.closing(listener), asyncio.Runner(loop_factory=http.loop_factory()) as runner:
        runner.run(_serve(settings, key, listener))


async def _serve(settings: Settings, key: bytes, listener: socket.socket) -> None:
    names, kafka = Names(settings.namespace), KafkaAccess.of(settings)
    pool = RedisAccess.of(settings).pool(
        max_connections=_CONNECTIONS,
        timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
    )
    redis = Redis.from_pool(pool)
    replication = settings.replication if settings.create_topics else None
    credentials = Credentials(CredentialCache(redis, names), kafka, names, replication)
    authenticator = Authenticator(credentials, redis, names, key)
    access = Access(authenticator, Rate(redis, names, settings.rate_limit))
    backend = Backend(Views(redis, names), settings.partitions)
    cluster = Cluster(kafka, names, settings.partitions, replication)
    commands = Commands(cluster, "versions")
    instruments = Instruments(kafka, names, settings.partitions)
    traces = open_traces(settings, "api")
    live = streams(settings, redis, authenticator, Refused, traces)
    page = live_page(settings, redis, backend, access)
    server = http.server(
        build(
            backend,
            access,
            built(settings.services),
            asyncapi.describe(settings),
            commands,
            instruments,
            [*live.routes, *page.routes],
            traces,
        ),
        http=LiveHttp,
        **SERVER_SETTINGS,
    )

    def stop(*_: object) -> None:
        server.should_exit = True
        page.close()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop)
    tasks: list[Coroutine[Any, Any, None]] = [credentials.follow(), live.run(settings.services), page.run()]
    if "versions" in settings.services:
        tasks += [commands.run(), _prices(commands, instruments)]
    following = asyncio.create_task(_follow(tasks))
    following.add_done_callback(stop)
    log.info("listening", port=settings.api_port, kafka=settings.kafka_servers)
    gc.freeze()  # what start-up made stays; the collector need not look at it again
    await server.serve([listener])
    following.cancel()
    try:
        await following
    except* asyncio.CancelledError:
        log.info("stopped")
    except* WrongTopic as wrong:
        raise SettingsError(str(wrong.exceptions[0])) from None
    finally:
        await redis.aclose()
        await close_traces(traces)


async def _follow(several: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Follow topics, and write commands, until cancelled. Raises a group with WrongTopic."""
    async with asyncio.TaskGroup() as tasks:
        for one in several:
            tasks.create_task(one)


async def _prices(commands: Commands, instruments: Instruments) -> None:
    """Follow the prices, once their topic is there."""
    await commands.connected.wait()
    await instruments.follow()


def main() -> None:
    """Run from the environment's settings; what a user can mend becomes one line and status 2."""
    try:
        run(load())
    except SettingsError as error:
        print(f"stratafold: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        sys.exit(2)


if __name__ == "__main__":
    main()
