"""The local Kafka and Redis while `up` runs: started where none are set, kept running, stopped at the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from libs.local.errors import LocalStackError
from libs.local.process import Server
from libs.local.stack import LocalStack, start
from libs.settings import Settings

_FIRST_PAUSE: Final = 2.0  # seconds between two attempts to start a server again
_LONGEST_PAUSE: Final = 30.0


class StackKeeper:
    """Looks after the servers that it started; one that ran before, or is set to be elsewhere, is left alone.

    The ports ``besides`` are for others.
    """

    def __init__(self, settings: Settings, besides: Collection[int]) -> None:
        stack = LocalStack(
            settings.data, settings.local_kafka_port, settings.local_redis_port, besides=besides
        )
        wanted = ((stack.redis, settings.redis is None), (stack.kafka, settings.kafka is None))
        self._servers = [server for server, local in wanted if local]
        self._ours: list[Server] = []
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0

    @property
    def names(self) -> str:
        """The servers that have to be local, for a sentence; empty where there are none."""
        return " and ".join(server.name.capitalize() for server in self._servers)

    def start(self) -> None:
        """Start what does not run. Raises LocalStackError."""
        started = start(*self._servers)
        self._ours = [server for server in self._servers if server.name in started]

    def look(self) -> list[tuple[str, str]]:
        """Start again what ended; what there is to tell, as (server, text). Blocks until it serves."""
        told = []
        for server in self._ours:
            if time.monotonic() >= self._not_before and server.pid is None:
                try:
                    server.start()
                    self._pause = _FIRST_PAUSE
                    told.append((server.name, "had ended: started again"))
                except LocalStackError as why:
                    told.append((server.name, f"had ended and can't be started: {why}"))
                    self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                self._not_before = time.monotonic() + self._pause
        return told

    def stop(self, seconds: float) -> list[str]:
        """Stop what was started here, by force after ``seconds``; the names of those stopped."""
        stopping = [threading.Thread(target=_stop, args=(server,), daemon=True) for server in self._ours]
        for thread in stopping:
            thread.start()
        end = time.monotonic() + seconds
        for thread in stopping:
            thread.join(max(0.0, end - time.monotonic()))
        for thread, server in zip(stopping, self._ours, strict=True):
            if thread.is_alive() and (pid := server.pid) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            thread.join(2.0)
        return [server.name for server in self._ours]


def _stop(server: Server) -> None:
    with suppress(LocalStackError):
        server.stop()
