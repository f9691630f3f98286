"""Who asks: an account by a signature (004), or an organization by its bearer token; for REST and WebSocket alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.contracts.names import Names
from libs.runtime.credentials import Away
from libs.security.credentials import API_KEY, TOKEN, Credential, Damaged, Kind, reveal, sha256
from libs.security.signing import WINDOW_MS, matches, stale, well_formed

_USED_FOR_MS: Final = 2 * WINDOW_MS + 1_000  # past this, the timestamp alone refuses the signature
_LONGEST: Final = 512  # characters of a token or an API key
_PATIENCE: Final = 5.0  # seconds for Redis


class Refused(Exception):
    """Nobody that we know; the text is the reason, for the client to read.

    ``unavailable`` where that can't be said now, because Kafka or Redis does not answer: the client may come again.
    """

    def __init__(self, reason: str, *, unavailable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unavailable = unavailable


@dataclass(frozen=True, slots=True)
class Grant:
    """What a bearer token stands for."""

    organization: str
    scopes: frozenset[str]


class Lookup(Protocol):
    """Where credentials are looked up."""

    async def find(self, kind: Kind, sha256: str) -> Credential | None:
        """What is kept of a token or API key. Raises Away, Damaged."""


class Authenticator:
    """Judges credentials; ``clock`` gives seconds since 1970. Both methods raise Refused and nothing else."""

    def __init__(
        self,
        lookup: Lookup,
        redis: Redis,
        names: Names,
        master_key: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lookup = lookup
        self._redis = redis
        self._names = names
        self._master_key = master_key
        self._clock = clock

    async def api_key(self, key: object, timestamp: object, signature: object, method: str, path: str) -> str:
        """The account whose key signed this, each signature once among all processes.

        Arguments are as the client sent them, of whatever type; ``timestamp`` in ms as a text of digits or an integer;
        ``path`` as it stands in the request line, with or without its query.
        """
        if not isinstance(key, str) or not 0 < len(key) <= _LONGEST:
            raise Refused("the API key is missing or is none")
        if not well_formed(signature):
            raise Refused("the signature is missing, or is not 64 lower-case hex digits")
        if why := stale(timestamp, self._clock() * 1000):
            raise Refused(why)
        credential = await self._find(API_KEY, key)
        # who guesses keys must not learn from the answer which of them exist
        wrong = Refused("the signature is not that of an API key that we know")
        if credential is None:
            raise wrong
        try:
            secret = reveal(credential, self._master_key)
        except Damaged as why:
            raise Refused(str(why), unavailable=True) from None
        if not matches(secret, timestamp, signature, method, path):
            raise wrong
        if not await self._claim(f"{key}:{signature}"):
            raise Refused("the signature was used before")
        return credential.owner

    async def bearer(self, token: object) -> Grant:
        """What a bearer token stands for."""
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST:
            raise Refused("the bearer token is missing or is none")
        credential = await self._find(TOKEN, token)
        if credential is None:
            raise Refused("the bearer token is none that we know")
        return Grant(credential.owner, frozenset(credential.scopes))

    async def _find(self, kind: Kind, text: str) -> Credential | None:
        try:
            return await self._lookup.find(kind, sha256(text))
        except (Away, Damaged) as why:
            raise Refused(str(why), unavailable=True) from None

    async def _claim(self, signature: str) -> bool:
        """Take a signature for ourselves; False for who comes second."""
        name = self._names.key(f"signature:{sha256(signature)}")
        try:
            async with asyncio.timeout(_PATIENCE):
                return bool(await self._redis.set(name, "1", nx=True, px=_USED_FOR_MS))
        except (RedisError, OSError, TimeoutError):
            raise Refused(
                "Redis does not answer, so a signature can't be used now", unavailable=True
            ) from None
