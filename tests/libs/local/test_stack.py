"""The local stack as real processes: kept data, neighbours, strangers, damage, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from libs.local import ports
from libs.local.errors import LocalStackError
from libs.local.owner import Owner, _began
from libs.local.ports import free_port
from libs.local.stack import LocalStack
from tests.stack import local_stack

pytestmark = pytest.mark.real
DEAD_BYTES = 3 * 1024 * 1024


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def processes_of(folder: Path) -> list[list[str]]:
    """The command lines of all processes that name the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        argv = process.info["cmdline"] or []
        if any(str(folder) in argument for argument in argv) and process.pid != os.getpid():
            found.append(argv)
    return found


async def append(servers: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_request_size=2 * DEAD_BYTES)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def values(servers: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        read: list[bytes] = []
        while len(read) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                read += [record.value or b"" for record in records]
        return read
    finally:
        await consumer.stop()


async def create(servers: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        limit = {"max.message.bytes": str(DEAD_BYTES + 100_000)}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=limit)])
    finally:
        await admin.close()


async def test_what_was_kept_is_there_after_every_way_of_ending(own_stack: LocalStack) -> None:
    """A clean stop and SIGKILL alike; a dead letter of 3 MiB fits."""
    large = os.urandom(DEAD_BYTES)
    await create(own_stack.kafka_servers, "kept")
    await append(own_stack.kafka_servers, "kept", large)
    redis = Redis.from_url(own_stack.redis_url)
    redis.set("kept", "1")

    assert own_stack.down() == ["kafka", "redis"]
    assert own_stack.up() == ["redis", "kafka"]
    await append(own_stack.kafka_servers, "kept", b"second")
    assert redis.get("kept") == b"1"
    redis.set("kept", "2")
    await asyncio.sleep(1.5)  # the append-only file is written every second

    assert own_stack.kafka.kill()
    assert own_stack.redis.kill()
    assert own_stack.kafka.pid is None
    assert own_stack.redis.pid is None
    own_stack.up()
    assert redis.get("kept") == b"2"
    assert await values(own_stack.kafka_servers, "kept") == [large, b"second"]


def test_any_folder_but_one_with_a_comma_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces, quotes and letters beyond ASCII in its name, in the plainest locale."""
    monkeypatch.setenv("LC_ALL", "C")
    stack = local_stack(tmp_path / 'für "mich" \\ alle')
    try:
        assert stack.up() == ["redis", "kafka"]
        assert (stack.data / "kafka" / "data" / "meta.properties").is_file()
        assert (stack.data / "redis" / "appendonlydir").is_dir()
    finally:
        stack.down()
    with pytest.raises(LocalStackError, match=r"STRATAFOLD_DATA: .*comma"):
        local_stack(tmp_path / "a,b").kafka.start()


async def test_no_topic_comes_about_by_itself(own_stack: LocalStack) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=own_stack.kafka_servers)
    await consumer.start()
    try:
        assert consumer.partitions_for_topic("never-created") is None
        consumer.subscribe(["never-created"])
        await consumer.getmany(timeout_ms=500)
        assert "never-created" not in await consumer.topics()
    finally:
        await consumer.stop()


async def test_the_servers_that_a_run_shares_serve(kafka: str, redis_url: str, namespace: str) -> None:
    """Whichever they are: named ones, containers or processes."""
    await create(kafka, f"{namespace}.any")
    await append(kafka, f"{namespace}.any", b"x")
    assert await values(kafka, f"{namespace}.any") == [b"x"]
    assert Redis.from_url(redis_url).set(f"{namespace}:any", "x", ex=60)


def test_up_where_it_runs_says_so_and_changes_nothing(own_stack: LocalStack) -> None:
    own_stack.up()
    before = own_stack.status()
    assert own_stack.up() == []
    assert own_stack.status() == before
    assert all(server.pid for server in before)


def test_another_process_finds_and_ends_what_this_one_started(tmp_path: Path) -> None:
    """And nothing of it is left."""
    stack = local_stack(tmp_path)
    environment = {
        **os.environ,
        "STRATAFOLD_DATA": str(tmp_path),
        "STRATAFOLD_LOCAL_KAFKA_PORT": stack.kafka_servers.rpartition(":")[2],
        "STRATAFOLD_LOCAL_REDIS_PORT": stack.redis_url.rpartition(":")[2].removesuffix("/0"),
    }

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "services.cli", "local", *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)

    try:
        assert command("status", "--json").returncode == 1
        started = command("up", "--json")
        assert started.returncode == 0, started.stderr
        said = json.loads(started.stdout)
        assert said["kafka"] == {"state": "started", "address": stack.kafka_servers, "pid": stack.kafka.pid}
        assert command("status").returncode == 0
        assert [word for word in command("up").stdout.split() if word == "already"] == ["already", "already"]
        assert len(processes_of(tmp_path)) == 2
        stopped = command("down", "--json")
        assert json.loads(stopped.stdout)["redis"]["state"] == "stopped"
        assert processes_of(tmp_path) == []
        assert json.loads(command("down", "--json").stdout)["kafka"]["state"] == "did not run"
    finally:
        stack.down()


async def test_a_second_stack_runs_beside_the_first(own_stack: LocalStack, tmp_path: Path) -> None:
    own_stack.up()
    second = local_stack(tmp_path)
    try:
        assert second.up() == ["redis", "kafka"]
        await create(second.kafka_servers, "second-only")
        await create(own_stack.kafka_servers, "first-only")
        Redis.from_url(second.redis_url).set("whose", "second")
        assert Redis.from_url(own_stack.redis_url).get("whose") is None
        admin = AIOKafkaAdminClient(bootstrap_servers=own_stack.kafka_servers)
        await admin.start()
        try:
            assert "second-only" not in await admin.list_topics()
        finally:
            await admin.close()
    finally:
        second.down()
    assert all(server.pid for server in own_stack.status())


def test_a_stale_record_never_ends_a_stranger(tmp_path: Path) -> None:
    """The id of a server that is gone may be another program's by now."""
    stack = local_stack(tmp_path)
    stack.redis.start()
    record = tmp_path / "run" / "redis.json"
    kept = json.loads(record.read_text())
    stack.redis.stop()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        try:
            record.write_text(json.dumps({**kept, "pid": stranger.pid}))
            assert stack.redis.pid is None
            assert stack.redis.kill() is False
            assert stack.down() == []
            assert stack.redis.start()
            assert {server.pid for server in stack.status()}.isdisjoint({stranger.pid})
            assert stranger.poll() is None
        finally:
            stack.down()
            stranger.kill()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": -1, "argv": [], "port": 1}'])
