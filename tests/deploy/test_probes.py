"""What Kubernetes asks a process is there to be asked, and takes no more out of a service than what is at fault.

Each process' own HTTP side is asked, in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from libs.web.health import health
from services.gateway.app import build
from tests.deploy.manifests import PROBES, compose, container, processes
from tests.services.api.route_table import path_of, world
from tests.services.gateway.harness import KEY, OPERATION, OPERATIONS, Appended, client, raw, signed

DEPLOYMENTS = processes()
Apps = dict[str, Callable[[], ASGIApp]]
APPS: Apps = {"api": lambda: world().app, "gateway": lambda: build((KEY,), Appended())}
NOT_READY: Apps = {"api": lambda: _folding().app, "gateway": lambda: build((KEY,), Appended("no broker"))}


def _folding() -> Any:
    """Partitions of versions are not ready; the others are."""
    made = world()
    made.ready = False
    return made


def _alone(why: str | None) -> Callable[[], ASGIApp]:
    """Of a process that speaks no HTTP otherwise."""
    return lambda: health(CollectorRegistry(), lambda: why)


def _paths(name: str) -> dict[str, str]:
    one = container(DEPLOYMENTS[name])
    return {probe: one[probe]["httpGet"]["path"] for probe in PROBES}


async def _asked(app: ASGIApp, path: str) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pod") as asking:
        return (await asking.get(path)).status_code


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_every_probe_of_a_process_at_work_is_answered(name: str) -> None:
    app = APPS.get(name, _alone(None))()
    assert {probe: await _asked(app, path) for probe, path in _paths(name).items()} == dict.fromkeys(
        PROBES, 200
    )


@pytest.mark.parametrize("name", DEPLOYMENTS)
async def test_nobody_is_killed_for_not_being_ready(name: str) -> None:
    app = NOT_READY.get(name, _alone("no partition"))()
    assert await _asked(app, "/readyz") == 503
    assert await _asked(app, _paths(name)["livenessProbe"]) == 200
    assert await _asked(app, _paths(name)["startupProbe"]) == 200


async def test_the_api_stays_while_one_service_is_not_ready_and_answers_for_the_others() -> None:
    made = _folding()
    assert await _asked(made.app, "/readyz") == 503
    assert {probe: await _asked(made.app, path) for probe, path in _paths("api").items()} == dict.fromkeys(
        PROBES, 200
    )
    assert await _asked(made.app, path_of(("GET", "/agents/{id}/trades"))) != 503


async def test_the_gateway_stays_to_say_when_to_come_again() -> None:
    app, paths = NOT_READY["gateway"](), _paths("gateway")
    assert await _asked(app, paths["readinessProbe"]) == 200
    body = json.dumps(OPERATION).encode()
    async with client(Appended("no broker")) as sender:
        answer = await sender.post(OPERATIONS, content=body, headers=raw(signed(body)))
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


@pytest.mark.parametrize("name", [name for name in DEPLOYMENTS if name not in APPS])
def test_who_serves_nobody_is_ready_with_its_work(name: str) -> None:
    """A release waits for it: what can't get at Kafka or Redis does not replace what could."""
    assert _paths(name)["readinessProbe"] == "/readyz"


async def test_what_compose_asks_is_answered_too() -> None:
    asked = {
        name: one["healthcheck"]["test"][-1].partition("127.0.0.1:")[2].partition("'")[0].partition("/")[2]
        for name, one in compose()["services"].items()
        if one["image"] == "stratafold" and "healthcheck" in one
    }
    assert {"api", "gateway", "metrics"} <= set(asked)
    for name, path in asked.items():
        assert await _asked(APPS.get(name, _alone(None))(), f"/{path}") == 200, name
