"""What serves the strategies' stream when it is written plainly: one consumer, one ``send_text`` a client and frame.

It neither replays nor filters by strategy, knows nobody's signature, and waits for slow readers.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from libs.contracts.names import Names
from libs.settings import load
from tests.bench.subjects.marks import Mark

_clients: dict[str, set[WebSocket]] = defaultdict(set)


async def stream(socket: WebSocket) -> None:
    """A client of an account."""
    await socket.accept()
    those = _clients[socket.query_params["api_key"]]
    try:
        while True:
            name = json.loads(await socket.receive_text())["id"]
            those.add(socket)
            await socket.send_text(json.dumps({"op": "ack", "id": name, "ok": True}))
    except WebSocketDisconnect:
        those.discard(socket)


async def follow(servers: str, topic: str) -> None:
    """Send each frame to each client of its account."""
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    Mark().first_read()
    async for record in consumer:
        envelope = json.loads(record.value)
        if "accountsequence" in envelope:
            frame = {**envelope["data"], "seq": envelope["accountsequence"]}
            for socket in list(_clients[envelope["partitionkey"]]):
                await socket.send_text(json.dumps(frame))


async def main() -> None:
    """Until SIGTERM."""
    settings = load()
    app = Starlette(routes=[WebSocketRoute("/v1/ws", stream)])
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.api_port,
        lifespan="off",
        log_config=None,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
    )
    topic = Names(settings.namespace).topic("strategies.log")
    following = asyncio.create_task(follow(settings.kafka_servers, topic))
    await uvicorn.Server(config).serve()
    following.cancel()


if __name__ == "__main__":
    uvloop.run(main())
