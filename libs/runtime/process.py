"""From settings to a running worker and its exit status."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

import uvloop

from libs.runtime.topics import WrongTopic
from libs.runtime.worker import Worker
from libs.settings import Settings, SettingsError, load
from libs.telemetry.logs import configure
from libs.web.health import listener, serving

_WRONG: Final = 2  # exit status for a wrong setting


def run_worker(make: Callable[[Settings], Worker[Any]]) -> int:
    """Run a worker until it is stopped; the exit status."""
    try:
        settings = load()
        worker = make(settings)
        listening = listener(settings)
    except (SettingsError, ValueError) as wrong:
        print(f"stratafold: {wrong}", file=sys.stderr)  # noqa: T201
        return _WRONG
    configure(worker.service, level=settings.log_level)
    # What is loaded by now lives as long as the process; entity states come and go in bulk. Scanning both less
    # often saves a tenth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    try:
        return uvloop.run(_run(worker, listening))
    except WrongTopic as wrong:
        print(f"stratafold: {wrong}", file=sys.stderr)  # noqa: T201
        return _WRONG


async def _run(worker: Worker[Any], listening: socket.socket | None) -> int:
    async with serving(listening, worker.metrics.registry, worker.obstacle):
        return await worker.run()
