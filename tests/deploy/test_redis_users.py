"""The Redis users as they are deployed, on a server that was started with their file."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import NoPermissionError

from libs.local.ports import free_port
from libs.local.programs import find_redis
from tests.secured.servers import SERIES

pytestmark = pytest.mark.real

USERS = Path(__file__).resolve().parents[2] / "deploy" / "redis" / "users.acl"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("acl"), free_port()
    with _serving([str(find_redis())], folder, port, USERS):
        yield port


@contextmanager
def _serving(program: list[str], folder: Path, port: int, users: Path) -> Iterator[None]:
    words = [*program, "--port", str(port), "--bind", "127.0.0.1", "--aclfile", str(users)]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen([*words, "--dir", str(folder), "--save", ""], stdout=log, stderr=log)
        try:
            _wait(port)
            yield
        finally:
            server.terminate()
            server.wait(10)


def _wait(port: int) -> None:
    end = time.monotonic() + 10
    with Redis(port=port) as redis:
        while True:
            try:
                redis.ping()
            except Refused:
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return


@pytest.fixture(scope="module")
def figures(port: int) -> None:
    """Some of what is there, written as the services are."""
    with Redis(port=port) as redis:
        redis.xadd("m:ts:operations", {"rate": "1"}, "1000-0")
        redis.hset("m:now:operations", "rate", "1")
        redis.sadd("m:services", "operations")
        redis.hset("{operations.0}:position", "ready", "1")
        redis.set("credentials", "secret")


def _as_grafana(port: int, *command: str) -> Any:
    with Redis(port=port, username="grafana", password="", decode_responses=True) as redis:
        return redis.execute_command(*command)


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize(
    "command",
    [
        ("PING",),
        ("XRANGE", "m:ts:operations", "-", "+"),
        ("XREVRANGE", "m:ts:operations", "+", "-", "COUNT", "1"),
        ("XLEN", "m:ts:operations"),
        ("HGETALL", "m:now:operations"),
        ("HGET", "m:now:operations", "rate"),
        ("SMEMBERS", "m:services"),
    ],
    ids=" ".join,
)
def test_grafana_reads_the_figures(port: int, command: tuple[str, ...]) -> None:
    """By the commands of its data source."""
    assert _as_grafana(port, *command)


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize(
    "command",
    [
        ("HGETALL", "{operations.0}:position"),
        ("GET", "credentials"),
        ("GET", "signature:x"),
        ("HSET", "m:now:operations", "rate", "2"),
        ("XADD", "m:ts:operations", "*", "rate", "2"),
        ("XTRIM", "m:ts:operations", "MAXLEN", "0"),
        ("DEL", "m:services"),
        ("DEL", "ts:rate:operations"),
        ("SET", "ts:rate:operations", "2"),
        ("GETEX", "ts:rate:operations", "PERSIST"),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        ("DBSIZE",),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("INFO",),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "ID", "1"),
        ("ACL", "LIST"),
        ("EVAL", "return redis.call('GET', 'credentials')", "0"),
        ("EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "m:services"),
        ("XREAD", "BLOCK", "0", "STREAMS", "m:ts:operations", "$"),
        ("PUBLISH", "x", "y"),
        ("SUBSCRIBE", "x"),
        ("SORT_RO", "m:services", "BY", "credentials"),
        ("BITFIELD_RO", "credentials", "GET", "u8", "0"),
    ],
    ids=" ".join,
)
def test_grafana_is_refused_everything_else(port: int, command: tuple[str, ...]) -> None:
    """Other keys, whatever writes, whatever tells of other keys, of the server or of others, and whatever waits."""
    with pytest.raises(NoPermissionError):
        _as_grafana(port, *command)


@pytest.mark.skipif(
    SERIES not in os.environ, reason=f"there is no Redis with TimeSeries: {SERIES} names none"
)
def test_grafana_reads_series_and_writes_none(tmp_path: Path) -> None:
    """Of one key by its name; on a Redis before 8 with the commands that README names beside the file."""
    users, own = tmp_path / "users.acl", free_port()
    users.write_text(USERS.read_text().rstrip() + " +ts.range +ts.revrange +ts.get\n")
    with _serving(shlex.split(os.environ[SERIES]), tmp_path, own, users):
        with Redis(port=own) as redis:
            for key in ("ts:rate:operations", "{operations.0}:series"):
                redis.execute_command("TS.ADD", key, "1", "2")
        assert _as_grafana(own, "TS.RANGE", "ts:rate:operations", "-", "+") == [[1, 2.0]]
        assert _as_grafana(own, "TS.GET", "ts:rate:operations") == [1, 2.0]
        for refused in (
            ("TS.RANGE", "{operations.0}:series", "-", "+"),
            ("TS.ADD", "ts:rate:operations", "2", "3"),
            ("DEL", "ts:rate:operations"),
        ):
            with pytest.raises(NoPermissionError):
                _as_grafana(own, *refused)
