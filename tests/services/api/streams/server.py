"""The streams alone as a process: ``python -m tests.services.api.streams.server``, with an authenticator of its own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette

from libs.settings import load
from libs.telemetry.logs import configure
from services.api.streams.routes import streams
from services.api.streams.socket import SERVER_SETTINGS

SECRET = "a secret"


class Refused(Exception):
    """Not let in."""


@dataclass(frozen=True)
class Grant:
    """What a token of the tests stands for: the scope that it is made of."""

    scopes: frozenset[str]


def signature(timestamp: object, path: str = "/v1/ws") -> str:
    """What a client of the tests signs a connection with."""
    return hmac.new(SECRET.encode(), f"{timestamp}GET{path}".encode(), hashlib.sha256).hexdigest()


class Keys:
    """An API key is the account that it stands for; each signature is good once, for 30 s."""

    def __init__(self) -> None:
        self._used: set[object] = set()

    async def api_key(self, key: object, timestamp: object, sign: object, method: str, path: str) -> str:
        """The account."""
        if not isinstance(key, str) or sign != signature(timestamp, path) or method != "GET":
            raise Refused("bad signature")
        if abs(time.time() * 1000 - int(str(timestamp))) > 30_000:
            raise Refused("stale signature")
        if (key, sign) in self._used:
            raise Refused("used signature")
        self._used.add((key, sign))
        return key

    async def bearer(self, token: object) -> Grant:
        """What a token stands for."""
        if not isinstance(token, str) or ":" not in token:
            raise Refused("no token")
        return Grant(frozenset([token]))


async def serve() -> None:
    """Until SIGTERM."""
    settings = load()
    configure("api")
    async with Redis.from_url(settings.redis_url) as redis:
        both = streams(settings, redis, Keys(), Refused)
        app = Starlette(routes=both.routes)
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=settings.api_port,
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=5,
            **SERVER_SETTINGS,
        )
        following = asyncio.create_task(both.run(("strategies", "agents")))
        await uvicorn.Server(config).serve()
        following.cancel()


if __name__ == "__main__":
    uvicorn.Config("", loop="auto", log_config=None)
    import uvloop

    uvloop.run(serve())
