"""Signed requests against the gateway's app in this process, its Kafka a list."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from libs.security.webhooks import sign
from services.gateway.app import build
from services.gateway.examples import EXAMPLES
from services.gateway.intake import Accepted
from services.gateway.ports import Unavailable

KEY = b"the secret of these tests"
NOW = 1_780_000_000
OPERATIONS = "/webhooks/trade-strategy/operations"
EXECUTIONS = "/webhooks/trade-strategy/executions"
OPERATION = EXAMPLES["operations"]["settled"]
EXECUTION = EXAMPLES["executions"]["settled"]

Headers = dict[str, str | bytes]


class Appended:
    """A Kafka that has it at once, or, given a reason, never answers."""

    def __init__(self, why: str | None = None) -> None:
        self.records: list[Accepted] = []
        self.why = why

    async def append(self, accepted: Accepted) -> None:
        if self.why is not None:
            raise Unavailable(self.why)
        self.records.append(accepted)

    def obstacle(self) -> str | None:
        return self.why


def client(producer: Appended, keys: tuple[bytes, ...] = (KEY,)) -> httpx.AsyncClient:
    """An error that the app raises is raised here, so no test passes over one."""
    transport = httpx.ASGITransport(build(keys, producer, clock=lambda: NOW))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def signed(body: bytes, *, key: bytes = KEY, webhook_id: str = "msg_1", at: int = NOW) -> Headers:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(key, webhook_id, at, body),
    }


def raw(headers: Mapping[str, str | bytes]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers.items()
    ]


async def post(
    to: httpx.AsyncClient, path: str, body: bytes, headers: Mapping[str, str | bytes] | None = None
) -> httpx.Response:
    """Post a body, signed unless other headers are given."""
    return await to.post(path, content=body, headers=raw(signed(body) if headers is None else headers))


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def body(example: Mapping[str, Any], **changes: Any) -> bytes:
    """An example as bytes, fields changed by path (``instructions__0__price=…``); one set to ... is left out."""
    document: Any = copy.deepcopy(dict(example))
    for path, value in changes.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is ...:
            del place[last]
        elif last.isdigit():
            place[int(last)] = value
        else:
            place[last] = value
    return json.dumps(document).encode()


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody when it happens
            await asyncio.sleep(0.01)