def test_a_broken_record_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    stack = local_stack(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "redis.json").write_text(content)
    assert stack.redis.pid is None
    assert stack.redis.stop() is False


def test_what_belongs_to_a_process_that_is_gone_goes_over_to_whoever_starts_it_next(tmp_path: Path) -> None:
    """And to nobody before, and never from one that lives, nor from nobody."""
    redis = local_stack(tmp_path).redis

    def owner() -> Owner | None:
        return redis.owner

    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        first = Owner(other.pid, _began(other.pid))
        me = Owner.this()
        try:
            assert redis.start(first)
            pid = redis.pid
            assert redis.start(me) is False
            assert redis.start() is False
            assert owner() == first
            other.kill()
            other.wait()
            assert owner() == first
            assert redis.start(me) is False
            assert (owner(), redis.pid) == (me, pid)
            assert redis.stop()
            assert owner() is None
            assert redis.start()
            assert redis.start(me) is False
            assert owner() is None
        finally:
            redis.stop()
            other.kill()


def test_a_paused_server_is_ended_cleanly(tmp_path: Path) -> None:
    stack = local_stack(tmp_path)
    stack.redis.start()
    pid = stack.redis.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    assert stack.redis.stop()
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("name", ["kafka", "redis"])
def test_a_port_in_use_is_said_in_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    port, other = free_port(), free_port()
    stack = LocalStack(tmp_path, *((port, other) if name == "kafka" else (other, port)))
    with listening(port), pytest.raises(LocalStackError) as refusal:
        stack.up()
    line = str(refusal.value)
    assert f"port {port} for {name} is in use" in line
    assert f"STRATAFOLD_LOCAL_{name.upper()}_PORT" in line
    assert "\n" not in line
    assert processes_of(tmp_path) == []


def test_the_controller_s_port_is_no_one_else_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka is started before those are that `up` has ports for; the controller takes none of them."""
    first = free_port()
    wanted, spare = [*range(first, first + 20)], first + 20
    monkeypatch.setattr(ports, "_FIRST", first)
    monkeypatch.setattr(ports, "_LAST", spare + 1)
    monkeypatch.setattr(ports, "taken", lambda port: False)
    monkeypatch.setattr("libs.local.stack.missing", lambda *_: ())
    kafka_port, redis_port, *others = wanted
    stack = LocalStack(tmp_path, kafka_port, redis_port, besides=others)
    meta = tmp_path / "kafka" / "data" / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.touch()  # there is nothing to be made anew
    stack.kafka._program.prepare()
    assert f"CONTROLLER://127.0.0.1:{spare}\n" in (tmp_path / "kafka" / "server.properties").read_text()


def test_a_stack_that_runs_on_another_port_is_said(tmp_path: Path) -> None:
    first = local_stack(tmp_path)
    first.redis.start()
    try:
        with pytest.raises(LocalStackError, match=r"runs already, on port \d+.*stratafold local down"):
            local_stack(tmp_path).redis.start()
    finally:
        first.down()


def test_a_server_that_ends_while_starting_is_said_with_its_last_line(tmp_path: Path) -> None:
    stack = local_stack(tmp_path)
    damaged = tmp_path / "redis" / "appendonlydir"
    damaged.mkdir(parents=True)
    (damaged / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(LocalStackError, match=r"redis ended while it was starting: .+ \(see .*redis\.log\)"):
        stack.up()
    assert stack.redis.pid is None
    assert processes_of(tmp_path) == []


def test_the_command_ends_with_status_2_and_one_line(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "STRATAFOLD_DATA": str(tmp_path), "STRATAFOLD_LOCAL_REDIS_PORT": str(port)}
    with listening(port):
        argv = [sys.executable, "-m", "services.cli", "local", "up"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"stratafold: port {port} for redis is in use by another program: set STRATAFOLD_LOCAL_REDIS_PORT to a free one"
    ]
