"""A made-up upstream of 004 as a server: its stream, and Get Strategy on the same port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from services.simulator.answers import answer, problem
from services.simulator.channel import Channel, Frame
from services.simulator.signatures import Signatures
from services.simulator.strategy_book import Book

PATH: Final = "/v1/ws"
_STRATEGIES: Final = "/api/v1/strategies/"
_SIGNED_BY: Final = ("api_key", "timestamp", "signature")
_CHANNEL: Final = "strategy.status"
_AUTH_SECONDS: Final = 5.0
_BAD_AUTH: Final = 4401
_NO_AUTH: Final = 4408
_BINARY: Final = 1003
_TOO_SLOW: Final = 4410
_WAITING: Final = 20_000  # frames for one client


@dataclass(eq=False)
class _Client:
    line: ServerConnection
    authenticated: bool = False
    subscriptions: set[str] = field(default_factory=set)
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def wants(self, frame: Frame) -> bool:
        return "*" in self.subscriptions or frame.strategy_id in self.subscriptions


class StrategyUpstream:
    """One account's upstream; while ``refusing`` it turns connections away.

    ``subscribed`` are the subscribe frames that came, ``asked`` the strategies that were asked for by REST.
    """

    def __init__(
        self, api_key: str, secret: str, channel: Channel | None = None, account: str = "demo"
    ) -> None:
        self.channel = channel or Channel()
        self.refusing = False
        self.connections = 0
        self.subscribed: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self._signatures = Signatures(api_key, secret)
        self._account = account
        self._book = Book()
        self._clients: set[_Client] = set()

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve; the port, for 0 any free one. Raises OSError."""
        server = await serve(
            self._client, host, port, process_request=self._request, compression=None, close_timeout=1
        )
        try:
            yield next(iter(server.sockets)).getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    def emit(self, strategy_id: str, event: str, data: Mapping[str, Any], ts: str) -> None:
        """Something happened: number it, and send it to whoever asked for it."""
        self._book.apply(strategy_id, event, data)
        for frame in self.channel.add(strategy_id, event, data, ts, time.monotonic()):
            for client in list(self._clients):
                if client.wants(frame):
                    self._send(client, frame.text)

    def send_raw(self, frame: str | bytes) -> None:
        """Send everybody something that is no event."""
        for client in list(self._clients):
            task = asyncio.ensure_future(client.line.send(frame))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def drop(self) -> None:
        """Break every connection off, without a word."""
        for client in list(self._clients):
            client.line.transport.abort()

    def freeze(self) -> None:
        """Hear nothing any more on the connections that there are, pings included."""
        for client in list(self._clients):
            client.line.transport.pause_reading()

    def _send(self, client: _Client, text: str) -> None:
        try:
            client.waiting.put_nowait(text)
        except asyncio.QueueFull:
            self._clients.discard(client)
            task = asyncio.ensure_future(client.line.close(_TOO_SLOW, "too slow"))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _request(self, line: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path.startswith(_STRATEGIES):
            return self._get_strategy(parts.path, request)
        if parts.path != PATH:
            return problem(HTTPStatus.NOT_FOUND, "there is nothing here")
        if self.refusing:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "no streams just now")
        if parts.query:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if not self._good(query, parts.path):
                return problem(HTTPStatus.UNAUTHORIZED, "the signature is not good")
            line.username = "signed"
        return None

    def _get_strategy(self, path: str, request: Request) -> Response:
        given = {
            name: request.headers.get(f"X-{header}", "")
            for name, header in (
                ("api_key", "Api-Key"),
                ("timestamp", "Timestamp"),
                ("signature", "Signature"),
            )
        }
        if not self._good(given, path):
            return problem(HTTPStatus.UNAUTHORIZED, "the signature is not good")
        strategy_id = unquote(path.removeprefix(_STRATEGIES))
        self.asked.append(strategy_id)
        found = self._book.answer(strategy_id, self._account, self.channel.last)
        if found is None:
            return problem(HTTPStatus.NOT_FOUND, "no such strategy")
        return answer(HTTPStatus.OK, {"data": found})

    def _good(self, given: Mapping[str, Any], path: str) -> bool:
        now = time.time_ns() // 1_000_000
        api_key, timestamp, signature = (str(given.get(name, "")) for name in _SIGNED_BY)
        return self._signatures.good(api_key, timestamp, signature, path, now)

    async def _client(self, line: ServerConnection) -> None:
        self.connections += 1
        client = _Client(line, authenticated=getattr(line, "username", None) == "signed")
        sending = asyncio.create_task(self._sending(client))
        try:
            await self._hear(client)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _sending(self, client: _Client) -> None:
        while True:
            await client.line.send(await client.waiting.get())

    async def _hear(self, client: _Client) -> None:
        if not client.authenticated:
            try:
                async with asyncio.timeout(_AUTH_SECONDS):
                    body = _object(await client.line.recv())
            except TimeoutError:
                await client.line.close(_NO_AUTH, "no authentication in time")
                return
            if body is None or body.get("op") != "auth" or not self._good(body, PATH):
                await client.line.close(_BAD_AUTH, "the authentication is not good")
                return
        self._clients.add(client)
        async for frame in client.line:
            if isinstance(frame, bytes):
                await client.line.close(_BINARY, "text, please")
                return
            self._obey(client, _object(frame) or {})

    def _obey(self, client: _Client, body: Mapping[str, Any]) -> None:
        wanted, op = body.get("id"), body.get("op")
        echo = {"op": "ack", "channel": body.get("channel"), "id": wanted}
        if op not in ("subscribe", "unsubscribe"):
            code = "UNKNOWN_OP"
        elif body.get("channel") != _CHANNEL:
            code = "UNKNOWN_CHANNEL"
        elif not isinstance(wanted, str) or not wanted:
            code = "INVALID_ID"
        elif op == "unsubscribe":
            client.subscriptions.discard(wanted)
            code = ""
        else:
            self._subscribe(client, wanted, body, echo)
            return
        self._send(client, json.dumps({**echo, "ok": not code, **({"code": code} if code else {})}))

    def _subscribe(
        self, client: _Client, wanted: str, body: Mapping[str, Any], echo: Mapping[str, Any]
    ) -> None:
        self.subscribed.append(dict(body))
        replay: list[Frame] | None = []
        if "since_seq" in body:
            number = body["since_seq"]
            if type(number) is not int or number < 0:
                self._send(client, json.dumps({**echo, "ok": False, "code": "INVALID_SINCE_SEQ"}))
                return
            replay = self.channel.since(number, time.monotonic())
        if replay is None:
            # as 004's own example has it: without the id
            self._send(client, json.dumps({"op": "ack", "ok": False, "code": "REPLAY_UNAVAILABLE"}))
            return
        self._send(client, json.dumps({**echo, "ok": True}))
        before = set(client.subscriptions)
        client.subscriptions.add(wanted)
        for frame in replay:
            new = frame.strategy_id not in before and "*" not in before
            if new and wanted in ("*", frame.strategy_id):
                self._send(client, frame.text)


def _object(frame: str | bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(frame) if isinstance(frame, str) else None
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
