"""REST answers of a made-up upstream, on the port of its stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Response


def answer(status: HTTPStatus, body: Mapping[str, Any]) -> Response:
    """A JSON answer; the connection ends with it."""
    raw = json.dumps(body).encode()
    headers = Headers(
        {"Content-Type": "application/json", "Content-Length": str(len(raw)), "Connection": "close"}
    )
    return Response(status.value, status.phrase, headers, raw)


def problem(status: HTTPStatus, detail: str) -> Response:
    """An error, as RFC 9457 has it."""
    return answer(status, {"title": status.phrase, "status": status.value, "detail": detail})
