"""Connections to Redis that lose no cancellation.

The client sends by ``asyncio.wait_for``, which before Python 3.12 drops a cancellation that comes as the sending is
done: a loop that was told to end would go on for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection


class _Heeding(Connection):
    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            await super().send_packed_command(command, check_health)
        finally:
            if task is not None and task.cancelling() > before:
                await self.disconnect(nowait=True)  # nobody will read the answer
                raise asyncio.CancelledError


class _HeedingSSL(_Heeding, SSLConnection):
    pass


class _HeedingUnix(_Heeding, UnixDomainSocketConnection):
    pass


_HEEDING: Final[dict[type[AbstractConnection], type[AbstractConnection]]] = {
    Connection: _Heeding,
    SSLConnection: _HeedingSSL,
}


def heeding(pool: ConnectionPool) -> None:
    """Have a pool's connections, of which none was made yet, heed whoever cancels the task that uses them."""
    pool.connection_class = _HEEDING.get(pool.connection_class, pool.connection_class)
