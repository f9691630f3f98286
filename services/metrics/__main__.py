"""``python -m services.metrics``: the metrics service as a process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from libs.web.health import listener, serving
from services.metrics.looks import Looks
from services.metrics.writer import Writer


async def _run(settings: Settings, listening: socket.socket | None) -> None:
    looks = Looks()
    writer = Writer(settings, looks.wrote)
    looks.watch(lambda: writer.writing)
    async with serving(listening, looks.registry, writer.obstacle):
        writing = asyncio.ensure_future(writer.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, writing.cancel)
        try:
            await writing
        except asyncio.CancelledError:
            return


def main() -> None:
    """Run from the environment's settings; what a user can mend becomes one line and status 2."""
    try:
        settings = load()
        listening = listener(settings)
    except SettingsError as error:
        print(f"stratafold: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        sys.exit(2)
    configure("metrics", level=settings.log_level)
    asyncio.run(_run(settings, listening))


if __name__ == "__main__":
    main()
