"""A worker that was killed is not waited for where it is started again; one that lives, or may live, is left alone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from libs.runtime.predecessors import is_dead, member_name
from tests.e2e.examples import OPERATION_PRICING
from tests.real.deployment import Deployment
from tests.real.topics import Push
from tests.real.workers import WorkerProcess
from tests.stack import Servers

_SERVICE = ("operations",)
_LEFT = "left the group"


@pytest.fixture
def ended() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    return process.pid


def test_a_process_of_this_place_that_is_gone_is_dead(ended: int) -> None:
    assert is_dead(member_name(f"some-host-{ended}-0123abcd"))


def test_one_that_has_our_own_process_id_was_there_before_us() -> None:
    assert is_dead(member_name(f"some-host-{os.getpid()}-0123abcd"))


@pytest.mark.parametrize("pid", [os.getppid(), 1])
def test_one_that_runs_is_not_dead(pid: int) -> None:
    """Nor where it is another user's."""
    assert not is_dead(member_name(f"some-host-{pid}-0123abcd"))


def test_of_another_place_nobody_can_say(ended: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    elsewhere = member_name(f"some-host-{ended}-0123abcd")
    monkeypatch.undo()
    assert not is_dead(elsewhere)
    assert not is_dead(f"some-host-{ended}-0123abcd")  # as earlier versions named themselves
    assert not is_dead("sarama")


def test_where_nobody_says_what_place_it_is_nobody_is_dead(
    ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts may share a name."""
    name = member_name(f"some-host-{ended}-0123abcd")
    monkeypatch.setattr(Path, "read_text", _refused)
    assert not is_dead(name)
    assert member_name("some-host-1-0123abcd") == "some-host-1-0123abcd"


def _refused(_: Path) -> str:
    raise PermissionError


@pytest.fixture
async def deployment(shared_servers: Servers, namespace: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A worker of operations with two partitions that folded something."""
    made = Deployment(shared_servers, namespace, tmp_path, partitions=2)
    await made.create()
    made.start("operations")
    await made.push(
        [Push(made.topic("operations.in"), OPERATION_PRICING, b"663a258c-5e7c-456f-9759-73e02db8b5d9")]
    )
    await made.settle(services=_SERVICE)
    yield made
    made.stop()


async def _members(deployment: Deployment) -> list[str]:
    """The client ids of the group's members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.servers.kafka)
    await admin.start()
    try:
        (described,) = await admin.describe_consumer_groups([deployment.names.group("operations")])
        return [client_id for _, client_id, *_ in described.groups[0][5]]
    finally:
        await admin.close()


def _lines(worker: WorkerProcess) -> str:
    """What it said itself: those of one service write to one file."""
    return worker.log.read_bytes()[worker.log_began :].decode()


async def _ready(worker: WorkerProcess) -> None:
    """Wait until both partitions are its own and ready."""
    async with asyncio.timeout(60):
        while _lines(worker).count('"event":"ready"') < 2:  # noqa: ASYNC110  # nothing tells of a line in a file
            await asyncio.sleep(0.2)


@pytest.mark.real
async def test_a_worker_that_was_killed_is_not_waited_for_by_who_starts_in_its_stead(
    deployment: Deployment,
) -> None:
    (before,) = await _members(deployment)
    deployment.workers[0].kill()
    assert await _members(deployment) == [before]
    again = deployment.start("operations")
    await _ready(again)
    (now,) = await _members(deployment)
    assert now != before
    told = [json.loads(line) for line in _lines(again).splitlines()]
    assert [line["member"] for line in told if _LEFT in line["event"]] == [before]


@pytest.mark.real
async def test_one_that_is_only_paused_stays(deployment: Deployment) -> None:
    """The group lets it go by itself once its session is over, as it would without us."""
    paused = deployment.workers[0]
    paused.signal(signal.SIGSTOP)
    other = deployment.start("operations")
    await _ready(other)
    assert _LEFT not in _lines(other)
    paused.signal(signal.SIGCONT)
    await deployment.settle(60, services=_SERVICE)
