"""``python -m services.metrics``: the metrics service as a process."""

from __future__ import annotations

import asyncio
import signal
import sys

from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from services.metrics.writer import Writer


async def _run(settings: Settings) -> None:
    writing = asyncio.ensure_future(Writer(settings).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, writing.cancel)
    await asyncio.gather(writing, return_exceptions=True)


def main() -> None:
    """Run from the environment's settings; what a user can mend becomes one line and status 2."""
    try:
        settings = load()
    except SettingsError as error:
        print(f"stratafold: {error}", file=sys.stderr)  # noqa: T201 - the one line that the user is to read
        sys.exit(2)
    configure("metrics")
    asyncio.run(_run(settings))


if __name__ == "__main__":
    main()
