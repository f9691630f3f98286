"""One trace from a sender's request to what follows from it in every service; and no harm where nobody collects."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from services.gateway.examples import EXAMPLES
from services.simulator.agent_server import AgentUpstream
from tests.contracts.golden import message
from tests.e2e.collector import Collector, Told, collecting
from tests.real.deployment import Deployment
from tests.real.topics import Stored
from tests.real.workers import ConnectorProcess
from tests.services.api.process import api
from tests.services.cli.command import run
from tests.services.gateway.harness import EXECUTIONS, body, raw, signed
from tests.services.gateway.process import gateway
from tests.stack import Servers

pytestmark = pytest.mark.real

SERVICES = ("executions", "operations", "agents")
TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EXECUTION = EXAMPLES["executions"]["settled"]
AGENT = "agent-1"
REQUEST = "stratafold-gateway", f"POST {EXECUTIONS}"


@pytest.fixture(scope="module")
def quick_export() -> Iterator[None]:
    """Processes send their spans soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        yield


@asynccontextmanager
async def deployed(servers: Servers, folder: Path, traces: str, *services: str) -> AsyncIterator[Deployment]:
    """Workers that make traces."""
    made = Deployment(servers, f"traces-{uuid.uuid4().hex[:8]}", folder, 2, services)
    await made.create()
    for service in services:
        made.start(service, STRATAFOLD_TRACES=traces)
    try:
        await made.settle()
        yield made
    finally:
        statuses = made.stop()
    assert not any(statuses), made.last_words()


def posted(url: str, content: bytes, **more: str) -> httpx.Response:
    headers = [*raw(signed(content, at=int(time.time()))), *raw(dict(more))]
    return httpx.post(url + EXECUTIONS, content=content, headers=headers, timeout=60)


async def only(made: Deployment, topic: str) -> list[Stored]:
    return [one for run in (await made.read(topic)).values() for one in run]


def said(record: Stored) -> Any:
    return json.loads(record.value or b"").get("traceparent")


def of_trace(told: list[Told], trace: str) -> dict[tuple[str, str], Told]:
    return {(one.process, one.name): one for one in told if one.trace == trace}


async def test_one_delivery_is_one_trace_through_every_service_and_topic(
    shared_servers: Servers, tmp_path: Path, quick_export: None
) -> None:
    with collecting() as collector:
        async with AsyncExitStack() as ending:
            made = await ending.enter_async_context(
                deployed(shared_servers, tmp_path, collector.url, *SERVICES)
            )
            settings = {"kafka": shared_servers.kafka, "redis": shared_servers.redis, "partitions": 2}
            at = ending.enter_context(
                gateway(tmp_path / "g.log", namespace=made.namespace, traces=collector.url, **settings)
            )
            at.wait(200)
            taken = posted(at.url, body(EXECUTION), traceparent=f"00-{TRACE}-{SENDER}-01")
            assert taken.status_code == 202
            await made.settle()
            await look_at_topics(made, collector)
            await look_at_spans(made, collector)
            shows = ending.enter_context(
                api(tmp_path / "api.log", made.environment(STRATAFOLD_TRACES=collector.url))
            )
            shows.wait(200)
            await look_at_frames(made, collector, shows.url)
            checked = run(made.environment(), "verify", "--json")
            assert checked.status == 0, checked


async def look_at_topics(made: Deployment, collector: Collector) -> None:
    """Headers of inputs and attributes of envelopes are the gateway's span, which is of the sender's trace."""
    told = collector.wait(lambda told: REQUEST in of_trace(told, TRACE))
    own = f"00-{TRACE}-{of_trace(told, TRACE)[REQUEST].id}-"
    for topic in ("executions.in", "operations.in"):
        records = await only(made, topic)
        assert records
        for record in records:
            assert (dict(record.headers)["traceparent"] or b"").startswith(own.encode()), topic
    for topic in ("executions.log", "executions.events", "operations.log"):
        records = await only(made, topic)
        assert records
        assert all(said(record).startswith(own) for record in records), topic


