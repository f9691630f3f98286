"""Tokens and API keys in Redis: one hash, ``credentials``, filled from the topic of that name.

Its fields are the records' keys, and ``_next``, the offset up to which the topic is in it. Without ``_next`` Redis lost
it, and nothing in it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from redis.asyncio import Redis

from libs.contracts.names import Names

_NEXT: Final = "_next"


class Forgotten(Exception):
    """Redis lost the credentials: they have to be filled in from the topic again."""


class CredentialCache:
    """The hash of one namespace; ``redis`` must not decode answers. Raises RedisError, OSError."""

    def __init__(self, redis: Redis, names: Names) -> None:
        self._redis = redis
        self._key = names.key("credentials")
        script = files("libs.views").joinpath("credentials.lua").read_text()
        self._advance = redis.register_script(script)

    async def get(self, name: str) -> bytes | None:
        """The record of a key such as ``token:<sha256>``, None where there is none. Raises Forgotten."""
        record, reached = await self._redis.hmget(self._key, [name, _NEXT])
        if reached is None:
            raise Forgotten
        return record  # type: ignore[return-value]  # answers are not decoded

    async def everything(self) -> dict[str, bytes]:
        """All records by their keys. Raises Forgotten."""
        fields: Mapping[bytes, bytes] = await self._redis.hgetall(self._key)  # type: ignore[assignment]
        if _NEXT.encode() not in fields:
            raise Forgotten
        return {name.decode(): value for name, value in fields.items() if not name.startswith(b"_")}

    async def reached(self) -> int | None:
        """The offset up to which the topic is in it, None where Redis lost it."""
        reached = await self._redis.hget(self._key, _NEXT)
        return None if reached is None else int(reached)

    async def advance(self, since: int | None, upto: int, changes: Mapping[str, bytes]) -> bool:
        """Add what stands in the topic between two offsets, an empty record being one revoked.

        False where somebody else did so meanwhile; nothing was written then.
        """
        pairs = [part for name, record in changes.items() for part in (name, record)]
        answer = await self._advance(keys=[self._key], args=["" if since is None else since, upto, *pairs])
        return bool(answer == b"OK")

    async def forget(self) -> None:
        """Let go of everything, to be filled in again."""
        await self._redis.delete(self._key)
