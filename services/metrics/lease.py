"""One writer at a time: a lease in Redis, and writes that take effect only for whoever holds it.

Holding on to the lease, and every entry of a look, are one script: a process that slept through the end of its lease
writes nothing more, and no second gets two entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final
from uuid import uuid4

import msgpack
import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.contracts import monitoring
from libs.contracts.names import Names
from services.metrics.commands import Command

LEASE_MS: Final = 2_500
"""Longer than a look takes, and short enough for another process to take over within 5 s."""

log = structlog.get_logger("stratafold.metrics")


class Lost(Exception):
    """Somebody else writes now, or Redis forgot that we do."""


class Lease:
    """The right to write the keys of one namespace. Raises RedisError, OSError."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._names = names
        self._key = names.key(monitoring.LEASE)
        self._token = uuid4().hex
        self._acquire = _script(redis, "acquire")
        self._write = _script(redis, "write")
        self._release = _script(redis, "release")

    async def acquire(self) -> bool:
        """Whether it is ours, from now on or still."""
        return bool(await self._acquire(keys=[self._key], args=[self._token, LEASE_MS]))

    async def write(self, commands: Sequence[Command]) -> None:
        """Let the commands take effect, all in one. Raises Lost."""
        placed = [[name, self._names.key(key), *words] for name, key, *words in commands]
        packed = msgpack.packb(placed, use_bin_type=False)  # what Lua reads knows no binary type
        outcome, *refused = await self._write(keys=[self._key], args=[self._token, LEASE_MS, packed])
        if outcome == b"LOST":
            raise Lost
        if refused:
            log.error("Redis refused some figures", first=refused[0].decode(), refused=len(refused))

    async def release(self) -> None:
        """Let it go at once, for another to go on."""
        await self._release(keys=[self._key], args=[self._token])


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(files("services.metrics").joinpath(f"{name}.lua").read_text())
