"""``stratafold verify`` as it is run: 0 where all agrees, 1 where something differs, 2 where it can't be checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.examples import EXECUTION_AWAITING
from tests.libs.runtime.verification.conftest import AtRest
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import ROOT
from tests.stack import Servers

pytestmark = pytest.mark.real


def verify(deployment: Deployment, *arguments: str, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Exit status, the JSON printed, and what was said on stderr."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "verify", "--json", *arguments],
        cwd=ROOT,
        env={**inherited, **deployment.environment(**settings)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


async def test_agreement_and_a_difference(at_rest: AtRest) -> None:
    """Everything is counted; a difference has its kind, its place and its words."""
    deployment = at_rest.deployment
    status, said, _ = verify(deployment)
    assert (status, said["verdict"]) == (0, "agrees"), said
    for service in ("executions", "operations"):
        checked = said["services"][service]["checked"]
        for name in ("input", "log", "events", "state", "dead", "entities", "indexes", "keys", "forwarded"):
            assert checked[name] > 0, (service, name)
        assert checked["input"] == checked["log"] - checked.get("doubles", 0)
    assert said["services"]["executions"]["checked"]["notices"] > 0
    key = deployment.names.counters("executions", 0)
    async with Redis.from_url(deployment.servers.redis) as redis:
        await redis.hincrby(key, "in_total", 1)
        try:
            status, said, _ = verify(deployment)
        finally:
            await redis.hincrby(key, "in_total", -1)
    assert (status, said["verdict"]) == (1, "differs")
    (difference,) = said["services"]["executions"]["differences"]
    assert (difference["kind"], difference["count"]) == ("redis.counters", 1)
    assert difference["first"][0]["where"] == "in_total"
    assert not said["services"]["operations"]["differences"]


@pytest.mark.parametrize(
    ("arguments", "settings", "named"),
    [
        pytest.param([], {"STRATAFOLD_KAFKA": "127.0.0.1:1"}, "Kafka", id="Kafka is away"),
        pytest.param([], {"STRATAFOLD_REDIS": "redis://127.0.0.1:1/0"}, "Redis", id="Redis is away"),
        pytest.param([], {"STRATAFOLD_PARTITIONS": "5"}, "STRATAFOLD_PARTITIONS", id="other partitions"),
        pytest.param([], {"STRATAFOLD_NAMESPACE": "nowhere"}, "topics", id="no topics"),
    ],
)
def test_what_prevents_it(
    at_rest: AtRest, arguments: list[str], settings: dict[str, str], named: str
) -> None:
    """One line that names it, and status 2."""
    status, said, _ = verify(at_rest.deployment, *arguments, **settings)
    assert (status, said["verdict"]) == (2, "unchecked")
    assert named in said["error"]


async def test_a_service_without_topics(at_rest: AtRest) -> None:
    """One that was never started is named; where Redis knows of it, its topics are lost or hidden, and that is told."""
    deployment = at_rest.deployment
    more = {"STRATAFOLD_SERVICES": "executions,operations,agents"}
    status, said, _ = verify(deployment, **more)
    assert (status, said["without_topics"]) == (0, ["agents"]), said
    position = deployment.names.position("agents", 1)
    async with Redis.from_url(deployment.servers.redis) as redis:
        await redis.hset(position, "input_offset", "7")
        try:
            status, said, _ = verify(deployment, **more)
        finally:
            await redis.delete(position)
    assert status == 2
    assert "agents has no topics here, but Redis has a position of its partition 1" in said["error"]


def test_a_service_that_does_not_exist(at_rest: AtRest) -> None:
    """The one line says which there are."""
    status, _, error = verify(at_rest.deployment, "operation")
    assert status == 2
    assert "operations" in error


async def test_input_that_nobody_folds(
    shared_servers: Servers, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a worker it is not waited for; it is no difference either."""
    deployment = Deployment(shared_servers, namespace, tmp_path_factory.mktemp("idle"), partitions=1)
    await deployment.create()
    assert verify(deployment)[0] == 0
    await deployment.push([Push(deployment.topic("executions.in"), EXECUTION_AWAITING, b"k")])
    status, said, _ = verify(deployment, "executions")
    assert status == 2
    (unchecked,) = said["services"]["executions"]["unchecked"]
    assert "no worker runs" in unchecked
