"""The id of a request in every line that is logged while it is answered, its server's own about a fault included."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

_FIT: Final = re.compile(rb"[\x21-\x7e]{1,128}")  # to be shown as it came


class Correlated:
    """An ASGI app whose requests have an id: the sender's, in the named header where that is fit, else one made up."""

    def __init__(self, app: ASGIApp, header: str) -> None:
        self._app = app
        self._header = header.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # never taken back: the server gives each request a task of its own, and logs its fault there afterwards
        bind_contextvars(correlation_id=self._of(scope))
        await self._app(scope, receive, send)

    def _of(self, scope: Scope) -> str:
        for name, value in scope.get("headers", ()):
            if name == self._header and _FIT.fullmatch(value):
                return str(value.decode())
        return uuid4().hex
