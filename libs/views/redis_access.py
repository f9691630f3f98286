"""The one place that says how a client gets at Redis: where it is, whether by TLS, as which user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis

from libs.settings import Settings
from libs.views.redis_connection import heeding


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """URL, with user and password where one needs them, and the file of those who may have signed its certificate."""

    url: str
    authorities: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> RedisAccess:
        """As the settings have it."""
        return cls(settings.redis_url, settings.redis_ca)

    def client(self, **options: Any) -> Redis:
        """A client, which connects when it is first asked."""
        client = Redis.from_url(self.url, **self._trust(), **options)
        heeding(client.connection_pool)
        return client

    def pool(self, **options: Any) -> BlockingConnectionPool:
        """Connections for many at once, of whom some may have to wait."""
        pool = BlockingConnectionPool.from_url(self.url, **self._trust(), **options)
        heeding(pool)
        return pool

    def _trust(self) -> dict[str, Any]:
        return {} if self.authorities is None else {"ssl_ca_certs": str(self.authorities)}
