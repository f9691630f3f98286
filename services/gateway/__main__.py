"""Where the gateway's process begins: settings -> socket -> server and producer -> until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from typing import Final

import structlog

from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import WrongTopic
from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from libs.telemetry.traces import close_traces, open_traces
from libs.web import serving as http
from services.gateway.app import build
from services.gateway.producer import Cluster, KafkaProducer, Stuck

STUCK: Final = 3  # the exit status that asks to be started again

log = structlog.get_logger("stratafold.gateway")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError, and SystemExit with status 3 for a stuck client."""
    if not settings.webhook_keys:
        raise SettingsError(
            "STRATAFOLD_WEBHOOK_SECRETS: must have at least one secret (whsec_…), or nobody's webhook could be believed"
        )
    configure("gateway", level=settings.log_level)
    listener = http.listen(settings.gateway_port, "gateway_port")
    with contextlib.closing(listener), asyncio.Runner(loop_factory=http.loop_factory()) as runner:
        runner.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    cluster = Cluster(
        KafkaAccess.of(settings),
        Names(settings.namespace),
        settings.partitions,
        settings.replication,
        settings.create_topics,
    )
    producer = KafkaProducer(cluster)
    traces = open_traces(settings, "gateway")
    server = http.server(build(settings.webhook_keys, producer, traces=traces))

    def stop(*_: object) -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop)
    link = asyncio.create_task(producer.run())
    link.add_done_callback(stop)
    log.info("listening", port=settings.gateway_port, kafka=settings.kafka_servers)
    gc.freeze()  # what start-up made stays; the collector need not look at it again
    await server.serve([listener])
    link.cancel()
    try:
        await link
    except asyncio.CancelledError:
        log.info("stopped")
    except WrongTopic as wrong:
        raise SettingsError(str(wrong)) from None
    except Stuck as stuck:
        log.error("the kafka client is stuck, this process ends to be started again", why=str(stuck))
        sys.exit(STUCK)
    finally:
        await close_traces(traces)


def main() -> None:
    """Run from the environment's settings; what a user can mend becomes one line and status 2."""
    try:
        run(load())
    except SettingsError as error:
        print(f"stratafold: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        sys.exit(2)


if __name__ == "__main__":
    main()
