"""A WebSocket of uvicorn's that lets us write ready-made frames and see how much of them is not taken.

ASGI has neither: it would frame each message anew for each client, and wait for a slow one. The server has to be run
with ``SERVER_SETTINGS``; the endpoints find the socket under ``EXTENSION`` in their scope.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from services.api.streams.codes import Close
from services.api.streams.limits import (
    BACKLOG_BYTES,
    GRACE,
    LINGER,
    LINGER_BYTES,
    MESSAGE_BYTES,
    PING_EVERY,
    PONG_WITHIN,
    SOCKET_BYTES,
)

EXTENSION: Final = "stratafold.socket"

# uvicorn would log each handshake with its query, which may hold a signature, and a trace for each bad message.
_quiet = logging.getLogger("stratafold.api.socket")
_quiet.setLevel(logging.WARNING)
_quiet.addFilter(lambda record: not str(record.msg).startswith("Invalid UTF-8"))


class StreamSocket(WebSocketsSansIOProtocol):
    """One connection. What is written goes out in order; nothing is written past a close."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.logger = _quiet
        self._unread: int | None = None  # bytes that came after what ended the reading

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel holds for this client: it would grow to megabytes for one that does not read."""
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)

    def handle_connect(self, event: Request) -> None:
        """Show ourselves to the endpoint."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            shown: Any = self.scope["extensions"]
            shown[EXTENSION] = self

    @property
    def open(self) -> bool:
        """Whether anything that is written now may reach the client."""
        return not (self.close_sent or self.disconnected or self.transport.is_closing())

    def crowded(self) -> bool:
        """Whether so much waits to be taken by the client that no more should be written."""
        return self.transport.get_write_buffer_size() > BACKLOG_BYTES

    def write(self, frames: bytes) -> None:
        """Send ready-made frames; never waits."""
        if self.open:
            self.transport.write(frames)

    async def taken(self, within: float) -> bool:
        """Wait until most of what was written is taken; False once the client took nothing for so many seconds."""
        while self.open:
            waiting = self.transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(within):
                    await self.writable.wait()
                    return self.open
            except TimeoutError:
                if self.transport.get_write_buffer_size() >= waiting:
                    break
        return False

    def cut(self, code: int, reason: str) -> None:
        """Close with a code behind what was written, without waiting for the client to take it."""
        if not self.open:
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        with contextlib.suppress(InvalidState):
            self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(GRACE, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Read on for a while after a frame that is no good: closed at once, the client might never see why."""
        if self._unread is None:
            super().data_received(data)
            return
        self._unread += len(data)
        if self._unread > LINGER_BYTES:
            self.transport.abort()
        else:
            self._hang_up_soon()

    def handle_parser_exception(self) -> None:
        """Close with the code of what is wrong, and hang up once the client has had its say."""
        assert self.conn.close_sent is not None
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._unread = 0
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._hang_up_soon()

    def _hang_up_soon(self) -> None:
        """Once nothing has come for a moment."""
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)

    def handle_ping(self) -> None:
        """Answer, but not without bound for one who never reads the answers."""
        super().handle_ping()
        if self.crowded():
            self.cut(Close.TOO_SLOW, "too slow a reader")

    def keepalive_timeout(self) -> None:
        """Who does not read does not answer pings either."""
        self.cut(Close.TOO_SLOW, "too slow a reader: no answer to a ping")

    def shutdown(self) -> None:
        """Close with 1012; one that is closing already is left to it."""
        if self.handshake_complete and not self.open:
            self.transport.close()
        else:
            super().shutdown()


SERVER_SETTINGS: Final[dict[str, Any]] = {
    "ws": StreamSocket,
    "ws_max_size": MESSAGE_BYTES,
    "ws_ping_interval": PING_EVERY,
    "ws_ping_timeout": PONG_WITHIN,
    "ws_per_message_deflate": False,
}


def socket_of(scope: Scope) -> StreamSocket:
    """The socket of a connection. Raises RuntimeError where the server was not run as it has to be."""
    found = scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(found, StreamSocket):
        raise RuntimeError("the streams need a server that is run with SERVER_SETTINGS")
    return found
