"""A stream's connection can be ended at once, on the server that the API runs on."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from libs.local.ports import free_port
from services.api.live.connection import LiveHttp, hang_up


@pytest.mark.timeout(30)
async def test_a_connection_is_ended_whatever_is_still_to_be_sent() -> None:
    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        await asyncio.sleep(0.1)
        hang_up(scope)

    port = free_port()
    config = uvicorn.Config(app, port=port, http=LiveHttp, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        async with httpx.AsyncClient() as client, client.stream("GET", f"http://127.0.0.1:{port}/") as answer:
            parts = answer.aiter_bytes()
            assert await anext(parts) == b"some"
            with pytest.raises(httpx.TransportError):
                await anext(parts)
    finally:
        server.should_exit = True
        await serving
