"""The upstream's REST: bounded answers, and one line why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

_SECONDS: Final = 10.0
_LARGEST: Final = 8 * 1024 * 1024


class NoAnswer(Exception):
    """The upstream did not answer as it should."""


class NotThere(NoAnswer):
    """The upstream does not know it: 404."""


class Rest:
    """GETs to one upstream; ``loopback`` ones never go through a proxy of the environment."""

    def __init__(self, loopback: bool, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=not loopback, transport=transport)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a 200. Raises NoAnswer, NotThere."""
        try:
            async with self._client.stream("GET", url, headers=headers, params=query) as answer:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    raise NotThere("404")
                if answer.status_code != httpx.codes.OK:
                    raise NoAnswer(f"status {answer.status_code}")
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _LARGEST:
                        raise NoAnswer(f"an answer of more than {_LARGEST} bytes")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL) as why:
            raise NoAnswer(f"{type(why).__name__}: {why}".removesuffix(": ")) from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
