"""A run whose own clients failed says so: it is no verdict on the program, and no proof of it either."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from redis.exceptions import ConnectionError as RedisAway

from libs.local.ports import free_port
from libs.local.stack import LocalStack
from tests.faults.lane import Lane, Outcome, run
from tests.real.deployment import Deployment, HarnessFailed
from tests.real.topics import Feeder
from tests.stack import Servers


@pytest.mark.parametrize(
    "why",
    [RedisAway("away"), KafkaConnectionError("away"), ConnectionRefusedError("away"), HarnessFailed("x")],
)
async def test_a_client_of_the_tests_own_that_fails_is_no_verdict(
    why: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await _run(why, tmp_path, monkeypatch)
    assert outcome.wrong == ""
    assert type(why).__name__ in outcome.unjudged
    assert outcome.told.startswith("NO VERDICT")
    assert "no verdict" in outcome.amiss


async def test_a_file_that_is_missing_may_be_a_worker_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the system is none of our clients' unless it is one of a connection."""
    assert (await _run(FileNotFoundError("/proc/1/stat"), tmp_path, monkeypatch)).wrong


async def test_what_an_assertion_says_is_the_programs_doing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = await _run(AssertionError("a worker ended"), tmp_path, monkeypatch)
    assert outcome.unjudged == ""
    assert outcome.told == "WRONG: AssertionError: a worker ended"
    assert outcome.amiss == outcome.wrong


def test_a_run_without_either_is_a_good_one() -> None:
    assert (Outcome("x", 1).told, Outcome("x", 1).amiss) == ("nothing lost, doubled or changed", "")


async def test_servers_that_never_answered_leave_no_verdict_about_what_should_have_settled(
    tmp_path: Path,
) -> None:
    stack = LocalStack(tmp_path, free_port(), free_port())
    servers = Servers(stack.kafka_servers, stack.redis_url)
    with pytest.raises(HarnessFailed, match="after"):
        await Deployment(servers, "x", tmp_path).settle(0.5)


async def _run(why: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """A run on servers that are not there, whose scenario fails."""

    async def scenario(_: Lane) -> None:
        raise why

    async def nothing(_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(Deployment, "create", nothing)
    monkeypatch.setattr(Feeder, "start", nothing)
    stack = LocalStack(folder, free_port(), free_port())
    return await run("x", scenario, stack, folder, size=10, times=1)
