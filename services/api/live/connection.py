"""HTTP connections that a stream without end can hang up: ASGI has no way to let a client go that takes nothing."""

from __future__ import annotations

from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HANG_UP: Final = "stratafold.hang_up"


class LiveHttp(HttpToolsProtocol):
    """Shows an endpoint how to end its connection at once."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        shown: Any = self.scope
        shown["extensions"] = {_HANG_UP: self.transport.abort}


def hang_up(scope: Scope) -> None:
    """End a request's connection, whatever is still to be sent. Raises KeyError unless the server is `LiveHttp`."""
    scope["extensions"][_HANG_UP]()
