"""A broker that is killed, paused or started again: senders are told in time, and the gateway is back without help."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from libs.local.stack import LocalStack
from tests.services.gateway.harness import EXECUTION, EXECUTIONS, body
from tests.services.gateway.process import Gateway, gateway
from tests.services.gateway.test_real import records

pytestmark = [pytest.mark.real, pytest.mark.faults]

ANSWERED_WITHIN = 7.0  # seconds: the deadline of 5, and some for a busy machine


@pytest.fixture
def running(tmp_path: Path, own_stack: LocalStack, namespace: str) -> Iterator[Gateway]:
    with gateway(tmp_path / "log", kafka=own_stack.kafka_servers, namespace=namespace, partitions=3) as one:
        one.wait(200)
        yield one


def send(one: Gateway) -> tuple[int, float, bytes]:
    """Post an execution of its own; the status, the seconds until the answer, and the body."""
    content = body(EXECUTION, id=str(uuid.uuid4()))
    began = time.monotonic()
    response = one.post(EXECUTIONS, content)
    return response.status_code, time.monotonic() - began, content


async def test_a_killed_broker_means_503_in_time_and_202_once_it_is_back(
    running: Gateway, own_stack: LocalStack, namespace: str
) -> None:
    told = []
    for _ in range(2):
        status, _, content = send(running)
        assert status == 202
        told.append(content)
        own_stack.kafka.kill()
        status, seconds, _ = send(running)
        assert (status, seconds < ANSWERED_WITHIN) == (503, True)
        running.wait(503)
        own_stack.kafka.start()
        assert running.wait(200) < 20
        for _ in range(5):
            status, _, content = send(running)
            assert status == 202
            told.append(content)
    found = [record.value for record in await records(own_stack.kafka_servers, f"{namespace}.executions.in")]
    assert set(told) <= set(found), "what was answered with 202 is there"


def test_a_paused_broker_means_503_in_time_and_202_once_it_goes_on(
    running: Gateway, own_stack: LocalStack
) -> None:
    pid = own_stack.kafka.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        status, seconds, _ = send(running)
        assert (status, seconds < ANSWERED_WITHIN) == (503, True)
        running.wait(503)
        assert httpx.get(running.url + "/healthz").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    running.wait(200)
    assert send(running)[0] == 202


def test_it_stops_in_time_while_the_broker_is_dead_with_records_under_way(
    running: Gateway, own_stack: LocalStack
) -> None:
    own_stack.kafka.kill()
    try:
        assert send(running)[0] == 503
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0
    finally:
        own_stack.kafka.start()
