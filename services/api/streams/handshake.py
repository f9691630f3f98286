"""A handshake that is refused: an HTTP answer (RFC 9457) in place of a WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.types import Send


async def refuse(send: Send, status: HTTPStatus, detail: str, headers: Mapping[str, str]) -> None:
    """Answer with a problem document."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    named = {"content-type": "application/problem+json", **headers}
    await send(
        {
            "type": "websocket.http.response.start",
            "status": status.value,
            "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        }
    )
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(body)})
