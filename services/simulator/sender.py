"""Delivering webhooks over HTTP as their sender would: signed, some at a time, repeated until somebody takes them.

A repetition has the same webhook-id and body with a new time stamp, so that what was taken although its answer got
lost arrives twice, as it would from the real sender.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httpx
import structlog

from libs.security.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from services.simulator.disorder import Delivery

PATHS: Final = {
    "operations": "/webhooks/trade-strategy/operations",
    "executions": "/webhooks/trade-strategy/executions",
}
_TIMEOUT: Final = 15.0  # seconds that an answer may take; the gateway's own deadline for Kafka is shorter
_FIRST_PAUSE: Final = 0.2  # seconds, doubled with every attempt
_LONGEST_PAUSE: Final = 10.0
_ATTEMPTS: Final = 30  # about five minutes
_GRACE: Final = 5.0  # seconds for what is under way, once told to stop
_REPORT_EVERY: Final = 10.0
_WARNED: Final = 5
_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_log = structlog.get_logger("stratafold.simulator")


class Rejected(Exception):
    """The gateway believes none of our signatures; going on would be of no use. The text is one line for the user."""


@dataclass(slots=True)
class Tally:
    """What became of the deliveries; ``refused``: broken bodies that got their 4xx, ``unexpected``: others that did."""

    accepted: int = 0
    refused: int = 0
    unexpected: int = 0
    given_up: int = 0
    retries: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, object]:
        """The figures for a log line."""
        counts = {name: getattr(self, name) for name in ("accepted", "refused", "retries")}
        bad = {name: getattr(self, name) for name in ("unexpected", "given_up") if getattr(self, name)}
        return {**counts, **bad, **self.kinds}


class Sender:
    """Sends deliveries to one gateway; ``key`` is a decoded webhook secret, ``concurrency`` the requests at a time.

    ``paced`` keeps to the deliveries' own times (late ones go at once); otherwise they go as fast as they are taken.
    """

    def __init__(
        self,
        gateway: str,
        key: bytes,
        *,
        concurrency: int = 16,
        paced: bool = True,
        attempts: int = _ATTEMPTS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.tally = Tally()
        self._key = key
        self._paced = paced
        self._attempts = attempts
        self._free = asyncio.Semaphore(concurrency)
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        # trust_env: a proxy of the environment is not meant for a gateway next door.
        self._client = httpx.AsyncClient(
            base_url=gateway, timeout=_TIMEOUT, limits=limits, transport=transport, trust_env=False
        )

    def stop(self) -> None:
        """Send nothing new; what is under way gets some seconds to end."""
        self._stopping.set()

    async def send(self, deliveries: Iterable[Delivery]) -> Tally:
        """Send everything, or until stopped. Raises Rejected."""
        reporting = asyncio.create_task(self._report())
        async with self._client:
            try:
                await self._send(deliveries)
                await self._finish()
            finally:
                for task in (reporting, *self._under_way):
                    task.cancel()
                await asyncio.gather(reporting, *self._under_way, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        return self.tally

    async def _send(self, deliveries: Iterable[Delivery]) -> None:
        began = time.monotonic()
        for delivery in deliveries:
            if self._paced:
                await self._pause(began + delivery.at - time.monotonic())
            await self._free.acquire()
            if self._stopping.is_set():
                return
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._stopping.set()

    async def _finish(self) -> None:
        """Wait for what is under way: as long as it takes, or some seconds once told to stop."""
        told_to_stop = asyncio.create_task(self._stopping.wait())
        while self._under_way and not told_to_stop.done():
            await asyncio.wait({told_to_stop, *self._under_way}, return_when=asyncio.FIRST_COMPLETED)
        told_to_stop.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE)

    async def _deliver(self, delivery: Delivery) -> None:
        pause = _FIRST_PAUSE
        for attempt in range(1, self._attempts + 1):
            answer = await self._post(delivery)
            if isinstance(answer, httpx.Response) and not _worth_another_try(answer.status_code):
                self._account(delivery, answer)
                return
            self.tally.retries += 1
            if attempt == self._attempts or self._stopping.is_set():
                break
            wished = _retry_after(answer)
            if attempt == 1:
                _log.info("the gateway did not take a webhook, trying again", why=_why(answer))
            await self._pause(min(max(pause, wished), _LONGEST_PAUSE))
            pause = min(pause * 2, _LONGEST_PAUSE)
        self.tally.given_up += 1

    async def _post(self, delivery: Delivery) -> httpx.Response | httpx.TransportError:
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            ID_HEADER: delivery.id,
            TIMESTAMP_HEADER: str(now),
            SIGNATURE_HEADER: sign(self._key, delivery.id, now, delivery.body),
        }
        try:
            return await self._client.post(PATHS[delivery.webhook], content=delivery.body, headers=headers)
        except httpx.TransportError as error:
            return error

    def _account(self, delivery: Delivery, response: httpx.Response) -> None:
        self.tally.kinds[delivery.kind] += 1
        if response.is_success:
            self.tally.accepted += 1
        elif response.status_code == HTTPStatus.UNAUTHORIZED:
            raise Rejected(
                "the gateway refuses our signature (401): STRATAFOLD_WEBHOOK_SECRETS is not the same for both"
            )
        elif delivery.kind == "broken":
            self.tally.refused += 1
        else:
            self.tally.unexpected += 1
            if self.tally.unexpected <= _WARNED:
                _log.warning(
                    "a sound webhook was refused", status=response.status_code, answer=response.text[:500]
                )

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until told to stop."""
        if seconds > 0 and not self._stopping.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()
            except TimeoutError:
                return

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY)
            _log.info("sent", **self.tally.report())


def _worth_another_try(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _AGAIN


def _retry_after(answer: httpx.Response | httpx.TransportError) -> float:
    """Seconds that the gateway asks for; 0 where it doesn't, or asks in another way than by a number."""
    if isinstance(answer, httpx.Response):
        try:
            seconds = float(answer.headers.get("retry-after", "0"))
        except ValueError:
            return 0.0
        return seconds if math.isfinite(seconds) else 0.0
    return 0.0


def _why(answer: httpx.Response | httpx.TransportError) -> str:
    if isinstance(answer, httpx.Response):
        return f"status {answer.status_code}"
    return f"{type(answer).__name__}: {answer}"
