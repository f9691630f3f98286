"""Requests that are wrong in every way we could think of: each has its answer, none is an error of ours."""

from __future__ import annotations

import socket
import time
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.services.api.conftest import Running
from tests.services.api.process import ELSEWHERE, signed

pytestmark = pytest.mark.real

STRATEGY = "/api/v1/strategies/x"


def test_authentication_that_is_none_is_401_with_a_challenge(running: Running) -> None:
    good = signed(running.key, running.secret, STRATEGY)

    def without(*names: str) -> dict[str, str]:
        return {
            name: value
            for name, value in signed(running.key, running.secret, STRATEGY).items()
            if name not in names
        }

    def off(ms: int) -> dict[str, str]:
        return signed(running.key, running.secret, STRATEGY, at=time.time_ns() // 1_000_000 + ms)

    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {running.key}"},
        {"Authorization": f"Bearer {'x' * 5000}"},
        {"Authorization": f"Basic {running.token}"},
        {"Authorization": "Bearer " + running.token},
        without("X-Api-Key"),
        without("X-Timestamp"),
        without("X-Signature"),
        without("X-Timestamp", "X-Signature"),
        {**good, "X-Api-Key": ""},
        {**good, "X-Api-Key": "sfk_unknown"},
        {**good, "X-Api-Key": "x" * 5000},
        {**good, "X-Signature": good["X-Signature"].upper()},
        {**good, "X-Signature": "0" * 64},
        {**good, "X-Signature": good["X-Signature"][:-1] + "~"},
        {**good, "X-Signature": ""},
        {**good, "X-Timestamp": ""},
        {**good, "X-Timestamp": "x"},
        {**good, "X-Timestamp": "-1"},
        {**good, "X-Timestamp": "1.5e12"},
        {**good, "X-Timestamp": "9" * 400},
        {**good, "X-Timestamp": str(int(good["X-Timestamp"]) + 1)},
        off(-31_000),  # the future one may come closer while the others are tried
        off(55_000),
        signed(running.key, running.secret, STRATEGY, "POST"),
        signed(running.key, running.secret, STRATEGY + "y"),
        signed(running.key, running.secret, STRATEGY + "?a=b"),
        signed(running.key, "another secret", STRATEGY),
        signed(running.secret, running.key, STRATEGY),
    ]
    for headers in wrong:
        answer = running.api.get(STRATEGY, headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer"), headers
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 401
    # none of it used the good one up
    assert running.api.get(STRATEGY, good).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//", 404),
        ("/agents/", 404),
        ("/api/v1/strategies?status=settled", 401),
        ("/api/v1/strategies/", 404),
        ("/agents/x/nothing", 404),
        ("/agents/x/risk", 404),
        ("/agents/" + quote("a/b", safe=""), 404),
        ("/agents/%00", 404),
        ("/agents/%ff%fe", 404),
        ("/agents/%ED%A0%80", 404),
        ("/agents/*", 404),
        ("/agents/x:log", 404),
        ("/agents/x:equity/equity", 404),
        ("/agents/..%2f..%2fposition", 404),
        ("/agents/" + "x" * 10_000, 404),
        ("/agents/x/equity", 404),
        ("/agents?limit=0", 422),
        ("/agents?limit=x", 422),
        ("/agents?limit=", 422),
        ("/agents?limit=99999999999999999999", 422),
        ("/agents?cursor=x", 422),
        ("/agents?cursor=%00%ff", 422),
        ("/agents?cursor=WzRd", 422),
        ("/agents/x/equity?cursor=WzEsImEiXQ", 422),
        ("/agents/x/trades?limit=1.5", 422),
        ("/agents/x/journal?cursor=WzkwMDcxOTkyNTQ3NDA5OTNd", 422),
    ],
)
def test_paths_and_parameters_that_are_none(running: Running, path: str, status: int) -> None:
    answer = running.api.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    if status == 422:
        assert problem["errors"][0]["pointer"] in ("/limit", "/cursor")


@pytest.mark.parametrize("path", ["/*", "/%2a", "/x:log", "/%00", "/%ff", "/:", "/a:b", "/" + "x" * 5000])
def test_strategies_that_can_not_be(running: Running, path: str) -> None:
    given = "/api/v1/strategies" + path
    assert running.api.get(given, {"Authorization": running.token}).status_code == 404
    assert running.api.get(given, signed(running.key, running.secret, given)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_other_methods_are_405(running: Running, method: str) -> None:
    for path in (STRATEGY, "/agents", "/agents/x/equity", "/healthz"):
        answer = httpx.request(method, running.api.url + path, content=b"{" * 1000, timeout=60)
        assert answer.status_code == 405, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /agents HTTP/9.9\r\n\r\n",
        b"GET /agents HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /agents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /agents/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /agents HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_hardly_http_harms_nobody(running: Running, sent: bytes) -> None:
    where = urlsplit(running.api.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as one:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        one.settimeout(5)
        try:
            answer = one.recv(64)
        except (TimeoutError, ConnectionError):
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert running.api.get("/healthz").status_code == 200


def test_nothing_of_it_was_an_error_in_the_log(running: Running) -> None:
    """Last in this module: what came before must have left no traceback."""
    running.api.get("/agents", {**ELSEWHERE, "Authorization": "Bearer \x7f"})
    text = running.api.log.read_text()
    assert "Traceback" not in text
    assert running.token.removeprefix("Bearer ") not in text
    assert running.secret not in text
