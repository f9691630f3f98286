"""The process: what it refuses to start with, and how it waits and ends while Kafka is away."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from libs.local.ports import free_port
from tests.services.gateway.harness import EXECUTION, EXECUTIONS, body
from tests.services.gateway.process import SECRET, gateway, refused


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "STRATAFOLD_WEBHOOK_SECRETS"),
        ({"webhook_secrets": "whsec_*"}, "STRATAFOLD_WEBHOOK_SECRETS"),
        ({"webhook_secrets": SECRET, "partitions": "many"}, "STRATAFOLD_PARTITIONS"),
    ],
)
def test_a_wrong_or_missing_setting_ends_it_with_one_line_and_status_2(
    settings: dict[str, str], named: str
) -> None:
    status, said = refused(**settings)
    assert status == 2
    assert named in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_ends_it_with_one_line_and_status_2(host: str) -> None:
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        status, said = refused(webhook_secrets=SECRET, gateway_port=port)
    assert (status, said) == (2, f"stratafold: STRATAFOLD_GATEWAY_PORT: port {port} is in use\n")


def test_without_kafka_it_keeps_waiting_says_why_and_answers_503(tmp_path: Path) -> None:
    nobody = free_port()
    with gateway(tmp_path / "log", kafka=f"127.0.0.1:{nobody}") as one:
        one.wait(200, path="/healthz")
        assert httpx.get(one.url + "/readyz").status_code == 503
        began = time.monotonic()
        response = one.post(EXECUTIONS, body(EXECUTION))
        assert time.monotonic() - began < 7
        assert response.status_code == 503
        assert "Retry-After" in response.headers
        deadline = time.monotonic() + 10
        while str(nobody) not in (said := reasons(one.log)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert str(nobody) in said
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(15) == 0
        assert SECRET not in one.log.read_text()


def reasons(log: Path) -> str:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return " ".join(line["why"] for line in lines if line["event"].startswith("kafka does not answer"))


def test_sigterm_ends_it_with_a_slow_sender_in_the_middle_of_a_body(tmp_path: Path) -> None:
    with gateway(tmp_path / "log", kafka=f"127.0.0.1:{free_port()}") as one:
        one.wait(200, path="/healthz")
        port = int(one.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as sender:
            sender.sendall(f"POST {EXECUTIONS} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
            time.sleep(0.3)
            one.process.send_signal(signal.SIGTERM)
            assert one.process.wait(15) == 0


@pytest.mark.parametrize(
    "request_line",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /\xff\xfe HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
        f"POST {EXECUTIONS} HTTP/1.1\r\nhost: x\r\ncontent-length: minus\r\n\r\n".encode(),
        f"POST {EXECUTIONS} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".encode(),
        f"POST {EXECUTIONS} HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n".encode(),
        f"POST {EXECUTIONS} HTTP/9.9\r\nhost: x\r\n\r\n".encode(),
    ],
)
def test_what_is_not_even_http_is_refused_and_stops_nobody(tmp_path: Path, request_line: bytes) -> None:
    with gateway(tmp_path / "log", kafka=f"127.0.0.1:{free_port()}") as one:
        one.wait(200, path="/healthz")
        port = int(one.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
            sender.sendall(request_line)
            assert sender.recv(100).startswith(b"HTTP/1.1 4")
        assert httpx.get(one.url + "/healthz").status_code == 200
