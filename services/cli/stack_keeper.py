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
from libs.local.owner import Owner
from libs.local.process import Server
from libs.local.stack import LocalStack, start
from libs.settings import Settings

_FIRST_PAUSE: Final = 2.0  # seconds between two attempts to start a server again
_LONGEST_PAUSE: Final = 30.0


class StackKeeper:
    """Looks after the servers that it started, or that an `up` started which is gone and could not stop them.

    Another that ran before, or one that is set to be elsewhere, is left alone. The ports ``besides`` are for others.
    """

    def __init__(self, settings: Settings, besides: Collection[int]) -> None:
        stack = LocalStack(
            settings.data, settings.local_kafka_port, settings.local_redis_port, besides=besides
        )
        wanted = ((stack.redis, settings.redis is None), (stack.kafka, settings.kafka is None))
        self._servers = [server for server, local in wanted if local]
        self._me = Owner.this()
        self._ours: list[Server] = []
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0

    @property
    def names(self) -> str:
        """The servers that have to be local, for a sentence; empty where there are none."""
        return " and ".join(server.name.capitalize() for server in self._servers)

    def start(self) -> None:
        """Start what does not run. Raises LocalStackError."""
        try:
            start(*self._servers, owner=self._me)
        finally:  # where one can't be started, another may have been taken over
            self._ours = [server for server in self._servers if server.owner == self._me]

    def look(self) -> list[tuple[str, str]]:
        """Start again what ended; what there is to tell, as (server, text). Blocks until it serves."""
        told = []
        for server in self._ours:
            if time.monotonic() >= self._not_before and server.pid is None:
                try:
                    server.start(self._me)
                    self._pause = _FIRST_PAUSE
                    told.append((server.name, "had ended: started again"))
                except LocalStackError as why:
                    told.append((server.name, f"had ended and can't be started: {why}"))
                    self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                self._not_before = time.monotonic() + self._pause
        return told

    def stop(self, seconds: float) -> list[str]:
        """Stop those that are ours, by force after ``seconds``; the names of those stopped."""
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

    def left(self) -> list[str]:
        """The names of those that run on, since they belong to no `up`."""
        others = [server for server in self._servers if server not in self._ours]
        return [server.name for server in others if server.pid is not None and server.owner is None]


def _stop(server: Server) -> None:
    with suppress(LocalStackError):
        server.stop()
