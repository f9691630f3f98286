"""The streams in the API's own process: let in by the same keys and tokens as REST, each signature once for both."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.real.topics import Push
from tests.services.api.conftest import ACCOUNT, Running
from tests.services.api.process import ELSEWHERE, signed

pytestmark = pytest.mark.real

PATH = "/v1/ws"


def signed_url(running: Running) -> str:
    headers = signed(running.key, running.secret, PATH)
    names = {"X-Api-Key": "api_key", "X-Timestamp": "timestamp", "X-Signature": "signature"}
    return f"{address(running)}{PATH}?{urlencode({names[name]: value for name, value in headers.items()})}"


def address(running: Running) -> str:
    return running.api.url.replace("http://", "ws://")


async def status_of(url: str, headers: dict[str, str] | None = None) -> int:
    """The HTTP status that a connection is refused with, 101 where it is not."""
    try:
        async with connect(url, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def said(connection: ClientConnection) -> object:
    return json.loads(await asyncio.wait_for(connection.recv(), 15))


async def test_what_is_pushed_comes_as_a_frame_to_who_signed_the_url_and_the_url_is_good_once(
    running: Running,
) -> None:
    url = signed_url(running)
    body = {
        "channel": "strategy.status",
        "event": "deployed",
        "strategy_id": "live",
        "seq": 7,
        "ts": "2026-04-29T12:00:00.000Z",
        "data": {},
    }
    async with connect(url) as connection:
        asking = {"op": "subscribe", "channel": "strategy.status", "id": "*"}
        await connection.send(json.dumps(asking))
        assert await said(connection) == {**asking, "op": "ack", "ok": True}
        topic = running.deployment.topic("strategies.in")
        await running.deployment.push([Push(topic, json.dumps(body).encode(), ACCOUNT.encode())])
        assert await said(connection) == {**body, "seq": 1}
    assert await status_of(url) == 401


async def test_an_agents_stream_is_open_to_this_machine_and_needs_a_token_elsewhere(running: Running) -> None:
    told = {
        "event": "risk_veto",
        "ts": "2026-05-29T18:20:01Z",
        "rule": "r",
        "explanation": "e",
        "order_ref": None,
    }
    topic = running.deployment.topic("agents.in")
    await running.deployment.push([Push(topic, json.dumps({**told, "rule": "0"}).encode(), b"agent-live")])
    await running.deployment.settle(services=("agents",))
    url = f"{address(running)}/agents/agent-live/stream"
    assert await status_of(url, ELSEWHERE) == 401
    assert await status_of(url, {**ELSEWHERE, "Authorization": running.token}) == 101
    async with connect(url) as connection:
        await running.deployment.push([Push(topic, json.dumps(told).encode(), b"agent-live")])
        assert await said(connection) == told


async def test_where_there_is_no_stream_the_answer_says_so(running: Running) -> None:
    """404 as over REST; and who is refused for credentials is told which kind there is."""
    for path in ("/v1/wsx", "/v1/ws/", "/agents//stream", "/healthz"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(address(running) + path)
        answer = refused.value.response
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.body or b"")["status"] == 404
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{address(running)}{PATH}?api_key=x")
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