async def look_at_spans(made: Deployment, collector: Collector) -> None:
    """The gateway's under the sender's, the workers' under the gateway's; each batch is linked to the trace."""
    folded = [
        (f"stratafold-{one}", f"process {made.topic(one + '.in')}") for one in ("executions", "operations")
    ]
    told = collector.wait(lambda told: {REQUEST, *folded} <= of_trace(told, TRACE).keys())
    spans = of_trace(told, TRACE)
    assert spans[REQUEST].parent == SENDER
    assert {spans[one].parent for one in folded} == {spans[REQUEST].id}
    assert spans[folded[0]].about["stratafold.subject"] == EXECUTION["id"]
    assert spans[folded[0]].about["stratafold.verdict"] == "applied"
    assert spans[folded[1]].about["messaging.message.conversation_id"] == EXECUTION["operation_id"]
    batches = [one for one in told if one.name.startswith("batch ")]
    assert {one.process for one in batches} == {"stratafold-executions", "stratafold-operations"}
    assert all(one.links == (TRACE,) for one in batches)


async def look_at_frames(made: Deployment, collector: Collector, url: str) -> None:
    """A connector begins a trace with each frame of the upstream's; ours is told of in it, and is what it was."""
    sent = "stratafold-agents-connector", f"send {made.topic('agents.in')}"
    shown = "stratafold-api", "send frame"
    upstream, told = AgentUpstream([AGENT]), json.loads(message("agents", "snapshot"))
    async with AsyncExitStack() as ending:
        port = await ending.enter_async_context(upstream.serving("127.0.0.1", 0))
        stream = await ending.enter_async_context(
            connect(f"{url.replace('http', 'ws')}/agents/{AGENT}/stream")
        )
        environment = made.environment(STRATAFOLD_TRACES=collector.url)
        words = ["agents", f"--url=ws://127.0.0.1:{port}/agents/{AGENT}/stream"]
        connector = ConnectorProcess(words, environment, made.folder / "connector.log")
        ending.callback(connector.stop)
        frame, second = None, 0
        async with asyncio.timeout(60):
            while frame is None:  # the stream shows what comes once it is followed, and no duplicate
                second += 1
                upstream.send_raw(json.dumps({**told, "ts": f"2026-05-29T19:00:{second:02d}Z"}))
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        frame = json.loads(await stream.recv())
    assert frame.keys() == told.keys()
    spans = collector.wait(lambda told: any((one.process, one.name) == shown for one in told))
    (one,) = [one for one in spans if (one.process, one.name) == shown]
    assert of_trace(spans, one.trace)[sent].id == one.parent
    assert one.about["stratafold.subject"] == AGENT


async def test_where_the_collector_hangs_nothing_is_lost_or_waits(
    shared_servers: Servers, tmp_path: Path, quick_export: None
) -> None:
    """A collector that takes connections and never answers is worse than none."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with deployed(shared_servers, tmp_path, url, "executions", "operations") as made:
            settings = {"kafka": shared_servers.kafka, "redis": shared_servers.redis, "partitions": 2}
            with gateway(tmp_path / "g.log", namespace=made.namespace, traces=url, **settings) as at:
                at.wait(200)
                end = time.monotonic() + 12  # so that sending fails meanwhile
                sent = []
                while time.monotonic() < end:
                    sent.append(str(uuid.uuid4()))
                    began = time.monotonic()
                    assert posted(at.url, body(EXECUTION, id=sent[-1])).status_code == 202
                    assert time.monotonic() - began < 3
                    await asyncio.sleep(0.1)
                await made.settle(20)
                logged = {
                    json.loads(one.value or b"")["subject"] for one in await only(made, "executions.log")
                }
                assert logged == set(sent)
            began = time.monotonic()
            assert made.stop() == [0, 0], made.last_words()
            assert time.monotonic() - began < 15
        for log in (tmp_path / "g.log", tmp_path / "executions.log"):
            assert log.read_text().count("traces can't be sent") == 1, log.read_text()
