"""A made-up upstream of 002 as a server: its agents' streams, and their REST on the same port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from services.simulator.answers import answer, problem

_PATH: Final = re.compile(
    r"/agents(?:/(?P<agent>[^/]+)(?:/(?P<what>stream|equity|trades|journal|risk/blocks))?)?"
)
_LISTS: Final = {
    "snapshot": "equity",
    "trade": "trades",
    "journal_entry": "journal",
    "risk_veto": "risk/blocks",
    "twak_block": "risk/blocks",
}
_KEPT: Final = 2_000  # items of a list
_MOST: Final = 500  # items of a page
_CURRENT: Final = "current"


class AgentUpstream:
    """Some agents; while ``refusing`` it turns streams away, and its lists answer all the same."""

    def __init__(self, agents: Sequence[str]) -> None:
        self.refusing = False
        self.connections = 0
        self.polls = 0
        self._lists: dict[str, dict[str, list[dict[str, Any]]]] = {
            agent: defaultdict(list) for agent in agents
        }
        self._lines: dict[ServerConnection, str] = {}

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

    def emit(self, agent: str, message: Mapping[str, Any]) -> None:
        """Something happened: keep it for the lists, and send it to whoever listens."""
        name = _LISTS.get(message["event"])
        if name is not None:
            items = self._lists[agent][name]
            items.append(dict(message))
            del items[:-_KEPT]
        for line in [line for line, whose in self._lines.items() if whose == agent]:
            self._send(line, json.dumps(message))

    def send_raw(self, frame: str) -> None:
        """Send everybody a frame as it is, and keep nothing of it."""
        for line in list(self._lines):
            self._send(line, frame)

    def drop(self) -> None:
        """Break every connection off, without a word."""
        for line in list(self._lines):
            line.transport.abort()

    @staticmethod
    def _send(line: ServerConnection, frame: str) -> None:
        task = asyncio.ensure_future(line.send(frame))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _request(self, line: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return problem(HTTPStatus.NOT_FOUND, "there is nothing here")
        if found["agent"] is None:
            return answer(HTTPStatus.OK, {"data": [{"id": one} for one in self._lists], "next_cursor": None})
        agent = unquote(found["agent"])
        if agent == _CURRENT:
            if len(self._lists) != 1:
                return problem(HTTPStatus.CONFLICT, "there is more than one agent")
            agent = next(iter(self._lists))
        if agent not in self._lists:
            return problem(HTTPStatus.NOT_FOUND, "no such agent")
        if found["what"] is None:
            return answer(HTTPStatus.OK, {"data": {"id": agent}})
        if found["what"] != "stream":
            self.polls += 1
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self._page(self._lists[agent][found["what"]], query)
        if self.refusing:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "no streams just now")
        line.username = agent
        return None

    @staticmethod
    def _page(items: list[dict[str, Any]], query: Mapping[str, str]) -> Response:
        try:
            limit = max(1, min(int(query.get("limit", "50")), _MOST))
            end = min(int(query.get("cursor", len(items))), len(items))
        except ValueError:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "limit and cursor are numbers")
        begin = max(0, end - limit)
        newest_first = items[begin:end][::-1]
        return answer(HTTPStatus.OK, {"data": newest_first, "next_cursor": str(begin) if begin else None})

    async def _client(self, line: ServerConnection) -> None:
        self.connections += 1
        self._lines[line] = getattr(line, "username", "")
        try:
            async for _ in line:
                pass  # nothing is asked for on this stream
        except ConnectionClosed:
            pass
        finally:
            self._lines.pop(line, None)
