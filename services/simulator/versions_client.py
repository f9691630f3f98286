"""Versions over REST as a made-up portfolio manager asks for them: patient, and under one key however often it asks."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

import httpx
import structlog

from services.simulator.version_commands import positions

_TIMEOUT: Final = 30.0  # seconds; the API's own deadline for the fold is shorter
_AGAIN: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_PAUSE: Final = 1.0  # seconds where the answer names none
_LONGEST: Final = 60.0

log = structlog.get_logger("stratafold.simulator")


class VersionsClient:
    """Asks one API with one token; ``asked`` counts what was answered, such as ``execute 202``."""

    def __init__(
        self,
        api: str,
        token: str,
        *,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.asked: Counter[str] = Counter()
        self._pause = pause
        # trust_env: a proxy of the environment is not meant for an API next door.
        self._client = httpx.AsyncClient(
            base_url=api,
            timeout=_TIMEOUT,
            headers={"Authorization": f"Bearer {token}"},
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> VersionsClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def execute(self, strategy_id: str, weights: Mapping[str, str], key: str) -> httpx.Response:
        """Ask for a rebalance."""
        body = {"data": {"positions": positions(weights)}}
        path = f"{_versions(strategy_id)}/execute"
        return await self._ask("execute", "POST", path, json=body, headers={"Idempotency-Key": key})

    async def delete(self, strategy_id: str, version_id: str) -> httpx.Response:
        """Ask for a version's deletion."""
        return await self._ask("delete", "DELETE", f"{_versions(strategy_id)}/{version_id}")

    async def show(self, strategy_id: str, version_id: str) -> httpx.Response:
        """Ask how a version stands."""
        return await self._ask("show", "GET", f"{_versions(strategy_id)}/{version_id}")

    async def list(self, strategy_id: str) -> httpx.Response:
        """Ask for a strategy's latest version."""
        return await self._ask("list", "GET", _versions(strategy_id), params={"limit": "1"})

    async def _ask(self, what: str, method: str, path: str, **more: Any) -> httpx.Response:
        """The first answer that is final: who is told to come again comes again with the same request."""
        told = False
        while True:
            try:
                answer = await self._client.request(method, path, **more)
            except httpx.TransportError as why:
                said, wait = f"{type(why).__name__}: {why}", _PAUSE
            else:
                if answer.status_code not in _AGAIN:
                    self.asked[f"{what} {answer.status_code}"] += 1
                    return answer
                said, wait = f"status {answer.status_code}", retry_after(answer)
            if not told:
                log.info("the API is asked again", request=what, why=said)
                told = True
            await self._pause(wait)


def retry_after(answer: httpx.Response) -> float:
    """Seconds that an answer asks to wait, within bounds; some where it does not say, or in another way."""
    try:
        seconds = float(answer.headers.get("retry-after", _PAUSE))
    except ValueError:
        return _PAUSE
    return min(max(seconds, 0.0), _LONGEST) if math.isfinite(seconds) else _PAUSE


def _versions(strategy_id: str) -> str:
    return f"/api/v1/strategies/{strategy_id}/versions"
