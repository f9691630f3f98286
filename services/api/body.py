"""Reading a request's body within its size and the time that it may take."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from libs.ledger.reading import MAX_BYTES
from services.api.refusals import Refusal

DEADLINE: Final = 10.0  # seconds from the headers to the end of the body


async def read_body(request: Request, deadline: float = DEADLINE) -> bytes:
    """The whole body; never more than the cap is held. Raises Refusal: 400 (nobody is left to read it), 408, 413."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > MAX_BYTES:
        raise _too_large()
    parts, size = [], 0
    try:
        async with asyncio.timeout(deadline):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BYTES:
                    raise _too_large()
                parts.append(part)
    except TimeoutError:
        detail = f"the body was not complete after {deadline:g} s"
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, detail, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the body ended too early") from None
    return b"".join(parts)


def _too_large() -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {MAX_BYTES} bytes",
        headers={"Connection": "close"},
    )
