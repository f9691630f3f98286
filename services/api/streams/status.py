"""``WS /v1/ws``: the strategy status stream of 004."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send

from services.api.streams.admission import Door, Unwelcome
from services.api.streams.codes import Close, Code
from services.api.streams.dialogue import (
    Auth,
    Bad,
    Said,
    Subscribe,
    Unsubscribe,
    acknowledged,
    echo_of,
    read,
    refused,
)
from services.api.streams.feed import StatusFeed
from services.api.streams.frame import Frame
from services.api.streams.handshake import refuse
from services.api.streams.limits import (
    AUTHENTICATE_WITHIN,
    BURST,
    FRAMES_A_SECOND,
    REPLAY_CHUNK,
    STALLED,
    SUBSCRIPTIONS,
    TOO_SLOW,
)
from services.api.streams.pace import Bucket
from services.api.streams.readiness import ready
from services.api.streams.socket import StreamSocket, socket_of
from services.api.streams.subscriptions import Subscriptions, names

log = structlog.get_logger("stratafold.api.streams")


class _Over(Exception):
    """The connection was closed, by either side."""


class StatusEndpoint:
    """An ASGI endpoint; needs the server to be run with ``SERVER_SETTINGS``."""

    def __init__(self, feed: StatusFeed, door: Door) -> None:
        self._feed, self._door = feed, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not await ready(self._feed.ready, send):  # before a signature is used up in vain
            return
        try:
            account = await self._door.signed_url(scope)
        except Unwelcome as why:
            await refuse(send, why.status, why.reason, why.headers)
            return
        socket = socket_of(scope)
        await send({"type": "websocket.accept"})
        connection = _Connection(self._feed, self._door, socket, receive, scope["path"])
        with contextlib.suppress(_Over):
            await connection.serve(account)


class _Connection:
    def __init__(
        self, feed: StatusFeed, door: Door, socket: StreamSocket, receive: Receive, path: str
    ) -> None:
        self._feed, self._door, self._socket, self._receive = feed, door, socket, receive
        self._path = path
        self._bucket = Bucket(BURST, FRAMES_A_SECOND, time.monotonic())
        self._said: asyncio.Queue[Said | None] = asyncio.Queue()  # None: see whether frames are owed
        self._account = ""
        self._channel = feed.channel("")
        self._behind: int | None = None  # the last number sent, where frames after it are owed
        self.subscriptions = Subscriptions()

    def send(self, frames: bytes, first: int) -> None:
        """Of the channel: live frames. Who has enough to take gets these from the ring, when there is room."""
        if self._socket.crowded():
            self._channel.leave(self)
            self._behind = first - 1
            self._said.put_nowait(None)
            return
        self._socket.write(frames)
        if self._socket.crowded():  # nothing may follow that would notice whether it is taken
            self._said.put_nowait(None)

    async def serve(self, account: str | None) -> None:
        """Until the connection is over. Raises _Over."""
        self._account = account or await self._authenticated()
        self._channel = self._feed.channel(self._account)
        # Frames are answered beside the reading of them, so that pongs and the end are seen during a replay.
        answering = asyncio.create_task(self._answer())
        try:
            while not answering.done():
                self._said.put_nowait(read(await self._text()))
        finally:
            answering.cancel()
            with contextlib.suppress(asyncio.CancelledError, _Over):
                await answering
            self._channel.leave(self)

    async def _authenticated(self) -> str:
        try:
            async with asyncio.timeout(AUTHENTICATE_WITHIN):
                said = read(await self._text())
        except TimeoutError:
            raise self._close(Close.NO_AUTHENTICATION, "no auth frame within 5 s") from None
        if not isinstance(said, Auth):
            raise self._close(Close.AUTHENTICATION, "the first frame must be auth")
        return await self._account_of(said)

    async def _account_of(self, said: Auth) -> str:
        try:
            return await self._door.account(said.api_key, said.timestamp, said.signature, self._path)
        except Unwelcome as why:
            raise self._close(
                Close.TRY_AGAIN_LATER if why.unavailable else Close.AUTHENTICATION, why.reason
            ) from None

    async def _text(self) -> str:
        message: dict[str, Any] = dict(await self._receive())
        if message["type"] == "websocket.disconnect":
            raise _Over
        if not self._bucket.take(time.monotonic()):
            raise self._close(Close.TOO_MANY, "too many frames")
        text = message.get("text")
        if not isinstance(text, str):
            raise self._close(Close.BINARY, "frames are text")
        return text

    async def _answer(self) -> None:
        try:
            while True:
                said = await self._said.get()
                await self._catch_up()
                if said is not None:
                    await self._do(said)
        except (_Over, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("a stream's connection failed")
            self._socket.cut(Close.INTERNAL, "internal error")
            raise _Over from None

    async def _do(self, said: Said) -> None:
        match said:
            case Subscribe(name, since):
                await self._subscribe(name, since)
            case Unsubscribe(name):
                self._channel.leave(self)
                self.subscriptions.remove(name)
                self._channel.join(self)
                self._socket.write(acknowledged(name))
            case Bad(code, echo):
                self._socket.write(refused(code, echo))
            case Auth():
                if await self._account_of(said) != self._account:
                    raise self._close(Close.AUTHENTICATION, "a connection is one account's")

    async def _subscribe(self, name: str, since: int | None) -> None:
        if name not in self.subscriptions and len(self.subscriptions) >= SUBSCRIPTIONS:
            self._socket.write(refused(Code.TOO_MANY_SUBSCRIPTIONS, echo_of(name)))
            return
        if since is None:
            self._channel.leave(self)
            self.subscriptions.add(name, self._channel.ring.last or 0)
            self._channel.join(self)
            self._socket.write(acknowledged(name))
            return
        replayed = await self._feed.can_replay(self._account, since)
        if replayed is None:
            raise self._close(Close.TRY_AGAIN_LATER, "what can be replayed can't be said now")
        await self._catch_up()
        if not replayed:
            self._socket.write(refused(Code.REPLAY_UNAVAILABLE, echo_of(name)))
            return
        self._socket.write(acknowledged(name))
        await self._replay(name, since)

    async def _catch_up(self) -> None:
        """Wait until the client has room for an answer, and send what is owed: nothing is once this returns."""
        if self._behind is None and not await self._socket.taken(STALLED):
            raise self._close(Close.TOO_SLOW, TOO_SLOW)
        if self._behind is not None:  # also since we began to wait
            behind, self._behind = self._behind, None
            await self._pull(behind, self.subscriptions.wants)

    async def _replay(self, name: str, since: int) -> None:
        """Send what is kept after a number, but for what was sent before."""
        self._channel.leave(self)
        told, sent = self.subscriptions.copy(), self._channel.ring.last or 0
        self.subscriptions.add(name, since)

        def due(frame: Frame) -> bool:
            if frame.seq > sent:
                return self.subscriptions.wants(frame)
            return names(name, frame) and not told.wants(frame)

        await self._pull(since, due)

    async def _pull(self, at: int, due: Callable[[Frame], bool]) -> None:
        """Send from the ring, as the client takes it, until that is all; from then on frames are live."""
        while frames := self._channel.ring.after(at, REPLAY_CHUNK):
            at = frames[-1].seq
            self._socket.write(b"".join([frame.wire for frame in frames if due(frame)]))
            if not await self._socket.taken(STALLED):
                raise self._close(Close.TOO_SLOW, TOO_SLOW)
            await asyncio.sleep(0)
        if frames is None:
            raise self._close(Close.TOO_SLOW, TOO_SLOW)
        self._channel.join(self)

    def _close(self, code: Close, reason: str) -> _Over:
        self._socket.cut(code, reason)
        return _Over()
