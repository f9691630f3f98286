"""Bodies within their size and time, however they come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from libs.ledger.reading import MAX_BYTES
from services.api.body import read_body
from services.api.refusals import Refusal

END: Message = {"type": "http.disconnect"}


def request(parts: Sequence[bytes | Message], declared: str | None = None) -> Request:
    """A request whose body comes in parts, the last of which ends it; after the last one nothing comes."""
    left = list(parts)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        part = left.pop(0)
        if isinstance(part, bytes):
            return {"type": "http.request", "body": part, "more_body": part != b"."}
        return part

    headers = [] if declared is None else [(b"content-length", declared.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_a_body_may_come_in_parts() -> None:
    assert await read_body(request([b"a", b"", b"b", b"."])) == b"ab."
    assert len(await read_body(request([b"a" * (MAX_BYTES - 1), b"."]))) == MAX_BYTES


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request([], str(MAX_BYTES + 1)), 413),
        (request([], "9" * 5_000), 413),
        (request([b"a" * MAX_BYTES, b"."]), 413),
        (request([b"a" * 1_000] * 1_000), 413),
        (request([b"a"]), 408),
        (request([b"a", END]), 400),
    ],
)
async def test_what_is_too_large_too_slow_or_cut_off_is_refused(asked: Request, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        await read_body(asked, deadline=0.1)
    assert refusal.value.status == status
