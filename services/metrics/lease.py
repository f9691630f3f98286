"""One writer at a time: a lease in Redis, and writes that take effect only for whoever holds it.

Holding on to the lease, and what is written, are one script: a process that slept through the end of its lease writes
nothing more, and no second gets two entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

import msgpack
import structlog
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.contracts import monitoring
from libs.contracts.names import Names
from services.metrics.commands import Command

LEASE_MS: Final = 2_500
"""Longer than a look takes between two writes, and short enough for another process to take over within 5 s."""

_LOST: Final = {
    b"TAKEN": "another process writes now",
    b"ENDED": "the lease ended: a look took too long, or Redis forgot it",
}

log = structlog.get_logger("stratafold.metrics")


class Lost(Exception):
    """The lease is not ours any more; says why."""


class Lease:
    """The right to write the keys of one namespace. Raises RedisError, OSError."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._redis = redis
        self._names = names
        self._key = names.key(monitoring.LEASE)
        self._last_key = names.key(monitoring.WRITTEN_LAST)
        self._token = uuid4().hex
        self._acquire = _script(redis, "acquire")
        self._write = _script(redis, "write")
        self._release = _script(redis, "release")
        self._sent = 0
        self._known = 0  # the last write that is known to have taken effect

    async def acquire(self) -> bool:
        """Whether it is ours, from now on or still."""
        return bool(await self._acquire(keys=[self._key], args=[self._token, LEASE_MS]))

    async def undisturbed(self) -> bool:
        """Whether all that was written by this lease is there still, and nothing that another one wrote."""
        last: Any = await self._redis.get(self._last_key)
        token, _, number = (last or b"").decode().partition(":")
        return token == self._token and int(number) >= self._known

    async def write(self, commands: Sequence[Command]) -> list[str]:
        """Let the commands take effect, all in one, and hold on; what Redis refused of them. Raises Lost."""
        self._sent += 1
        number = self._sent
        placed = [[name, self._names.key(key), *words] for name, key, *words in commands]
        packed = msgpack.packb(placed, use_bin_type=False)  # what Lua reads knows no binary type
        outcome, *refused = await self._write(
            keys=[self._key, self._last_key], args=[self._token, LEASE_MS, number, packed]
        )
        if outcome in _LOST:
            raise Lost(_LOST[outcome])
        self._known = number
        if refused:
            log.error("Redis refused some figures", first=refused[0].decode(), refused=len(refused))
        return [one.decode() for one in refused]

    async def renew(self) -> None:
        """Hold on to it without writing any figure. Raises Lost."""
        await self.write(())

    async def release(self) -> None:
        """Let it go at once, for another to go on."""
        await self._release(keys=[self._key], args=[self._token])


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(files("services.metrics").joinpath(f"{name}.lua").read_text())
