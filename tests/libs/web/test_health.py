"""Health and metrics of a process that speaks no HTTP otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from libs.local.ports import free_port
from libs.settings import Settings, SettingsError
from libs.web.health import health, listener, serving


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    obstacles = iter(["not ready: partitions 3", None])
    registry = CollectorRegistry()
    Counter("seen", "Seen.", registry=registry).inc(3)
    transport = httpx.ASGITransport(health(registry, lambda: next(obstacles)))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as one:
        yield one


async def test_who_is_not_ready_says_why_and_is_alive_all_the_same(client: httpx.AsyncClient) -> None:
    """A problem document, as from every other process."""
    waiting = await client.get("/readyz")
    assert (waiting.status_code, waiting.json()["detail"]) == (503, "not ready: partitions 3")
    assert waiting.headers["content-type"] == "application/problem+json"
    assert (await client.get("/readyz")).json() == {"data": {"status": "ready"}}
    assert (await client.get("/healthz")).json() == {"data": {"status": "ok"}}


async def test_the_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    """And there is nothing else."""
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "seen_total 3.0" in answer.text
    assert (await client.get("/")).status_code == 404


async def test_without_a_port_nothing_is_served() -> None:
    """Two stacks run side by side unless somebody asks for the same port twice."""
    assert listener(Settings(metrics_port=None)) is None
    port = free_port()
    first = listener(Settings(metrics_port=port))
    with pytest.raises(SettingsError, match=f"STRATAFOLD_METRICS_PORT: port {port} is in use"):
        listener(Settings(metrics_port=port))
    async with serving(first, CollectorRegistry(), lambda: None), httpx.AsyncClient() as over_the_wire:
        assert (await over_the_wire.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    await asyncio.sleep(0)
    again = listener(Settings(metrics_port=port))
    assert again is not None
    again.close()
